"""`runbook back-out RUN`: every phase applied, and taken back by its own record, as far as it is still as the run left it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from granted import printed
from leaving import EVERYTHING, REGIONS
from losses import facts, won
from simulated import Simulated, copied
from undone import Told, standing

from runbook_lib.apply.journal import JournalBroken, complete_lines
from runbook_lib.apply.report import Final, Tick
from runbook_lib.base.clock import Stop
from runbook_lib.evidence.run.folder import RunFolderError
from runbook_lib.phase_run.undone import NothingToUndo, change_of
from runbook_lib.plan.approval import ApprovalRefused, approve
from runbook_lib.rehearsal.operations.inspector2.state import state_of
from runbook_lib.runbook import managed
from runbook_lib.runbook.phases import PHASES, phase_named
from runbook_lib.services.departures import departure_of, undoing_calls
from runbook_lib.services.implementations import SERVICES, service_named
from runbook_lib.services.registry import by_name

ALL = [phase.name for phase in PHASES]
INSPECTOR = "30_inspector"


@pytest.fixture
def after(phases: Mapping[str, Told], tmp_path: Path) -> Callable[[str], Told]:
    """A phase right after it was applied, in a world of its own."""

    def at(phase: str) -> Told:
        told = phases[phase]
        told.change.simulated.front.adopt(copied(told.after))
        made = told.change.simulated
        return replace(told, change=replace(told.change, simulated=Simulated(made.front, made.settings, tmp_path)))

    return at


def test_every_phase_is_there(phases: Mapping[str, Told]) -> None:
    made = phases[INSPECTOR].change.simulated
    assert list(phases) == ALL == [phase.name for phase in managed(made.settings)], EVERYTHING


@pytest.mark.parametrize("phase", ALL)
def test_everything_stands_as_before_but_for_what_is_named(
    after: Callable[[str], Told], phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under exactly the policies that are printed for it."""
    told = after(phase)
    change, made, service = told.change, told.change.simulated, phase_named(phase).service
    denied = printed(made, monkeypatch)
    called = len(made.mutating())
    plan = change.plan()
    assert len(made.mutating()) == called, "looking calls nothing"
    assert plan.actions
    assert plan.blockers == ()
    assert plan.about == f"{change.run.name} {phase}"
    report = change.apply(plan)
    assert report.ok, report
    assert denied == []
    monkeypatch.undo()
    assert not [cell for cell in change.cells() if cell.in_scope and cell.gap]
    kept = {each.reason.partition(":")[0] for each in plan.no_changes if "cannot be taken back" in each.reason}
    changed = [each for each in set(standing(made, phase)) ^ set(told.stood) if '"caller"' not in each]
    assert not changed or kept, changed
    if service in by_name():
        extra = won(facts(told.before, service), facts(made.front.world, service))
        assert set(extra) <= {"on"}, "members keep what was switched on in them by becoming members, as the plan says"
    assert change.plan().actions == ()


