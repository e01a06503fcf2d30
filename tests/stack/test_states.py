"""Every state that a stack of AWS's can have is either handled or refused with the way out, whatever is asked of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from ruamel.yaml import YAML

from runbook_lib.stack.installing import DEPLOYABLE, WAYS_OUT, Installer, StackFailed, StackRefused, exit_code

CASES: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(
    (Path(__file__).parents[1] / "cases" / "stack-states.yaml").read_text(encoding="utf-8")
)


@dataclass
class CloudFormation:
    """One stack in a state; what ends it in another is noted."""

    state: str
    protected: bool = False
    why: str = ""
    called: list[str] = field(default_factory=list)

    def describe_stacks(self, **given: Any) -> Any:
        return {"Stacks": [{"StackId": "arn:stack", "StackStatus": self.state, "EnableTerminationProtection": self.protected}]}

    def describe_stack_events(self, **given: Any) -> Any:
        if not self.called:
            return {"StackEvents": []}
        event = {"EventId": "1", "LogicalResourceId": "Work", "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": self.why}
        return {"StackEvents": [event] if self.why else []}

    def delete_stack(self, **given: Any) -> None:
        self.called.append("delete")
        self.state = "DELETE_FAILED" if self.why else "DELETE_COMPLETE"

    def continue_update_rollback(self, **given: Any) -> None:
        self.called.append("recover")
        self.state = "UPDATE_ROLLBACK_COMPLETE"


def installer(made: CloudFormation) -> Installer:
    around: Any = SimpleNamespace(client=lambda service: made)
    return Installer(around, "runbook", "111111111111", lambda line: None, lambda seconds: None)


def test_every_state_of_aws_has_a_case() -> None:
    model = botocore.session.get_session().get_service_model("cloudformation")
    assert set(CASES) == set(model.shape_for("StackStatus").enum)  # type: ignore[attr-defined] # the stubs lack it
    assert set(CASES) >= {*DEPLOYABLE, *WAYS_OUT} - {""}


@pytest.mark.parametrize("state", CASES)
def test_it_is_handled_or_refused_with_the_way_out(state: str) -> None:
    wanted = CASES[state]
    if wanted["deploy"] in ("CREATE", "UPDATE"):
        assert installer(CloudFormation(state)).kind() == wanted["deploy"]
    else:
        refused(state, lambda made: made.kind(), wanted["deploy"])
    steps: dict[str, Callable[[Installer], Any]] = {"recover": lambda made: made.recover(()), "delete": lambda made: made.delete()}
    for name, step in steps.items():
        if wanted[name] is True:
            made = CloudFormation(state)
            step(installer(made))
            assert made.called == [name]
        else:
            refused(state, step, wanted[name])
    assert exit_code(state) == wanted["status"]


def refused(state: str, step: Callable[[Installer], Any], words: str) -> None:
    made = CloudFormation(state)
    with pytest.raises(StackRefused) as raised:
        step(installer(made))
    assert words in str(raised.value)
    assert state in str(raised.value) or state == "DELETE_COMPLETE"
    assert made.called == [], "nothing was changed"


def test_a_protected_stack_is_not_deleted_and_the_way_is_said() -> None:
    made = CloudFormation("CREATE_COMPLETE", protected=True)
    with pytest.raises(StackRefused, match="update-termination-protection --no-enable-termination-protection --stack-name runbook"):
        installer(made).delete()
    assert made.called == []


def test_a_stack_policy_that_forbids_the_change_is_named_with_the_way_out() -> None:
    made = CloudFormation("UPDATE_COMPLETE", why="Action denied by stack policy: Statement [#1] does not allow [Update:*]")
    with pytest.raises(StackFailed, match=r"Work: Action denied by stack policy.*set-stack-policy --stack-name runbook"):
        installer(made).delete()
