"""What the runbook decides and calls in every simulated organization, as text by which two commits are compared.

    make pins                        compare with the golden files, and say what differs
    make pins ARGS="--write"         write the golden files anew
    make pins ARGS="--show seven"    everything in full, parameters and sentences: diff that of two commits

A golden file changes only in a commit that changes nothing else, with the reason in its body. It holds neither times nor versions,
identifiers that are drawn at random, or the order in which threads come: calls are made one at a time (`concurrency: 1`), at no
rates, and those of each group are sorted. Sessions (sts) are left out, since when they are renewed depends on the day.
"""

import argparse
import dataclasses
import datetime as dt
import difflib
import hashlib
import json
import re
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from simulated import ENABLING, Simulated, home, simulated

from runbook_lib.cli.rehearsal_settings import stores
from runbook_lib.coverage import Cell
from runbook_lib.plan import Action, Plan, Step, plain
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.runbook import ApplyReport
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.services.waves import waves
from runbook_lib.settings import Settings, settings_digest
from runbook_lib.settings.file import load

GOLDEN = Path(__file__).parent
SETTINGS = GOLDEN.parent / "fixtures" / "9027535" / "settings"
DAY = dt.date(2026, 6, 1)
DRAWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")
"""Identifiers that AWS, or its simulation, makes up."""
TOKENS = ("ClientToken", "clientToken")
"""Parameters that make a call idempotent: botocore draws them."""
ORDERED = "seven"
"""The organization whose mutating calls are pinned in their order too."""
CHANGED, WAVES = "seven-changed", "seven-waves"
SEEDS: Mapping[str, str] = {
    "seven": "seven",
    "default": "rehearsal",
    "governed": "rehearsal",
    "centrally-configured": "rehearsal",
    "foreign-administrator": "rehearsal",
    "region-deny": "rehearsal",
    "role-missing": "rehearsal",
    "read-only": "rehearsal",
    "govcloud": "govcloud",
    "fresh": "fresh",
    "half-done": "rehearsal",
    "no-config": "rehearsal",
}
"""Every seed with its settings file."""


def short(value: object) -> str:
    """A digest that tells two values apart and fits in a line."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_as_text).encode()).hexdigest()[:12]


def _as_text(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)


@dataclass(frozen=True)
class Entry:
    """One call or unit: what lines are grouped by, its Region, and what tells it from others of its group."""

    about: tuple[str, ...]
    region: str
    detail: object


def grouped(entries: Iterable[Entry]) -> Iterator[str]:
    """One line for each group: how many in which Region, and the digest of their sorted details."""
    groups = defaultdict[tuple[str, ...], list[Entry]](list)
    for each in entries:
        groups[each.about].append(each)
    for about, members in sorted(groups.items()):
        regions = Counter(each.region for each in members)
        where = ", ".join(f"{region} {count}" for region, count in sorted(regions.items()))
        yield f"  {' '.join(about)} | {where} | {short(sorted([each.region, short(each.detail)] for each in members))}"


def in_full(entries: Iterable[Entry]) -> Iterator[str]:
    """One line for each entry, with its detail."""
    lines = (
        f"  {' '.join(each.about)} | {each.region} | {json.dumps(each.detail, sort_keys=True, default=_as_text)}"
        for each in entries
    )
    return iter(sorted(lines))


@dataclass
class Sent:
    """Hears, at botocore, what each request is made with; the simulation's log says what became of it."""

    simulated: Simulated
    asked: dict[str, Any] = field(default_factory=dict)
    """Invocation id → parameters."""
    _here: threading.local = field(default_factory=threading.local)

    def attach(self, session: Any) -> Any:
        InProcess(self.simulated.front).attach(session)
        events = session.get_component("event_emitter")
        events.register("provide-client-params", self._ask)
        events.register_first("before-send", self._send)
        return session

    def _ask(self, params: dict[str, Any], **_: Any) -> None:
        self._here.asked = params

    def _send(self, request: Any, **_: Any) -> None:
        invocation = request.headers["amz-sdk-invocation-id"]
        self.asked[invocation.decode() if isinstance(invocation, bytes) else invocation] = self._here.asked

    def calls(self, since: int) -> Iterator[tuple[str, bool, Entry]]:
        """Invocation, whether it changes anything, and the call, from a place of the log on."""
        for each in list(self.simulated.front.log.entries)[since:]:
            if each.service != "sts":
                about = each.account, f"{each.service}:{each.operation}"
                yield each.invocation, each.mutating, Entry(about, each.region, lasting(self.asked[each.invocation]))