@pytest.mark.parametrize("action", ["inspector2:DisassociateMember", "organizations:DeregisterDelegatedAdministrator"])
def test_without_one_printed_action_a_change_is_not_taken_back_and_the_call_is_named(
    after: Callable[[str], Told], action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = after(INSPECTOR)
    denied = printed(told.change.simulated, monkeypatch, without=action)
    report = told.change.apply(told.change.plan())
    assert denied
    assert {each.partition(" on ")[0] for each in denied} == {action}
    failed = {step.operation for _, stage in report.stages for step, result in stage.problems if result.final is Final.FAILED}
    assert action.partition(":")[2] in failed
    assert told.change.plan().actions


@pytest.mark.parametrize("phase", ALL)
def test_its_calls_are_the_reverse_ones_alone_and_each_stands_in_the_registry(after: Callable[[str], Told], phase: str) -> None:
    change, service = after(phase).change, phase_named(phase).service
    doing = change.undoing()
    levels = departure_of(service).levels if service in by_name() else ()
    known = frozenset(undoing_calls(service)).union(service_named(service).mutations, *(level.operations for level in levels))
    assert doing.mutations <= known
    for each in doing.undone:
        assert each.reverse is not None or each.call.back_out.why, each.call.operation
        assert each.reverse is not None or not each.call.back_out.operation, each.call.back_out.operation


def test_no_enabling_service_may_make_a_call_that_only_takes_changes_back() -> None:
    enabling = frozenset[str]().union(*(service.mutations for service in SERVICES))
    for service in SERVICES:
        assert not enabling & set(undoing_calls(service.name)), service.name


def test_what_somebody_changed_since_is_left_alone_and_said(after: Callable[[str], Told]) -> None:
    told = after(INSPECTOR)
    members = state_of(told.change.simulated.front.world).members_of(REGIONS[0])
    gone = min(members)
    del members[gone]
    plan = told.change.plan()
    assert gone not in {
        target
        for each in plan.actions
        if (each.operation, each.region) == ("DisassociateMember", REGIONS[0])
        for target in each.targets
    }
    assert any(
        gone in each.accounts and each.region == REGIONS[0] and "not as the run left it any longer" in each.reason
        for each in plan.no_changes
    )
    assert told.change.apply(plan).ok


def test_who_became_a_member_otherwise_is_a_blocker_and_nothing_is_called_about_the_administrator(
    after: Callable[[str], Told],
) -> None:
    told = after(INSPECTOR)
    journal = told.change.run.phase(INSPECTOR).journal
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    stopped = next(place for place, line in enumerate(lines) if b'"AssociateMember"' in line)
    try:
        journal.write_bytes(b"".join(lines[:stopped]))  # as if the run had been killed before it made anybody a member
        plan = told.change.plan()
    finally:
        journal.write_bytes(whole)
    assert not [
        each for each in plan.actions if each.operation in ("DisableDelegatedAdminAccount", "DeregisterDelegatedAdministrator")
    ]
    assert any("are members here, and not by this change" in each.reason and each.next_step for each in plan.blockers)


def test_a_delegation_is_not_given_up_while_a_region_has_an_administrator_by_another_change(after: Callable[[str], Told]) -> None:
    told = after(INSPECTOR)
    journal = told.change.run.phase(INSPECTOR).journal
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if b'"EnableDelegatedAdminAccount"' in line)
    try:
        journal.write_bytes(b"".join(lines[:first]))
        plan = told.change.plan()
    finally:
        journal.write_bytes(whole)
    assert [each.operation for each in plan.actions if each.service == "organizations"] == []
    assert any("giving up the delegation would" in each.reason for each in plan.blockers)


def test_trusted_access_is_not_taken_from_a_service_that_has_an_administrator(phases: Mapping[str, Told], tmp_path: Path) -> None:
    first, last = phases["00_prerequisites"], phases[ALL[-1]]
    first.change.simulated.front.adopt(copied(last.after))
    plan = first.change.plan()
    assert plan.actions == ()
    assert all("is registered for" in each.reason for each in plan.blockers)
    assert len(plan.blockers) >= len(by_name())


def test_what_is_lost_for_good_has_to_be_typed(after: Callable[[str], Told]) -> None:
    change = after("20_guardduty").change
    plan = change.plan()
    assert any(each.for_good and "GuardDuty findings" in each.words for each in plan.losses)
    now = change.simulated.clock.now()
    with pytest.raises(ApprovalRefused, match="has to be typed by its own words"):
        approve(plan, approver="tests", ticket="T-1", now=now)


