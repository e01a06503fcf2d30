"""Between a plan's approval and its apply: accounts come, go and move, somebody else becomes administrator, time runs out.

Whatever changed, nothing is called that was not approved, and what no longer holds is dropped or refused, and recorded.
"""

import datetime as dt
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from simulated import ENABLING, SERVICE_OF, Simulated, open_cells, simulated

from runbook_lib.apply.report import Final
from runbook_lib.base.clock import Stop
from runbook_lib.plan import Scope
from runbook_lib.plan.approval import ApprovalRefused, approve
from runbook_lib.rehearsal.identify import identify
from runbook_lib.rehearsal.inproc import InProcess, environ_of
from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.organization import close_account, join_account
from runbook_lib.rehearsal.world import SimulatedAccount, World
from runbook_lib.runbook import ApplyReport
from runbook_lib.services.registry import by_name
from runbook_lib.settings import Exclusion

MANAGEMENT, MEMBER, FOREIGN, NEWCOMER = "111111111111", "333333333333", "444444444444", "121212121212"
SANDBOX, PLATFORM = "ou-reh1-sandbox01", "ou-reh1-platform1"


class Interrupting(InProcess):
    """Does something once, just before the `k`-th mutating request reaches the server."""

    def __init__(self, made: Simulated, k: int, what: Callable[[], None]) -> None:
        super().__init__(made.front)
        self.left, self.what = k, what
        made.attach = self.attach

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        asked = identify(environ_of(request))
        if asked.mutating and asked.service != "sts":
            self.left -= 1
            if self.left == 0:
                self.what()
        return super()._send(request)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    return simulated("seven", tmp_path, monkeypatch)


@pytest.fixture
def at(made: Simulated, phase: str, seven_before: Callable[[str], World]) -> Simulated:
    """The organization with all phases before this one applied."""
    made.front.adopt(seven_before(phase))
    return made


def until(made: Simulated, phase: str) -> None:
    """Apply the phases before this one, under settings of a test's own."""
    made.enable(ENABLING[: ENABLING.index(phase)])


def targeted(made: Simulated, phase: str) -> set[str]:
    """Accounts that a phase's journal names as targets of a call."""
    service = SERVICE_OF[phase]
    return {account for line in made.journaled("intent") if line["service"] == service for account in line["target_accounts"]}


def appeared(report: ApplyReport) -> set[str]:
    return set().union(*(covered.appeared for _, covered in report.covered))


def dropped(report: ApplyReport) -> set[str]:
    return {target for _, covered in report.covered for _, target in covered.dropped}


def joins(made: Simulated) -> None:
    join_account(made.front.world, SimulatedAccount(NEWCOMER, "New", "new@example.com", SANDBOX))


def moves(made: Simulated, unit: str) -> None:
    made.front.world.organization.accounts[MEMBER].parent = unit


def passes(made: Simulated) -> None:
    """Two minutes go by."""
    made.clock.sleep(120)


def designates(made: Simulated, service: str, region: str) -> None:
    """The management account makes another account the administrator."""
    designation = by_name()[service].designation
    assert designation is not None
    run(made.front.world, service, designation.enable_operation, MANAGEMENT, region, {designation.enable_parameter: FOREIGN})


def excluding(made: Simulated, unit: str) -> None:
    """Settings that leave out everything below an OU."""
    exclusion = Exclusion(organizational_unit=unit, reason="experiments", owner="Platform", expires=dt.date(2099, 1, 1))
    made.settings = made.settings.model_copy(update={"exclusions": (*made.settings.exclusions, exclusion)})


def member_cells_open(made: Simulated, phase: str) -> set[str]:
    return {account for cell in open_cells(made.phase_cells(phase)) for account in cell.accounts}


@pytest.mark.parametrize("phase", SERVICE_OF)
def test_an_account_that_joined_is_listed_and_left_out(at: Simulated, phase: str) -> None:
    plan = at.plan(phase)
    joins(at)
    report = at.apply(phase, plan, at.approve(plan))
    assert report.ok
    assert appeared(report) == {NEWCOMER}
    assert NEWCOMER not in targeted(at, phase)
    assert member_cells_open(at, phase) == {NEWCOMER}
    rest = at.plan(phase)
    assert {target for action in rest.actions for target in action.targets} == {NEWCOMER}


@pytest.mark.parametrize("phase", SERVICE_OF)
def test_an_account_that_was_suspended_is_dropped_and_recorded(at: Simulated, phase: str) -> None:
    plan = at.plan(phase)
    close_account(at.front.world, MEMBER, "SUSPENDED")
    calls = len(at.mutating())
    report = at.apply(phase, plan, at.approve(plan))
    assert report.ok
    assert dropped(report) == {MEMBER}
    assert len(at.mutating()) > calls
    assert MEMBER not in targeted(at, phase)
    assert open_cells(at.phase_cells(phase)) == []


@pytest.mark.parametrize("phase", SERVICE_OF)
def test_an_account_that_moved_into_an_excluded_unit_is_dropped(made: Simulated, phase: str) -> None:
    excluding(made, SANDBOX)
    until(made, phase)
    plan = made.plan(phase)
    assert MEMBER in plan.population
    moves(made, SANDBOX)
    report = made.apply(phase, plan, made.approve(plan))
    assert report.ok
    assert dropped(report) == {MEMBER}
    assert targeted(made, phase)
    assert MEMBER not in targeted(made, phase)


