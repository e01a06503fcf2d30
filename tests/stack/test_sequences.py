"""Any sequence of protocol events, on seven simulated accounts: coverage never falls, and no call is made outside an approval."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from simulated import Simulated, copied
from stack_function import STACK, Account, event
from stack_working import Working, at_work, killed

from runbook_lib.coverage import Status
from runbook_lib.rehearsal.world import World
from runbook_lib.settings.file import load
from runbook_lib.stack.answer import physical_id
from runbook_lib.stack.events import Event

CASES: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
    (Path(__file__).parents[1] / "cases" / "stack-events.yaml").read_text(encoding="utf-8")
)
BEFORE, PHASE = "00_prerequisites", "10_security_hub"
EVENTS = st.tuples(st.just("event"), st.sampled_from(CASES), st.integers(0, 2), st.integers(0, 1))
"""A case, and which request it is, at which address: repeated, late, swapped, tried again."""
WORK = st.tuples(st.just("work"), st.integers(0, 3), st.sampled_from([0, 0, 1, 2, 5]), st.just(0))
"""A slice of one of the executions that run, and at which call its function is gone (0: it is not)."""
FORWARD = [each for each in CASES if each["is"] == Event.FORWARD]
BEGINNING = st.tuples(st.just("event"), st.sampled_from(FORWARD), st.integers(0, 2), st.just(0))


@dataclass
class Course:
    """One organization with three orders about a resource, made one after the other; each example begins where they were made."""

    working: Working
    world: World
    orders: list[str]
    approved: dict[str, frozenset[tuple[str, str]]]
    """Order → what was approved with it."""
    simulated: Simulated
    objects: dict[str, bytes]
    covered: frozenset[Any] = frozenset()
    begun: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        self.working.organization.front.world = copied(self.world)
        self.working.account = Account(objects=dict(self.objects))
        self.covered = self.looked()

    def looked(self) -> frozenset[Any]:
        """Everything of the resource's service that is covered."""
        cells = self.simulated.phase_cells(PHASE)
        return frozenset(
            (account, each.region, each.aspect, each.item)
            for each in cells
            if each.status is Status.COVERED
            for account in each.accounts
        )

    def step(self, step: tuple[Any, ...]) -> None:
        what, first, second, third = step
        if what == "event":
            self.happens(first, second, third)
        else:
            self.works(first, second)

    def happens(self, case: dict[str, Any], request: int, url: int) -> None:
        """CloudFormation sends an event."""
        account = self.working.account
        account.state = case["state"]
        ours = physical_id(STACK, "SecurityHub")
        made = event(
            case["kind"], order=self.orders[case["order"]], old=self.orders[case["old"]] if "old" in case else "",
            request=f"r-{request}", url=f"{request}-{url}",
            **({"PhysicalResourceId": ours if case["id"] == "ours" else "a-log-stream"} if "id" in case else {}),
        )  # fmt: skip
        made["ResourceProperties"]["Format"] = case.get("format", "1")
        account.door.accept(made)

    def works(self, which: int, after: int) -> None:
        """The state machine has one slice worked on; what it ended in is answered."""
        account = self.working.account
        going = [name for name, each in account.executions.items() if each["status"] == "RUNNING"]
        if not going:
            return
        name = self.working.execution = going[which % len(going)]
        given, before = account.executions[name]["input"], len(self.working.organization.changes)
        more = {"resource": given["resource"]}
        if after and killed(self.working, given["order"], after, **more):
            done = {"ended": False}
        else:
            done = self.working.slice(given["order"], **more)
        if done["ended"]:
            account.executions[name]["status"] = "SUCCEEDED"
            account.door.answer({"execution": name, "result": done})
        intents = [line for line in self.working.journal(name) if line["kind"] == "intent"]
        called = {(line["unit"], target) for line in intents for target in line["target_accounts"] or [""]}
        assert called <= self.approved[given["order"]], "no call outside the approval that came with the order"
        if len(self.working.organization.changes) > before:
            covered = self.looked()
            assert covered >= self.covered, "coverage never falls"
            self.covered = covered


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    folder = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patch, at_work(folder, patch) as working:
        assert working.slice(working.order(BEFORE))["status"] == "SUCCESS"
        orders, approved = list[str](), dict[str, frozenset[tuple[str, str]]]()
        for number, scope in enumerate(['{"regions": ["us-east-1"]}', "", ""]):
            orders.append(working.order(PHASE, scope, number))
            approved[orders[-1]] = working.planned.units
        front = working.organization.front
        simulated = Simulated(front, load(working.organization.settings, dt.date(2026, 11, 29)), folder)
        yield Course(working, copied(front.world), orders, approved, simulated, dict(working.account.objects))


def lives(course: Course, steps: list[tuple[Any, ...]]) -> None:
    course.begin()
    for step in steps:
        course.step(step)
    assert all(each["PhysicalResourceId"] == physical_id(STACK, "SecurityHub") for each in course.working.account.answers)


def sequences(most: int) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Something that leads on comes first, since without it nothing is ever worked on."""
    return st.builds(lambda first, rest: [first, *rest], BEGINNING, st.lists(EVENTS | WORK | WORK, min_size=2, max_size=most))


FIRST, BACK = FORWARD[0], next(each for each in CASES if each["is"] == Event.ROLLBACK)


@given(steps=sequences(7))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_of_events_never_lowers_coverage_nor_calls_what_was_not_approved(
    course: Course, steps: list[tuple[Any, ...]]
) -> None:
    lives(course, steps)


def test_sequences_are_about_work_that_is_done(course: Course) -> None:
    """What is held above is held of something: an order is begun, killed, rolled back and tried again."""
    course.begin()
    before = course.covered
    for step in (("event", FIRST, 0, 0), ("work", 0, 2, 0)):
        course.step(step)
    killed_at = course.covered
    for step in (("event", BACK, 1, 0), ("event", FIRST, 0, 1), ("work", 0, 0, 0), ("work", 0, 0, 0)):
        course.step(step)
    assert before <= killed_at < course.covered
    assert [each["Status"] for each in course.working.account.answers] == ["SUCCESS", "FAILED", "SUCCESS"]


@pytest.mark.soak
@given(steps=sequences(16))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_long_sequences_never_do(course: Course, steps: list[tuple[Any, ...]]) -> None:
    lives(course, steps)
