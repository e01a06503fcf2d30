"""The function that CloudFormation invokes: what it does with each event, once, and that the address is left nowhere."""

import copy
import datetime as dt
import io
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from stack_function import NOW, ORDERS, STACK, TOKEN, Account, event

from runbook_lib.stack import accept
from runbook_lib.stack.answer import LATE_SECONDS, WORK_SECONDS, Request, execution_name, physical_id
from runbook_lib.stack.events import Event, event_of

CASES: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
    (Path(__file__).parents[1] / "cases" / "stack-events.yaml").read_text(encoding="utf-8")
)
OURS = physical_id(STACK, "SecurityHub")


def of_case(case: dict[str, Any]) -> dict[str, Any]:
    made = event(
        case["kind"], order=ORDERS[case["order"]], old=ORDERS[case["old"]] if "old" in case else "",
        **({"PhysicalResourceId": OURS if case["id"] == "ours" else "a-log-stream"} if "id" in case else {}),
    )  # fmt: skip
    made["ResourceProperties"]["Format"] = case.get("format", "1")
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}-{case['state']}-{case['is']}")
def test_an_event_is_what_the_stack_and_its_properties_say(case: dict[str, Any]) -> None:
    assert event_of(Request.of(of_case(case)), case["state"]) == case["is"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}-{case['state']}-{case['is']}")
def test_only_the_way_on_begins_work(case: dict[str, Any]) -> None:
    account = Account(state=case["state"])
    account.door.accept(of_case(case))
    begun = case["is"] == Event.FORWARD
    assert (len(account.executions), len(account.answers)) == ((1, 0) if begun else (0, 1))
    if not begun:
        answer = account.answers[0]
        assert answer["Status"] == ("FAILED" if case["is"] == Event.STRANGE else "SUCCESS")
        assert answer["PhysicalResourceId"] == OURS, "also where CloudFormation names another"
        assert "nothing was called" in answer["Reason"] or answer["Data"]["Status"].startswith("unchanged")


def test_work_has_until_the_hour_is_nearly_over_and_no_address() -> None:
    account = Account(now=NOW + dt.timedelta(seconds=20))
    account.door.accept(event())
    ((name, begun),) = account.executions.items()
    assert begun["input"]["order"] == ORDERS[1]
    assert begun["input"]["until"] == (NOW + dt.timedelta(seconds=WORK_SECONDS)).isoformat()
    assert TOKEN not in json.dumps(account.executions)
    account.door.answer({"execution": name, "result": {"status": "SUCCESS", "reason": "", "data": {"Calls": 7}}})
    assert (account.answers[0]["Status"], account.answers[0]["Data"]["Calls"]) == ("SUCCESS", "7")
    assert account.parked == {}
    account.door.answer({"execution": name, "result": {"status": "FAILED"}})
    assert len(account.answers) == 1, "an answer is given once"


def test_a_function_that_was_ended_and_a_machine_that_broke_off_are_answered_for() -> None:
    for how in ("error", "broken off"):
        account = Account()
        account.door.accept(event())
        name = execution_name(Request.of(event()))
        if how == "error":
            account.door.answer({"execution": name, "error": {"Error": "Sandbox.Timedout", "Cause": "killed"}})
        else:
            account.door.broken_off(name, "TIMED_OUT")
        assert account.answers[0]["Status"] == "FAILED"
        assert "nothing was undone" in account.answers[0]["Reason"]


def test_the_same_event_twice_begins_once_and_answers_once() -> None:
    account = Account()
    for _ in range(3):
        account.door.accept(event())
    account.executions[execution_name(Request.of(event()))]["status"] = "SUCCEEDED"
    account.door.accept(event())
    assert (len(account.executions), account.answers) == (1, [])