def test_what_was_on_before_stays_on(after: Callable[[str], Told]) -> None:
    """One account's coverage before the run says that its instances were scanned already."""
    told = after(INSPECTOR)
    account, region = "444444444444", REGIONS[0]
    file = told.change.run.phase(INSPECTOR).coverage("before", "json")
    whole = file.read_text()
    try:
        marked = whole.replace('"account_sets": [\n', f'"account_sets": [\n["{account}"],\n', 1)
        text = []
        for line in marked.splitlines(keepends=True):
            for place in range(200, -1, -1):
                line = line.replace(f'"account_set": {place}}}', f'"account_set": {place + 1}}}')  # noqa: PLW2901 one text, rewritten
            text.append(line)
        cell = next(line for line in text if '"scan types"' in line and '"EC2"' in line and f'"{region}"' in line)
        mine = cell.replace('"status": "gap"', '"status": "covered"').replace('"gap": "to do"', '"gap": ""')
        mine = mine[: mine.index('"account_set": ')] + '"account_set": 0},\n'
        text.insert(text.index(cell), mine)
        file.write_text("".join(text))
        plan = told.change.plan()
    finally:
        file.write_text(whole)
    off = {
        item for each in plan.actions if each.operation == "Disable" and each.region == region and account in each.targets
        for item in each.parameters["resourceTypes"]
    }  # fmt: skip
    others = {item for each in plan.actions if each.operation == "Disable" for item in each.parameters["resourceTypes"]}
    assert "EC2" not in off
    assert off
    assert "EC2" in others


@pytest.mark.parametrize("calls", [0, 1, 9, 30])
def test_a_back_out_that_was_stopped_goes_on_and_sends_nothing_twice(after: Callable[[str], Told], calls: int) -> None:
    told = after(INSPECTOR)
    change, made = told.change, told.change.simulated
    plan = change.plan()
    approval, stop, called = change.approve(plan), Stop(), len(made.mutating())

    def ending(tick: Tick) -> None:
        if tick.done >= calls:
            stop.request("tests")

    change.apply(plan, approval, stop, ending)
    assert change.apply(plan, approval).ok
    # What is left is put into calls anew, so there may be fewer of them than were planned, and never more.
    sent = Counter((entry.operation, entry.region) for entry in made.mutating()[called:])
    assert not sent - Counter((action.operation, action.region) for action in plan.actions)
    assert change.plan().actions == ()


def test_a_run_that_was_killed_has_what_it_may_have_applied_taken_back(after: Callable[[str], Told]) -> None:
    """The journal ends with a call that was about to be sent: whether it was applied, a read says."""
    told = after(INSPECTOR)
    journal = told.change.run.phase(INSPECTOR).journal
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    last = max(place for place, line in enumerate(lines) if b'"kind": "intent"' in line or b'"kind":"intent"' in line)
    try:
        journal.write_bytes(b"".join(lines[: last + 1]))
        cut = complete_lines(journal)[-1]
        change = change_of(told.change.run.path.parent, told.change.simulated.settings, told.change.run.name, INSPECTOR)
    finally:
        journal.write_bytes(whole)
    assert cut["kind"] == "intent"
    assert any(each.unit_key == cut["unit"] and each.back_out.operation for each in change.actions)


def test_a_journal_that_was_altered_is_not_believed(after: Callable[[str], Told]) -> None:
    told = after(INSPECTOR)
    journal = told.change.run.phase(INSPECTOR).journal
    whole = journal.read_bytes()
    try:
        journal.write_bytes(whole.replace(b'"applied"', b'"failed"', 1))
        with pytest.raises(JournalBroken):
            complete_lines(journal)
        with pytest.raises(RunFolderError, match="what this run applied cannot be told"):
            told.change.plan()
    finally:
        journal.write_bytes(whole)


def test_what_cannot_be_taken_back_is_refused_in_a_sentence(phases: Mapping[str, Told]) -> None:
    change = phases[INSPECTOR].change
    runs, settings, run = change.run.path.parent, change.simulated.settings, change.run.name
    with pytest.raises(NothingToUndo, match="is not the name of a run"):
        change_of(runs, settings, "yesterday", "")
    with pytest.raises(NothingToUndo, match="there is no such run"):
        change_of(runs, settings, "20200101T000000Z-rehearsal-0000", "")
    with pytest.raises(NothingToUndo, match=r"applied nothing of 10_.*; it applied 30_inspector"):
        change_of(runs, settings, run, "10")
    other = settings.model_copy(update={"organization": settings.organization.model_copy(update={"id": "o-another000"})})
    with pytest.raises(NothingToUndo, match="settings are of mode rehearsal and organization o-another000"):
        change_of(runs, other, run, "")