def lasting(value: Any) -> Any:
    """Parameters without what is drawn anew each time."""
    if isinstance(value, Mapping):
        return {key: lasting(item) for key, item in value.items() if key not in TOKENS}
    if isinstance(value, list | tuple):
        return [lasting(item) for item in value]
    return DRAWN.sub("(drawn)", value) if isinstance(value, str) else value


@dataclass
class Pinned:
    """The lines of one organization. `full` has them with every detail."""

    simulated: Simulated
    shipped: Settings
    """As the file says; what is simulated runs with one call at a time."""
    full: bool = False
    lines: list[str] = field(default_factory=list)
    order: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sent = Sent(self.simulated)
        self.simulated.attach = self.sent.attach

    def wishes(self, name: str) -> None:
        """Other settings from now on."""
        self.shipped = load(SETTINGS / f"{name}.yaml", DAY)
        self.simulated.settings = self.shipped.model_copy(update={"concurrency": 1})

    def say(self, what: str, value: str) -> None:
        self.lines.append(f"{what}: {value}")

    def group(self, title: str, entries: Iterable[Entry]) -> None:
        if found := list(in_full(entries) if self.full else grouped(entries)):
            self.lines += [f"{title}:", *found]

    def texts(self, what: str, rows: Iterable[object]) -> None:
        """What people read: one digest, or row by row."""
        found = sorted(json.dumps(row, sort_keys=True, default=_as_text) for row in rows)
        self.say(what, f"{len(found)} | {short(found)}")
        if self.full:
            self.lines += [f"  {row}" for row in found]

    def planned(self, phase: str) -> Plan:
        """Plan a phase, and say what was decided and read for it."""
        self.lines += ["", f"# {phase}"]
        since = len(self.simulated.front.log.entries)
        runbook = self.simulated.runbook(phase)
        with runbook.access:
            seen = runbook.observe()
            plan = runbook.plan(seen)
        self.say("fingerprint", self.as_shipped(plan).fingerprint)
        verdicts = [
            [*cell_key(cell, account), cell.status, cell.gap, cell.code, cell.in_scope]
            for cell in seen.cells
            for account in cell.accounts
        ]
        self.texts("cells", verdicts)
        self.say(
            "statuses", ", ".join(f"{status} {count}" for status, count in sorted(Counter(row[5] for row in verdicts).items()))
        )
        self.decided(plan)
        reasons = (
            [*cell_key(cell, account), cell.observed, cell.desired, cell.reason, cell.next_step, cell.who]
            for cell in seen.cells
            for account in cell.accounts
        )
        self.texts("sentences of cells", reasons)
        self.group("calls of planning", (call for _, _, call in self.sent.calls(since)))
        return plan

    def as_shipped(self, plan: Plan) -> Plan:
        """The same plan under the settings as the file says them: how many calls are made at a time is one of their values."""
        return dataclasses.replace(plan, settings_digest=settings_digest(self.shipped))

    def decided(self, plan: Plan) -> None:
        """Units, waits, Blockers; what comes after what; what people read about it."""
        for title, steps in (("actions", plan.actions), ("waits", plan.waits)):
            units = (
                Entry((step.stage, step.account, f"{step.service}:{step.operation}"), step.region, [key, target, *self.said(step)])
                for step in steps
                for key, target in step.units
            )
            self.group(title, units)
        blocked = (
            Entry((each.service, each.aspect) + ("(holds up nothing else)",) * (not each.holds_up), each.region, account)
            for each in plan.blockers
            for account in each.accounts or ("",)
        )
        self.group("blockers", blocked)
        lanes = defaultdict[str, list[str]](list)
        for action in plan.actions:
            lanes[str(action.lane)].append(action.id)
        self.texts("steps after others", ([step.id, sorted(step.after)] for step in plan.steps))
        self.texts("effects", ([action.id, action.direction, sorted(action.affects)] for action in plan.actions))
        self.texts("lanes", (sorted(members) for members in lanes.values()))
        self.texts("sentences", sentences(plan))

    def said(self, step: Step) -> list[object]:
        """What a step calls or waits for, where everything is shown: else the unit's key stands for it."""
        if not self.full:
            return []
        return [plain(step.parameters)] if isinstance(step, Action) else [str(step.condition), step.deadline]

    def applied(self, plan: Plan) -> None:
        """Apply an approved plan, and say what became of it and which calls were made."""
        self.lines += ["", f"# {plan.phase} applied"]
        since = len(self.simulated.front.log.entries)
        stages = {unit: action.stage for action in reversed(plan.actions) for unit in action.units}
        try:
            self.became(self.simulated.apply(plan.phase, plan, self.simulated.approve(plan)))
        except PreconditionsFailed as failed:
            self.texts("phases before it are missing", [str(failed)])
        except ApprovalRefused as refused:
            self.texts("refused", refused.reasons)
        calls = list(self.sent.calls(since))
        announced = {
            line["invocation"]: stages.get((line["unit"], min(line["target_accounts"], default="")), "of none")
            for line in self.simulated.journaled("intent")
        }
        self.group("reads while applying", (call for _, mutating, call in calls if not mutating))
        changes = [(announced[invocation], call) for invocation, mutating, call in calls if mutating]
        for stage in dict.fromkeys(stage for stage, _ in changes):
            self.group(f"calls of stage {stage}", (call for where, call in changes if where == stage))
        self.order += [call for _, call in changes]

    def became(self, report: ApplyReport) -> None:
        for stage, made in report.stages:
            counts = ", ".join(f"{final} {count}" for final, count in sorted(made.counts.items()))
            self.say(f"stage {stage}", counts or "waited")
        for stage, covered in report.covered:
            if covered.already_so or covered.dropped or covered.appeared:
                found = len(covered.already_so), len(covered.dropped), len(covered.appeared)
                self.say(f"before stage {stage}", "already so {}, dropped {}, appeared {}".format(*found))
        if report.refused:
            self.texts("refused", report.refused)