def test_a_retry_with_the_same_request_id_begins_anew_and_asks_the_first_to_stop() -> None:
    account = Account()
    account.door.accept(event(url="1"))
    account.door.accept(event(url="2"))
    assert len(account.executions) == 2
    assert list(account.objects) == [accept.stop_key(execution_name(Request.of(event(url="1"))))]


def test_a_rollback_asks_what_still_works_to_stop() -> None:
    account = Account(state="UPDATE_IN_PROGRESS")
    account.door.accept(event("Update", order=ORDERS[2], old=ORDERS[1]))
    account.state = "UPDATE_ROLLBACK_IN_PROGRESS"
    account.door.accept(event("Update", order=ORDERS[1], old=ORDERS[2], request="r-2", url="2"))
    assert len(account.executions) == 1
    assert len(account.objects) == 1
    assert [each["Status"] for each in account.answers] == ["SUCCESS"]


def test_a_late_event_begins_nothing_and_answers_only_for_itself() -> None:
    late = NOW + dt.timedelta(seconds=LATE_SECONDS + 1)
    first = Account(now=late)
    first.door.accept(event())
    assert first.executions == {}
    assert first.answers[0]["Reason"].startswith("refused: the request arrived too late")
    again = Account()
    again.door.accept(event())
    again.now = late
    again.door.accept(event())
    assert again.answers == [], "the first delivery is being worked on"


def test_a_role_that_is_only_just_there_is_waited_for() -> None:
    account = Account(denied=4)
    account.door.accept(event())
    assert len(account.executions) == 1
    assert account.slept == [1.0, 2.0, 4.0, 8.0]
    account = Account(denied=100)
    account.door.accept(event())
    assert account.answers[0]["Reason"].startswith("failed: the request could not be begun (AccessDeniedException)")
    assert sum(account.slept) <= 75


@pytest.mark.parametrize("call", ["describe_stacks", "put_parameter", "start_execution"])
def test_what_cannot_be_begun_fails_at_once_and_calls_nothing(call: str) -> None:
    account = Account(broken=call)
    account.door.accept(event())
    assert account.executions == {}
    assert account.answers[0]["Status"] == "FAILED"


def test_a_delete_succeeds_whatever_cannot_be_read() -> None:
    """A stack that cannot be deleted is what people do not get out of."""
    account = Account(broken="describe_stacks")
    account.door.accept(event("Delete", PhysicalResourceId=OURS))
    assert account.answers[0]["Status"] == "SUCCESS"


def test_no_exception_leaves_it_and_no_log_has_the_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lambda delivers a request again for an exception, twice, also where it was answered."""

    def broken() -> Account:
        raise RuntimeError(f"cannot: https://answers.example/?X-Amz-Signature={TOKEN}")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(accept, "Surroundings", broken)
    assert accept.handler(event(), None) is None  # type: ignore[func-returns-value]
    with pytest.raises(RuntimeError) as raised:
        accept.handler({"execution": "x", "result": {}}, None)
    account = Account(broken="put_parameter")
    monkeypatch.setattr(accept, "Surroundings", lambda: account)
    monkeypatch.setattr(accept, "send", lambda url, answer: None)
    accept.handler({**event(), "StackId": ""}, None)
    out = io.StringIO()
    print(raised.value, raised.value.__suppress_context__, file=out)
    assert TOKEN not in out.getvalue() + caplog.text
    assert "StackId: missing" in caplog.text


EVENTS = st.tuples(st.sampled_from(CASES), st.integers(0, 3), st.integers(0, 2))


@given(st.lists(EVENTS, max_size=12))
def test_any_sequence_begins_what_leads_on_and_answers_each_request_once(sequence: list[tuple[dict[str, Any], int, int]]) -> None:
    """Repeated, swapped, out of order: work begins for a new request that leads on, and for nothing else."""
    account, wanted = Account(), set[str]()
    for case, request, url in sequence:
        made = of_case(case) | {"RequestId": f"r-{request}"}
        made["ResponseURL"] = f"https://answers.example/{request}-{url}?X-Amz-Signature={TOKEN}"
        account.state = case["state"]
        account.door.accept(made)
        if case["is"] == Event.FORWARD:
            wanted.add(execution_name(Request.of(made)))
    assert set(account.executions) == wanted
    assert all(each["PhysicalResourceId"] == OURS for each in account.answers)


class Gone(BaseException):
    """The function's process is no more: nothing of it runs on."""


