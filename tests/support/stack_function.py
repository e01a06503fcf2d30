"""What a function of the stack has around it, in this process: one account's services as tables, CloudFormation as a listener."""

import datetime as dt
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from runbook_lib.stack.accept import Door
from runbook_lib.stack.surroundings import BUCKET, MACHINE, MODE, PARAMETERS, Surroundings

STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/runbook/00000000-0000-0000-0000-000000000000"
MACHINE_ARN = "arn:aws:states:us-east-1:111111111111:stateMachine:runbook"
TOKEN = "c2VjcmV0LW9mLXRoZS1wcmUtc2lnbmVkLWFkZHJlc3M"
"""What must be found nowhere but where an answer goes."""
MADE: "list[Account]" = []
"""Every account that was made; a test of the folder's conftest looks through them."""
NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)
ORDERS = [f"20261129T1{number}0000Z-{number:064x}" for number in range(3)]


def refused(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Call")  # type: ignore[typeddict-item]


def event(
    kind: str = "Create", *, order: str = ORDERS[1], old: str = "", request: str = "r-1", url: str = "1", **more: Any
) -> dict[str, Any]:
    """One of CloudFormation's, its address signed a moment ago."""
    properties = {"ServiceToken": "arn", "Format": "1", "Phase": "10_security_hub", "Order": order}
    said = {
        "RequestType": kind, "RequestId": request, "StackId": STACK, "LogicalResourceId": "SecurityHub",
        "ResponseURL": f"https://answers.example/{url}?X-Amz-Date={NOW:%Y%m%dT%H%M%SZ}&X-Amz-Signature={TOKEN}",
        "ResourceType": "Custom::RunbookPhase", "ResourceProperties": properties,
    }  # fmt: skip
    if old:
        said["OldResourceProperties"] = {**properties, "Order": old}
    return {**said, **more}


@dataclass(eq=False)
class Account(Surroundings):
    """The surroundings of a function, whose clients are this object itself."""

    environment: Mapping[str, str] = field(
        default_factory=lambda: {BUCKET: "artifacts", MODE: "rehearsal", MACHINE: MACHINE_ARN, PARAMETERS: "/runbook/runbook"}
    )
    state: str = "CREATE_IN_PROGRESS"
    objects: dict[str, bytes] = field(default_factory=dict)
    parked: dict[str, str] = field(default_factory=dict)
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    denied: int = 0
    """So many calls are still denied, as to a role that was only just made."""
    slept: list[float] = field(default_factory=list)
    now: dt.datetime = NOW
    broken: str = ""
    """The call that always fails."""

    def __post_init__(self) -> None:
        MADE.append(self)

    @property
    def written(self) -> str:
        """Whatever lies in the account but encrypted parameters, which alone may hold an address."""
        return repr((self.environment, self.objects, self.executions, self.answers, list(self.parked)))

    @property
    def door(self) -> Door:
        return Door(self, now=lambda: self.now, sleep=self.slept.append, deliver=self.deliver)

    def deliver(self, url: str, answer: bytes) -> None:
        assert TOKEN in url
        self.answers.append(json.loads(answer))

    def client(self, service: str) -> Any:
        return self

    def _asked(self, name: str) -> None:
        if self.denied:
            self.denied -= 1
            raise refused("AccessDeniedException")
        if name == self.broken:
            raise refused("ValidationError")

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 as AWS spells it
        self._asked("describe_stacks")
        assert StackName == STACK
        return {"Stacks": [{"StackStatus": self.state}]}

    def put_parameter(self, **given: Any) -> None:
        self._asked("put_parameter")
        assert given["Type"] == "SecureString"
        self.parked[given["Name"]] = given["Value"]

    def get_parameter(self, Name: str, WithDecryption: bool) -> Any:  # noqa: N803 as AWS spells it
        if Name not in self.parked:
            raise refused("ParameterNotFound")
        return {"Parameter": {"Value": self.parked[Name]}}

    def delete_parameter(self, Name: str) -> None:  # noqa: N803 as AWS spells it
        del self.parked[Name]

    def start_execution(self, **given: Any) -> None:
        self._asked("start_execution")
        name = given["name"]
        if name in self.executions and self.executions[name]["status"] != "RUNNING":
            raise refused("ExecutionAlreadyExists")
        self.executions.setdefault(name, {"status": "RUNNING", "input": json.loads(given["input"])})

    def describe_execution(self, **given: Any) -> Any:
        name = given["executionArn"].rpartition(":")[2]
        if name not in self.executions:
            raise refused("ExecutionDoesNotExist")
        return self.executions[name]

    def list_executions(self, **given: Any) -> Any:
        assert given["stateMachineArn"] == MACHINE_ARN
        return {"executions": [{"name": name} for name, each in self.executions.items() if each["status"] == given["statusFilter"]]}

    def put_object(self, **given: Any) -> None:
        if given.get("IfNoneMatch") and given["Key"] in self.objects:
            raise refused("PreconditionFailed", 412)
        self.objects[given["Key"]] = given["Body"]

    def head_object(self, **given: Any) -> None:
        if given["Key"] not in self.objects:
            raise refused("404", 404)

    def get_object(self, **given: Any) -> Any:
        if given["Key"] not in self.objects:
            raise refused("NoSuchKey", 404)
        return {"Body": io.BytesIO(self.objects[given["Key"]])}

    def list_objects_v2(self, **given: Any) -> Any:
        return {"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(given["Prefix"])]}