def cell_key(cell: Cell, account: str) -> list[str]:
    return [cell.service, cell.region, cell.aspect, cell.item, account]


def sentences(plan: Plan) -> Iterator[object]:
    """Everything that people read in a plan."""
    for step in plan.steps:
        if isinstance(step, Action):
            back = [step.back_out.why, step.back_out.operation, plain(step.back_out.parameters)]
            yield [step.unit_key, step.reason, step.before, step.becomes, step.inside_accounts, back]
        else:
            yield [step.unit_key, step.waits_for, step.deadline]
    for unchanged in plan.no_changes:
        for account in unchanged.accounts:
            yield [unchanged.service, unchanged.region, unchanged.aspect, account, unchanged.reason]
    for blocker in plan.blockers:
        yield [blocker.service, blocker.region, blocker.aspect, blocker.reason, blocker.next_step, blocker.who]


def begun(seed: str, settings: str, folder: Path, patch: pytest.MonkeyPatch, *, full: bool) -> Pinned:
    """A seed's organization as it is at first, without request rates and refusals."""
    made = simulated(seed, folder, patch)
    world = made.front.world
    world.conditions = dataclasses.replace(world.conditions, throttled=False, hiccups=(), designation_seconds=0)
    made.front.adopt(world)
    pinned = Pinned(made, made.settings, full)
    pinned.wishes(settings)
    return pinned


def enabled(pinned: Pinned) -> None:
    """Plan every phase while nothing is applied yet, then apply them one after the other."""
    for plan in [pinned.planned(phase) for phase in ENABLING]:
        pinned.applied(plan)