@pytest.mark.parametrize("phase", SERVICE_OF)
def test_an_account_that_moved_out_of_an_excluded_unit_is_not_added(made: Simulated, phase: str) -> None:
    excluding(made, PLATFORM)
    until(made, phase)
    plan = made.plan(phase)
    assert MEMBER not in plan.population
    moves(made, SANDBOX)
    report = made.apply(phase, plan, made.approve(plan))
    assert report.ok
    assert appeared(report) == {MEMBER}
    assert MEMBER not in targeted(made, phase)
    assert member_cells_open(made, phase) == {MEMBER}


@pytest.mark.parametrize("phase", SERVICE_OF)
def test_another_administrator_in_one_region_refuses_the_whole_stage(at: Simulated, phase: str) -> None:
    plan, calls = at.plan(phase), len(at.mutating())
    designates(at, SERVICE_OF[phase], "us-east-2")
    report = at.apply(phase, plan, at.approve(plan))
    assert not report.ok
    assert all("blocked since the approval" in reason for reason in report.refused)
    assert any("us-east-2" in reason and FOREIGN in reason for reason in report.refused)
    assert report.stages == []
    assert len(at.mutating()) == calls


@pytest.mark.parametrize("phase", [each for each in SERVICE_OF if each != "30_inspector"])
def test_another_administrator_that_appears_while_applying_stops_before_the_next_stage(at: Simulated, phase: str) -> None:
    plan, calls = at.plan(phase), len(at.mutating())
    Interrupting(at, 1, lambda: designates(at, SERVICE_OF[phase], "us-east-1"))
    report = at.apply(phase, plan, at.approve(plan))
    assert [stage for stage, _ in report.stages] == ["prepare"]
    assert report.refused
    assert {entry.account for entry in at.mutating()[calls:]} == {"222222222222"}


def test_settings_that_changed_refuse_the_approval(made: Simulated) -> None:
    plan = made.plan("00_prerequisites")
    approval = made.approve(plan)
    made.settings = made.settings.model_copy(update={"concurrency": made.settings.concurrency + 1})
    made.front.log.clear()
    with pytest.raises(ApprovalRefused, match="the settings have changed"):
        made.apply(plan.phase, plan, approval)
    assert not made.front.log.entries


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mode": "live"}, "it was given in mode live, this run is rehearsal"),
        ({"organization": "o-another00001"}, "it is for organization o-another00001"),
        ({"phase": "20_guardduty"}, "it is for phase 20_guardduty"),
        ({"fingerprint": "0" * 64}, "another fingerprint"),
        ({"not_before": dt.datetime(2026, 6, 2, tzinfo=dt.UTC)}, "it is valid from 2026-06-02 00:00 UTC only"),
        ({"not_after": dt.datetime(2026, 5, 31, tzinfo=dt.UTC)}, "it was valid until 2026-05-31 00:00 UTC"),
    ],
)
def test_an_approval_of_something_else_is_refused_before_any_call(made: Simulated, change: dict[str, Any], reason: str) -> None:
    plan = made.plan("10_security_hub")
    approval = made.approve(plan).model_copy(update=change)
    made.front.log.clear()
    with pytest.raises(ApprovalRefused, match=reason):
        made.apply(plan.phase, plan, approval)
    assert not made.front.log.entries


def test_a_plan_of_another_scope_than_the_approved_one_is_refused(made: Simulated) -> None:
    plan = made.plan("10_security_hub")
    runbook = made.runbook("10_security_hub", Scope(("us-east-1",)))
    with runbook.access, pytest.raises(ApprovalRefused, match="the scope is another one"):
        runbook.refuse(made.approve(plan), plan)


def test_a_rehearsals_approval_is_refused_by_a_live_run_without_a_socket(made: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of everything a live run checks, the mode comes first: not even a name is looked up."""
    plan = made.plan("00_prerequisites")
    approval = made.approve(plan)
    made.settings = made.settings.model_copy(update={"mode": "live"})

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, never)
    made.attach = lambda session: session
    with pytest.raises(ApprovalRefused, match="it was given in mode rehearsal, this run is live"):
        made.apply(plan.phase, plan, approval)


@pytest.mark.parametrize("phase", SERVICE_OF)
def test_an_approval_that_ends_while_applying_ends_like_a_stop(at: Simulated, phase: str) -> None:
    plan, calls = at.plan(phase), len(at.mutating())
    approval = approve(plan, approver="tests", ticket="T-1", now=at.clock.now(), hours=0.03)
    Interrupting(at, 3, lambda: passes(at))
    stop = Stop()
    report = at.apply(phase, plan, approval, stop=stop)
    assert not report.ok
    assert "the approval ended at" in report.stopped == stop.reason
    called = len(at.mutating()) - calls
    assert 3 <= called <= 2 + at.settings.concurrency
    left = [result for _, stage in report.stages for _, result in stage.problems]
    assert left
    assert {result.final for result in left} <= {Final.NOT_ATTEMPTED, Final.FAILED}
    at.attach = None
    with pytest.raises(ApprovalRefused, match="it was valid until"):
        at.apply(phase, plan, approval)
    rest = at.plan(phase)
    assert rest.units < plan.units
    assert at.apply(phase, rest, at.approve(rest)).ok
    assert open_cells(at.phase_cells(phase)) == []