@dataclass
class Mortal:
    """An account in which a function is gone before or after one of its calls; counted over all clients, and answers besides."""

    account: Account
    at: int
    after: bool
    called: int = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.account, name)
        if name == "client":
            return lambda service: self
        return found if not callable(found) or name == "door" else lambda **given: self.passed(lambda: found(**given))

    def passed(self, call: Callable[[], Any]) -> Any:
        self.called += 1
        if self.called == self.at and not self.after:
            raise Gone
        number = self.called
        try:
            return call()
        finally:
            if number == self.at:
                raise Gone

    def deliver(self, url: str, answer: bytes) -> None:
        self.passed(lambda: self.account.deliver(url, answer))

    def invoke(self, what: Callable[[accept.Door], object]) -> bool:
        """Whether the function came to its end."""
        around: Any = self
        try:
            what(accept.Door(around, now=lambda: self.account.now, sleep=self.account.slept.append, deliver=self.deliver))
        except Gone:
            return False
        return True


WORKED = {"status": "SUCCESS", "reason": "", "data": {"Calls": 7}}


def killed_then_again(account: Account, what: Callable[[accept.Door], object], *, after: bool) -> int:
    """Kill the function at one call after another, each in a copy of the account, and deliver again; how many calls there were."""
    at = 0
    while True:
        at += 1
        mortal = Mortal(copy.deepcopy(account), at, after)
        if mortal.invoke(what):
            return at - 1
        assert mortal.invoke(what), "what Lambda, or the state machine, delivers again comes to its end"
        came_to_one_end(mortal.account)


def came_to_one_end(account: Account) -> None:
    """Whoever works is one execution, and CloudFormation hears, for each address, one thing and always something."""
    for name, each in account.executions.items():
        if each["status"] == "RUNNING":
            account.door.answer({"execution": name, "result": WORKED})
    heard = [(each["RequestId"], each["Status"]) for each in account.answers]
    assert len(set(heard)) == 1 <= len(heard) <= 2, "a second answer is taken by S3 and heard by nobody, and says the same"
    assert account.parked == {}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["forward", "rollback", "late", "retry"])
def test_the_function_that_accepts_may_be_killed_at_any_call(kind: str, after: bool) -> None:
    account, asked = Account(), event()
    if kind == "rollback":
        account.state, asked = "UPDATE_ROLLBACK_IN_PROGRESS", event("Update", order=ORDERS[1], old=ORDERS[2])
    elif kind == "late":
        account.now = NOW + dt.timedelta(seconds=LATE_SECONDS + 1)
    elif kind == "retry":
        account.door.accept(event())
        asked = event(url="2")
    calls = killed_then_again(account, lambda door: door.accept(asked), after=after)
    assert calls == {"forward": 4, "rollback": 2, "late": 3, "retry": 5}[kind]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("how", ["answer", "broken off"])
def test_the_function_that_answers_may_be_killed_at_any_call(how: str, after: bool) -> None:
    account = Account()
    account.door.accept(event())
    (name,) = account.executions
    if how == "broken off":
        account.executions[name]["status"] = "TIMED_OUT"
        calls = killed_then_again(account, lambda door: door.broken_off(name, "TIMED_OUT"), after=after)
    else:
        account.executions[name]["status"] = "SUCCEEDED"
        calls = killed_then_again(account, lambda door: door.answer({"execution": name, "result": WORKED}), after=after)
    assert calls == 3, "the address is read, the answer given, the address deleted"