def of_seed(name: str, folder: Path, patch: pytest.MonkeyPatch, *, full: bool) -> list[str]:
    pinned = begun(name, SEEDS[name], folder, patch, full=full)
    enabled(pinned)
    if name == ORDERED:
        pinned.lines += ["", "# mutating calls in their order"]
        pinned.lines += [f"  {' '.join(call.about)} {call.region} {short(call.detail)}" for call in pinned.order]
    return pinned.lines


def of_changed(folder: Path, patch: pytest.MonkeyPatch, *, full: bool) -> list[str]:
    """Everything is on already, and settings ask for something else: updates, a role in members, something lowered."""
    pinned = begun("seven", "seven", folder, patch, full=full)
    assert all(each.report.ok for each in pinned.simulated.enable())
    for account in pinned.simulated.front.world.organization.accounts.values():
        account.config_recorders = {home(pinned.simulated.front), "us-east-2"}
    for bucket, key in stores((SETTINGS / f"{CHANGED}.yaml").read_text(encoding="utf-8")):
        pinned.simulated.front.world.tell("bucket and key exist", bucket=bucket, key=key)
    pinned.wishes(CHANGED)
    enabled(pinned)
    return pinned.lines


def of_waves(folder: Path, patch: pytest.MonkeyPatch, *, full: bool) -> list[str]:
    """Each wave's part of each plan."""
    pinned = begun("seven", WAVES, folder, patch, full=full)
    for phase in ENABLING:
        runbook = pinned.simulated.runbook(phase)
        with runbook.access:
            seen = runbook.observe()
        for wave in waves(pinned.shipped):
            part = runbook.within(wave.scope)
            plan = part.plan(part.narrowed(seen))
            pinned.lines += ["", f"# {phase}, wave {wave.name}"]
            pinned.say("fingerprint", pinned.as_shipped(plan).fingerprint)
            pinned.decided(plan)
        pinned.texts("standings", (f"{each.wave.title}: {each.words}" for each in runbook.wave_progress(seen)))
    return pinned.lines


MADE = {name: partial(of_seed, name) for name in SEEDS} | {CHANGED: of_changed, WAVES: of_waves}
"""Every golden file's name, and what makes its lines."""


def now(name: str, folder: Path, *, full: bool = False) -> str:
    """What this commit decides and calls, as a golden file says it."""
    with pytest.MonkeyPatch.context() as patch:
        lines = MADE[name](folder, patch, full=full)
    return f"# {name}: see pins.py\n" + "\n".join(lines) + "\n"


def differences(name: str, text: str) -> list[str]:
    """What the golden file says and what is so now, with the headings that the differing lines stand under."""
    golden = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    if golden == text:
        return []
    return list(difflib.unified_diff(_placed(golden), _placed(text), f"{name}.txt", "now", n=0, lineterm=""))


def _placed(text: str) -> Sequence[str]:
    """Lines that say where they stand, for they are shown one by one."""
    placed, phase, group = [], "", ""
    for line in text.splitlines():
        if line.startswith("# "):
            phase, group = line[2:], ""
        elif line and not line.startswith("  "):
            group = ""
        placed.append(f"{phase}: {group}{line.strip()}")
        if line.endswith(":"):
            group = f"{line} "
    return placed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MADE)}; all when none is given")
    parser.add_argument("--write", action="store_true", help="write the golden files")
    parser.add_argument("--show", action="store_true", help="print everything in full, and compare nothing")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.names if name not in MADE]:
        parser.error(f"no golden file is called {', '.join(unknown)}; there are {', '.join(MADE)}")
    found: list[str] = []
    for name in chosen.names or MADE:
        with tempfile.TemporaryDirectory() as folder:
            text = now(name, Path(folder), full=chosen.show)
        if chosen.show:
            sys.stdout.write(text)
        elif chosen.write:
            (GOLDEN / f"{name}.txt").write_text(text, encoding="utf-8")
        else:
            found += differences(name, text)
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
