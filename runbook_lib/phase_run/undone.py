"""What one run applied of one phase, by its own record: the change that a back-out takes back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runbook_lib.apply.journal import JournalBroken, complete_lines
from runbook_lib.base.errors import RunbookError
from runbook_lib.coverage.kept import CoverageBroken, read_coverage
from runbook_lib.evidence.run.folder import NAME, PhaseFolder, RunFolder, RunFolderError, find_runs
from runbook_lib.plan import Action, BackOut, Plan, Wait, batches
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.file import PlanFileError
from runbook_lib.runbook.phases import PHASES, REMEDIATING, phase_named
from runbook_lib.services.departures import departure_of
from runbook_lib.services.registry import by_name, sentence
from runbook_lib.settings import Settings

AT_APPLY = "plan-at-apply.json"
Unit = tuple[str, str]


class NothingToUndo(RunbookError, ValueError):
    """The run named has nothing that could be taken back; the message says why."""

    advice = "Name a run that applied something, as runbook run list shows them, and one of its phases."


def change_of(runs: Path, settings: Settings, run: str, phase: str) -> Plan:
    """The change that a run below `runs` made in a phase. Raises NothingToUndo, RunFolderError."""
    folder = _run(runs, run)
    record = folder.record()
    if (record["mode"], record["organization"]) != (settings.mode, settings.organization.id):
        raise NothingToUndo(
            f"{run}: is a run of mode {record['mode']} on organization {record['organization']}; settings are of mode "
            f"{settings.mode} and organization {settings.organization.id}"
        )
    applied = {each.name: found for each in folder.phases() if (found := _applied(each))}
    there = [each.name for each in (*PHASES, REMEDIATING) if each.name in applied]
    if not there:
        raise NothingToUndo(f"{run}: no journal of this run says that anything was applied")
    if not phase and len(there) > 1:
        raise NothingToUndo(f"{run}: applied {sentence(tuple(there))}; name one with --phase, the last first")
    chosen = phase_named(phase).name if phase else there[0]
    if chosen in applied and chosen not in there:
        raise NothingToUndo(f"{run}: what {chosen} did is taken back by no call; its own plan says what becomes of it")
    if chosen not in applied:
        raise NothingToUndo(f"{run}: applied nothing of {chosen}; it applied {sentence(tuple(there))}")
    return _change(folder, folder.phase(chosen), applied[chosen], settings)


def _run(runs: Path, run: str) -> RunFolder:
    if not NAME.fullmatch(run):
        raise NothingToUndo(f"{run or 'no run'}: is not the name of a run")
    found = next((each for each in find_runs(runs) if each.name == run), None)
    if found is None:
        raise NothingToUndo(f"{run}: there is no such run in {runs}")
    return found


def _applied(phase: PhaseFolder) -> list[Unit]:
    return applied_units(phase.journal) if phase.journal.exists() else []


def applied_units(journal: Path) -> list[Unit]:
    """Units that a journal says were applied, in the order of the calls. Raises RunFolderError.

    "Already so" is nobody's change. A call whose answer was lost, or that was under way when the run was killed, may have been
    applied: it had been read before that it was not so, and whether it is now a read says.
    """
    try:
        lines = complete_lines(journal)
    except JournalBroken as broken:
        raise RunFolderError(f"{broken}; what this run applied cannot be told") from None
    ours: dict[Unit, bool] = {}
    for line in lines:
        if line["kind"] == "intent":
            for account in line["target_accounts"] or ("",):
                ours.setdefault((line["unit"], account), False)
        for each in line.get("outcomes", ()):
            lost = line["status"] == 0 or line["status"] >= 500
            if each["verdict"] == "applied" or lost:
                ours[line["unit"], each["account"]] = True
    answered = {line["invocation"] for line in lines if line["kind"] == "outcome"}
    for line in lines:
        if line["kind"] == "intent" and line["invocation"] not in answered:
            ours.update(dict.fromkeys(((line["unit"], account) for account in line["target_accounts"] or ("",)), True))
    return [unit for unit, applied in ours.items() if applied]


def _change(run: RunFolder, phase: PhaseFolder, units: Iterable[Unit], settings: Settings) -> Plan:
    plans = _plans(phase)
    by_unit: dict[str, Action] = {}
    for action in (action for plan in plans for action in plan.actions):
        known = by_unit.get(action.unit_key)
        wider = known is not None and len(known.targets) > len(action.targets)
        by_unit[action.unit_key] = replace(action, targets=known.targets) if known and wider else action
    targets: dict[str, list[str]] = {}
    for key, account in units:
        if key not in by_unit:
            raise NothingToUndo(f"{run.name}: its journal names a call that no plan in {phase.name} holds; nothing is taken back")
        targets.setdefault(key, []).append(account)
    before = _before(phase)
    calls: list[Action] = []
    waits: list[Wait] = []
    for key, accounts in targets.items():
        made = list(_exactly(by_unit[key], accounts, before, phase_named(phase.name).service, settings))
        calls += made
        waits += _waited(plans, key, made)
    calls += _without_a_call(plans[0], phase)
    return replace(
        plans[0],
        steps=(*calls, *waits),
        no_changes=(),
        blockers=(),
        losses=(),
        requires=(),
        about=f"{run.name} {phase.name}",
        population=frozenset().union(*(each.affects for each in calls)),
    )


def _waited(plans: Iterable[Plan], key: str, made: Sequence[Action]) -> Iterator[Wait]:
    """The wait by which the run saw that the call had its effect: the same read shows that it has it no longer."""
    steps = [step for plan in plans for step in plan.steps]
    ids = {step.id for step in steps if isinstance(step, Action) and step.unit_key == key}
    found = (step for step in steps if isinstance(step, Wait) and ids & set(step.after) and step.region == made[0].region)
    for wait in found:
        yield replace(wait, after=tuple(call.id for call in made))
        return


def _without_a_call(plan: Plan, phase: PhaseFolder) -> Iterator[Action]:
    """What was planned and never sent: AWS may have done it after an earlier call. Nothing of it is taken back, and it is said."""
    sent = {
        (line["unit"], account)
        for line in complete_lines(phase.journal)
        if line["kind"] == "intent"
        for account in line["target_accounts"] or ("",)
    }
    for action in plan.actions:
        left = [target for unit, target in sorted(action.units) if (unit, target) not in sent]
        if left:
            unsent = action.only(left) if action.targets else action
            yield replace(unsent, back_out=BackOut("No call of the run made it so: AWS did, after another call, or somebody else."))


def _plans(phase: PhaseFolder) -> list[Plan]:
    """The plans of a phase folder: a unit is the same call in each, and the one made last knows best what was there before."""
    found = []
    for path in sorted(phase.path.glob("plan*.json"), key=lambda path: (path.name == AT_APPLY, path.name)):
        try:
            found.append(plan_file.load(path))
        except PlanFileError as error:
            raise RunFolderError(str(error)) from None
    if not found:
        raise NothingToUndo(f"{phase.path.parent.name}: there is no plan in {phase.name}")
    return found


Before = Mapping[tuple[str, str], frozenset[tuple[str, str]]]
"""(Region, account) → the (aspect, item) that were as wanted before the run."""


def _before(phase: PhaseFolder) -> Before:
    try:
        data = read_coverage(phase.coverage("before", "json"))
    except (CoverageBroken, FileNotFoundError) as error:
        raise RunFolderError(f"{phase.path}: what was there before the run cannot be read: {error}") from None
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for cell in data["cells"]:
        if cell["status"] == "covered":
            for account in data["account_sets"][cell["account_set"]]:
                found.setdefault((cell["region"], account), set()).add((cell["aspect"], cell["item"]))
    return {place: frozenset(items) for place, items in found.items()}


def _exactly(action: Action, accounts: Iterable[str], before: Before, service: str, settings: Settings) -> Iterator[Action]:
    """The call with its exact reverse, split where it differs; the delegated account apart, whose own comes last."""
    if not action.targets:
        yield action
        return
    groups: dict[tuple[str, bool], tuple[Any, list[str]]] = {}
    for account in sorted(set(accounts)):
        was = before.get((action.region, account), frozenset())
        back = departure_of(service).reverse(action, was) if service in by_name() else action.back_out
        key = (repr(back), account == settings.organization.delegated_account)
        groups.setdefault(key, (back, []))[1].append(account)
    for back, mine in groups.values():
        for cut in batches(mine, len(action.targets)):
            yield replace(action.only(cut), back_out=back)
