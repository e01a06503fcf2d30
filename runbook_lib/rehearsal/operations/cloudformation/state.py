"""CloudFormation's state: stacks, their resources and events, change sets, and the addresses at which answers are waited for."""

import threading
from dataclasses import dataclass, field
from typing import Any

NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass
class Resource:
    """One resource of a stack, as it was last made."""

    logical_id: str
    type: str
    properties: dict[str, Any]
    physical_id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    reason: str = ""
    changed: float = 0.0

    @property
    def custom(self) -> bool:
        return self.type.startswith("Custom::") or self.type == "AWS::CloudFormation::CustomResource"


@dataclass
class Stack:
    """One stack. `template` and `parameters` are those of the last operation that succeeded."""

    id: str
    name: str
    account: str
    region: str
    partition: str
    status: str
    created: float
    reason: str = ""
    template: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    protected: bool = False
    change_sets: dict[str, "ChangeSet"] = field(default_factory=dict)
    token: str = ""
    cancelled: bool = False
    failed_in_rollback: set[str] = field(default_factory=set)
    failed_requests: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """Logical id, kind and properties of a request that failed → its id, which the next try has again."""

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


@dataclass
class ChangeSet:
    id: str
    name: str
    kind: str
    template: dict[str, Any]
    parameters: dict[str, str]
    description: str
    created: float
    status: str = "CREATE_COMPLETE"
    execution: str = "AVAILABLE"
    reason: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Waiting:
    """One request to a custom resource, and the answer to it once it has come."""

    event: dict[str, Any]
    expires: float
    answer: dict[str, Any] | None = None
    used: bool = False
    heard: threading.Event = field(default_factory=threading.Event)


@dataclass
class CloudFormationState:
    """By StackId; names are found among those that are not deleted."""

    stacks: dict[str, Stack] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    lose_answers: bool = False
    """S3 takes answers, and CloudFormation never sees them."""
    refuse_answers: int = 0
    """So many times S3 still refuses to take an answer."""

    def named(self, account: str, region: str, named: str) -> Stack | None:
        """A stack by name, or by id, which also finds a deleted one."""
        if named in self.stacks:
            return self.stacks[named]
        there = [each for each in self.stacks.values() if (each.account, each.region, each.name) == (account, region, named)]
        return next((each for each in there if each.status != "DELETE_COMPLETE"), None)
