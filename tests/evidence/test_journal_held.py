"""The journal held against the approved plan: whoever alters a run before it is sealed is found by what lies in its folder.

The runner signs whatever lies there, so none of this is found by a digest. What is left open is written down at the end.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made

from runbook_lib.apply.journal import START, Journal
from runbook_lib.base.clock import FakeClock
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunStatus
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.evidence.store.start import start
from runbook_lib.plan import Action
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import read_approval
from runbook_lib.plan.outcome import Outcome, Verdict

PHASE = "20_guardduty"
OTHER = "30_inspector"
CHAIN = f"rehearsal/{made.ORGANIZATION}"


@dataclass(frozen=True)
class Open:
    """A run that has applied one phase and is not sealed yet."""

    run: RunFolder

    @property
    def phase(self) -> PhaseFolder:
        return self.run.phase(PHASE)

    @property
    def journal(self) -> Path:
        return self.phase.journal

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.journal.read_text().splitlines()]

    def write(self, lines: list[dict[str, Any]]) -> None:
        """Write lines as a journal that holds in itself."""
        previous, whole = START, ""
        for number, line in enumerate(lines, start=1):
            text = json.dumps({**line, "seq": number, "previous": previous}, separators=(",", ":"))
            previous, whole = hashlib.sha256(text.encode()).hexdigest(), whole + text + "\n"
        self.journal.write_text(whole)

    def called(self, action: Action, invocation: str = "more", run: str = "") -> None:
        with Journal(self.journal, run or self.run.name, FakeClock(made.BEGIN)) as journal:
            journal.intent(action, 1, invocation)
            done = [Outcome(each, Verdict.APPLIED) for each in action.targets or ("",)]
            journal.outcome(action, 1, invocation, done, status=200)


def open_run(root: Path, *phases: str, number: int = 0, state: str = "applied") -> Open:
    begin = made.BEGIN + dt.timedelta(minutes=number)
    run = RunFolder.create(root, "rehearsal", begin, settings=b"", command=[], organization=made.ORGANIZATION)
    for phase in phases or (PHASE,):
        made.apply_phase(run, phase, begin, made.approval(phase, id=f"{run.name}-{phase}"), state)
    return Open(run)


def counted(there: Open) -> None:
    """Let the record say what the journal has by now, as the product does when a phase ends."""
    there.run.finish_phase(PHASE, RunStatus.DONE, made.BEGIN, {"state": "applied"})


def sealed(there: Open, status: RunStatus = RunStatus.DONE) -> None:
    if there.run.record()["status"] == RunStatus.RUNNING:
        there.run.finish(status, made.BEGIN + dt.timedelta(minutes=9))
    made.of_process(there.run, made.ended_process())
    seal(there.run, made.desk(there.run.path.parent))


def found(root: Path) -> set[tuple[str, str]]:
    return {(str(fault.kind), fault.text) for fault in made.checked(root).faults}


def test_the_run_as_it_is_is_accused_of_nothing(tmp_path: Path) -> None:
    sealed(open_run(tmp_path))
    assert found(tmp_path) == set()


ELSEWHERE = made.plan(PHASE).actions[0]


def another_call(there: Open) -> None:
    there.called(replace(ELSEWHERE, account="999999999999"))


def another_target(there: Open) -> None:
    member = next(action for action in made.plan(PHASE).actions if action.targets)
    there.called(member.only([*member.targets, "999999999999"]))


def another_operation(there: Open) -> None:
    first, *rest = there.lines
    there.write([{**first, "operation": "DisableOrganizationAdminAccount"}, *rest])


def another_region(there: Open) -> None:
    first, *rest = there.lines
    there.write([{**first, "region": "eu-north-1"}, *rest])


def more_targets_than_named(there: Open) -> None:
    first, *rest = there.lines
    there.write([{**first, "targets": 5}, *rest])


def link_broken(there: Open) -> None:
    first, *rest = there.journal.read_text().splitlines(keepends=True)
    there.journal.write_text("".join([first.replace("us-east-1", "us-east-2"), *rest]))


def line_lost(there: Open) -> None:
    there.journal.write_text("".join(there.journal.read_text().splitlines(keepends=True)[1:]))


def answer_first(there: Open) -> None:
    there.write(there.lines[::-1])


def answered_twice(there: Open) -> None:
    there.write([*there.lines, there.lines[1]])


def announced_twice(there: Open) -> None:
    there.write([there.lines[0], *there.lines])


def answer_about_others(there: Open) -> None:
    first, answer = there.lines
    there.write([first, {**answer, "outcomes": [{**answer["outcomes"][0], "account": "999999999999"}]}])


def of_another_run(there: Open) -> None:
    there.called(ELSEWHERE, run="20261101T000000Z-rehearsal-dead")


def of_another_phase(there: Open) -> None:
    there.called(replace(ELSEWHERE, service="inspector2", operation="EnableDelegatedAdminAccount"))


def no_line(there: Open) -> None:
    there.journal.write_text("[]\n")


def no_journal(there: Open) -> None:
    there.journal.unlink()


def renamed(there: Open) -> None:
    there.journal.rename(there.journal.with_name("journal.old"))


def renamed_as_torn(there: Open) -> None:
    there.journal.rename(there.journal.with_name("journal.jsonl.torn-after-9"))


def renamed_as_torn_and_no_approval(there: Open) -> None:
    renamed_as_torn(there)
    there.phase.approval.unlink()


def whole_lines_as_torn(there: Open) -> None:
    there.journal.with_name("journal.jsonl.torn-after-2").write_bytes(there.journal.read_bytes())


def no_approval(there: Open) -> None:
    there.phase.approval.unlink()


def approval_says(change: Callable[[dict[str, Any]], object]) -> Callable[[Open], None]:
    def changed(there: Open) -> None:
        said = json.loads(there.phase.approval.read_text())
        change(said)
        there.phase.approval.write_text(json.dumps(said))

    return changed


def empty_approval(there: Open) -> None:
    there.phase.approval.write_text("{}")


def approval_cut(there: Open) -> None:
    there.phase.approval.write_text(there.phase.approval.read_text()[:100])


def another_plan(there: Open) -> None:
    there.phase.plan_json.write_text(plan_file.dumps(made.plan(PHASE, steps=made.plan(PHASE).steps[1:])))


def plan_gone(there: Open) -> None:
    there.phase.plan_json.unlink()


def plan_changed(there: Open) -> None:
    there.phase.plan_json.write_text(there.phase.plan_json.read_text().replace("111111111111", "999999999999"))


def plan_in_other_words(there: Open) -> None:
    """The same decisions, so the same fingerprint; another file."""
    there.phase.plan_json.write_text(plan_file.dumps(replace(made.plan(PHASE), created="2026-01-01T00:00:00+00:00")))


BROKEN, APPROVAL, UNREADABLE = "journal defect", "approval defect", "cannot be judged"
ALTERED: dict[str, tuple[Callable[[Open], object], str, str]] = {
    "a call in another account": (another_call, BROKEN, "1 of 1 units are in no plan that was approved here"),
    "a call about another account": (another_target, BROKEN, "units are in no plan that was approved here"),
    "another operation": (another_operation, BROKEN, "the approved plan has another call under this unit"),
    "another Region": (another_region, BROKEN, "the approved plan has another call under this unit"),
    "other targets than it says": (more_targets_than_named, BROKEN, "says 5 targets, and names 0"),
    "a line changed": (link_broken, BROKEN, "line 2: does not follow from the line before it"),
    "a line lost": (line_lost, BROKEN, "line 1: does not follow from the line before it"),
    "the answer first": (answer_first, BROKEN, "line 1: answers a call that was not announced"),
    "an answer twice": (answered_twice, BROKEN, "line 3: answers a call that was not announced"),
    "a call twice": (announced_twice, BROKEN, "line 2: announces a call that is under way"),
    "an answer about others": (answer_about_others, BROKEN, "line 2: is about other accounts than the call that it answers"),
    "lines of another run": (of_another_run, BROKEN, "are of another run: 20261101T000000Z-rehearsal-dead"),
    "lines of another phase": (of_another_phase, BROKEN, "in no plan that was approved here"),
    "what is no line": (no_line, BROKEN, "line 1: "),
    "no journal": (no_journal, BROKEN, "the phase is said to be applied, and there is no journal.jsonl"),
    "the journal under another name": (renamed, BROKEN, "journal.old: no run leaves a file of this name"),
    "the journal as a torn line": (renamed_as_torn, BROKEN, "torn-after-9: the journal beside it has no 9 lines"),
    "the journal as a torn line, and no approval": (renamed_as_torn_and_no_approval, BROKEN, "there is no journal.jsonl"),
    "whole lines as a torn one": (whole_lines_as_torn, BROKEN, "torn-after-2: holds whole lines of a journal"),
    "no approval": (no_approval, APPROVAL, "calls were made and no approval is there"),
    "an empty approval": (empty_approval, UNREADABLE, "mode: This key is missing"),
    "an approval that was cut": (approval_cut, UNREADABLE, "is not JSON"),
    "an approval without a zone": (
        approval_says(lambda said: said.update(not_before="2026-11-23T07:46:11")), UNREADABLE, "not_before",
    ),
    "an approval with a list": (approval_says(lambda said: said.update(plan=["plan.json"])), UNREADABLE, "plan"),
    "an approval of another plan": (approval_says(lambda said: said.update(fingerprint="0" * 64)), APPROVAL, "another plan"),
    "an approval of a plan that is not there": (
        approval_says(lambda said: said.update(plan="plan-gone.json")), APPROVAL, "plan-gone.json: is not there",
    ),
    "an approval of a plan elsewhere": (
        approval_says(lambda said: said.update(plan="../30_inspector/plan.json")), APPROVAL, "does not lie beside it",
    ),
    "an approval of a plan behind NUL": (approval_says(lambda said: said.update(plan="plan\0.json")), UNREADABLE, "plan"),
    "another plan": (another_plan, APPROVAL, "given for another plan than the one beside it"),
    "no plan": (plan_gone, APPROVAL, "plan.json: is not there"),
    "a plan that was changed": (plan_changed, APPROVAL, "the plan that it names, plan.json: "),
    "a plan in other words": (plan_in_other_words, APPROVAL, "the plan beside it is not the file that was approved"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ALTERED))
def test_what_is_altered_before_sealing_is_named(tmp_path: Path, name: str) -> None:
    tamper, kind, words = ALTERED[name]
    there = open_run(tmp_path, PHASE, OTHER)
    tamper(there)
    sealed(there)
    assert any(each == kind and words in text for each, text in found(tmp_path)), found(tmp_path)


def test_an_approval_that_the_chain_was_told_of_has_to_be_there(tmp_path: Path) -> None:
    there = open_run(tmp_path)
    start(there.run, made.desk(tmp_path), CHAIN, read_approval(there.phase.approval), {})
    approval_says(lambda said: said.update(id="another"))(there)
    sealed(there)
    assert (APPROVAL, f"it began under the approval {there.run.name}-{PHASE}, which is not there as it was then") in found(tmp_path)


def test_a_chain_entry_stands_in_for_a_seal_that_was_taken_away(tmp_path: Path) -> None:
    there = open_run(tmp_path)
    another_call(there)
    sealed(there)
    (there.run.path / "evidence.intoto.jsonl").unlink()
    assert {"missing", BROKEN} <= {kind for kind, _ in found(tmp_path)}


# Honest histories.


def stopped_and_resumed(root: Path) -> None:
    """The first run made its first call and was killed in the second; another went on under the same approval."""
    first = made.plan(PHASE).actions[0]
    killed, later = open_run(root, state="failed"), open_run(root, number=5)
    for there in (killed, later):
        made.approval(PHASE, id="one").write(there.phase.approval)
    with killed.journal.open("a") as file:
        file.write('{"seq":3,"previous":"')
    made.of_process(killed.run, made.ended_process())
    seal(killed.run, made.desk(root))
    later.write([])
    later.called(next(action for action in made.plan(PHASE).actions if action != first), "second")
    sealed(later)


def a_torn_line_set_aside(root: Path) -> None:
    """As the product itself does when the journal of a run is opened again."""
    there = open_run(root)
    with there.journal.open("a") as file:
        file.write('{"seq":3,"previous":"')
    there.called(next(action for action in made.plan(PHASE).actions if action.targets))
    assert there.journal.with_name("journal.jsonl.torn-after-2").exists()
    counted(there)
    sealed(there)


def killed_between_setting_aside_and_saying_so(root: Path) -> None:
    there = open_run(root)
    there.journal.with_name("journal.jsonl.torn-after-2").write_text('{"seq":3,"previous":"')
    sealed(there)


def wave_by_wave(root: Path) -> None:
    """Each wave has a plan and an approval of its own in one phase, and they share its journal."""
    run = RunFolder.create(root, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
    folder, whole = run.start_phase(PHASE, made.BEGIN), made.plan(PHASE)
    for number, action in enumerate(whole.actions):
        plan = replace(whole, steps=(action,))
        name = f"plan-wave{number}.json"
        (folder.path / name).write_text(plan_file.dumps(plan))
        folder.plan_json.write_text(plan_file.dumps(plan))
        given = {"id": name, "fingerprint": plan.fingerprint, "plan": name, "plan_sha256": made.digest(plan)}
        made.approval(PHASE, **given).write(folder.path / f"approval-wave{number}.json")
        Open(run).called(action, name)
    run.finish_phase(PHASE, RunStatus.DONE, made.BEGIN, {"state": "applied"})
    sealed(Open(run))


def a_part_of_what_was_approved(root: Path) -> None:
    """Accounts that are as wanted already are left out of a batch; what was put off is sent again."""
    there = open_run(root)
    member = next(action for action in made.plan(PHASE).actions if action.targets)
    part = member.only(member.targets[:1])
    with Journal(there.journal, there.run.name, FakeClock(made.BEGIN)) as journal:
        for attempt in (1, 2):
            verdict = Verdict.RETRY if attempt == 1 else Verdict.APPLIED
            journal.intent(part, attempt, f"attempt {attempt}")
            journal.outcome(part, attempt, f"attempt {attempt}", [Outcome(part.targets[0], verdict)], status=200)
        journal.intent(member.only(member.targets[-1:]), 1, "no answer came")
    counted(there)
    sealed(there)


def planned_only(root: Path) -> None:
    there = open_run(root)
    for path in (there.journal, there.phase.approval):
        path.unlink()
    with there.run._changing() as record:
        record["phases"][PHASE].update(status=RunStatus.LEFT_OVER.value, results={"state": "planned", "calls": 0})
    sealed(there, RunStatus.LEFT_OVER)


def refused_before_any_call(root: Path) -> None:
    """The journal was begun, and nothing written into it."""
    there = open_run(root)
    there.journal.write_text("")
    there.run.finish_phase(PHASE, RunStatus.FAILED, made.BEGIN, {"state": "refused"})
    sealed(there, RunStatus.FAILED)


HONEST = (
    stopped_and_resumed, a_torn_line_set_aside, killed_between_setting_aside_and_saying_so, wave_by_wave,
    a_part_of_what_was_approved, planned_only, refused_before_any_call,
)  # fmt: skip


@pytest.mark.parametrize("history", HONEST, ids=lambda each: each.__name__)
def test_honest_histories_are_accused_of_nothing(tmp_path: Path, history: Callable[[Path], None]) -> None:
    history(tmp_path)
    assert found(tmp_path) == set()


# What nobody can see in the folder alone, because whoever runs owns the kernel and the disk until the run is sealed.


def last_call_cut(there: Open) -> None:
    there.called(made.plan(PHASE).actions[1])
    there.write(there.lines[:2])


def another_approver(there: Open) -> None:
    approval_says(lambda said: said.update(approver="somebody else"))(there)


@pytest.mark.parametrize("tamper", [last_call_cut, another_approver], ids=lambda each: each.__name__)
def test_what_takes_another_witness(tmp_path: Path, tamper: Callable[[Open], None]) -> None:
    """CloudTrail has the call, and a signature covers the approver's name: docs/evidence.md says so."""
    there = open_run(tmp_path)
    tamper(there)
    sealed(there)
    assert found(tmp_path) == set()
