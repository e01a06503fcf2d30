"""A run that is killed before, at or after any mutating call, and a restart that has only the files it left.

The kill is an exception that no `except Exception` catches, raised by what carries requests; from then on nothing of that run
reaches the server, and no answer reaches the run. A restart converges, and sends nothing again that the server had applied and
answered; the calls in flight are the exception.
"""

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from simulated import ENABLING, Simulated, copied, open_cells, permitted, simulated

from runbook_lib.apply.journal import Journal, complete_lines
from runbook_lib.base.clock import Stop
from runbook_lib.coverage import Cell
from runbook_lib.evidence.run.attempts import applied_before
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval
from runbook_lib.plan.decision import given
from runbook_lib.rehearsal.identify import identify
from runbook_lib.rehearsal.inproc import InProcess, environ_of
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import ApplyReport

MOMENTS = ("before", "in flight", "after")
"""Before the call reaches the server; after the server did it, before its answer arrives; at whatever comes after the answer."""
Units = set[tuple[str, str]]


class Killed(BaseException):
    """The process is gone: no `except Exception` sees this."""


class Mortal(InProcess):
    """Carries requests until the `k`-th mutating one, and then never again."""

    def __init__(self, application: Any, k: int, moment: str) -> None:
        super().__init__(application)
        self._k, self._moment = k, moment
        self._lock = threading.Lock()
        self.count, self.dead, self._answered = 0, False, False
        self.in_flight: set[str] = set()
        self.operations: list[str] = []
        """What each mutating request was, in their order."""
        self.refused: dict[str, set[str]] = {}
        """Invocation → accounts that the server's answer names as not done."""

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        asked = identify(environ_of(request))
        counted = asked.mutating and asked.service != "sts"
        with self._lock:
            self._die_if(self.dead or self._answered)
            self.count += counted
            self.operations += [asked.operation] * counted
            mine = counted and self.count == self._k
            self._die_if(mine and self._moment == "before")
        answer = super()._send(request)
        with self._lock:
            if counted:
                self.refused[asked.invocation] = _not_done(answer)
            if self.dead or (mine and self._moment == "in flight"):
                self.in_flight.add(asked.invocation)
            self._die_if(self.dead or (mine and self._moment == "in flight"))
            self._answered = self._answered or (mine and self._moment == "after")
        return answer

    def _die_if(self, yes: bool) -> None:
        if yes:
            self.dead = True
            raise Killed


def _not_done(answer: AWSResponse) -> set[str]:
    said = json.loads(answer.content) if answer.content.startswith(b"{") else {}
    listed = [*said.get("UnprocessedAccounts", said.get("unprocessedAccounts", [])), *said.get("failedAccounts", [])]
    return {each.get("AccountId") or each["accountId"] for each in listed}


@dataclass
class Start:
    """One phase about to be applied: the world as it is then, the approval file, and what an undisturbed run leads to."""

    simulated: Simulated
    phase: str
    world: World
    approval: Path
    began: dt.datetime
    calls: tuple[str, ...]
    """Which operations it called, in this order."""
    cells: tuple[Cell, ...]
    runs: Path
    attempts: list[PhaseFolder] = field(default_factory=list)
    seen: tuple[Cell, ...] = ()
    """What the last attempt saw when it looked again at its end."""

    def attempt(self, transport: InProcess) -> ApplyReport:
        """One process: it knows the approval's path and the folder of all runs."""
        made = self.simulated
        made.attach = transport.attach
        decision = given(self.approval)
        run = RunFolder.create(self.runs, "rehearsal", made.clock.now(), settings=b"", command=["test"])
        folder = run.start_phase(self.phase, made.clock.now())
        self.attempts.append(folder)
        folder.plan_json.write_text(plan_file.dumps(decision.approved), encoding="utf-8")
        decision.approval.write(folder.approval)
        before = applied_before(self.runs, decision.approval.id)
        runbook = made.runbook(self.phase, decision.approved.scope)
        with runbook.access, Journal(folder.journal, run.name, made.clock) as journal:
            report = runbook.apply(
                decision.approval,
                decision.approved,
                permit=permitted,
                journal=journal,
                stop=Stop(),
                progress=lambda tick: None,
                applied_before=before,
            )
            self.seen = without_names_of_runs(runbook.observe().cells)
        return report


def started(seed: str, phase: str, folder: Path, patch: pytest.MonkeyPatch) -> Start:
    """Everything planned and approved while bare, the earlier phases applied, this one applied once to know its calls."""
    made = simulated(seed, folder, patch)
    approved = made.approved_plans()
    position = ENABLING.index(phase)
    made.enable_as_approved(approved[:position])
    return begun(made, *approved[position])


def begun(made: Simulated, plan: Plan, approval: Approval) -> Start:
    """A plan approved and its phase next, applied once to know its calls."""
    world, file = copied(made.front.world), _kept(plan, approval, made.folder)
    undisturbed = Mortal(made.front, 0, "")
    start = Start(made, plan.phase, world, file, made.clock.now(), (), (), made.folder / "undisturbed")
    assert start.attempt(undisturbed).ok
    start.calls, start.cells = tuple(undisturbed.operations), start.seen
    assert open_cells(start.cells) == []
    return start


def without_names_of_runs(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """The prerequisites show as whom the run acts, and a session is named after its run."""
    return tuple(cell for cell in cells if cell.aspect != "caller")


def _kept(plan: Plan, approval: Approval, folder: Path) -> Path:
    (folder / "plan.json").write_text(plan_file.dumps(plan), encoding="utf-8")
    approval.write(folder / "approval.json")
    return folder / "approval.json"


def killed_and_restarted(start: Start, k: int, moment: str, runs: Path) -> None:
    """One kill and one restart, on a copy of the world."""
    front = start.simulated.front
    front.adopt(copied(start.world))
    start.simulated.set_clock(start.began)
    start.runs, start.attempts = runs, []
    transport = Mortal(front, k, moment)
    front.log.clear()
    with suppress(Killed):
        start.attempt(transport)
    # Nothing need come after the last call: then the run has simply ended.
    assert transport.dead or (moment, k) == ("after", len(start.calls))
    applied = _applied(start, transport)
    front.log.clear()
    report = start.attempt(InProcess(front))
    assert report.ok, report
    again = _announced(start.attempts[-1])
    assert again & applied == set()
    assert start.seen == start.cells


def _announced(folder: PhaseFolder, *, only: set[str] | None = None, without: dict[str, set[str]] | None = None) -> Units:
    """Units that a journal announces, of these invocations, without the accounts that were refused."""
    found = Units()
    for line in complete_lines(folder.journal):
        if line["kind"] == "intent" and (only is None or line["invocation"] in only):
            refused = (without or {}).get(line["invocation"], set())
            found |= {(line["unit"], target) for target in line["target_accounts"] or [""] if target not in refused}
    return found


def _applied(start: Start, transport: Mortal) -> Units:
    """What the server did and answered, by its own log; the journal only tells which units a call was about."""
    calls = [entry for entry in start.simulated.mutating() if entry.status == 200]
    answered = {entry.invocation for entry in calls} - transport.in_flight
    announced = {line["invocation"] for line in complete_lines(start.attempts[0].journal) if line["kind"] == "intent"}
    assert {entry.invocation for entry in calls} <= announced
    assert len(transport.in_flight) <= start.simulated.settings.concurrency
    return _announced(start.attempts[0], only=answered, without=transport.refused)


@pytest.fixture
def start_of(tmp_path: Path) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        yield lambda seed, phase: started(seed, phase, tmp_path, patch)


def first_and_last(calls: Sequence[str]) -> list[int]:
    """The numbers, from 1 on, of each operation's first and last call."""
    first = {operation: number for number, operation in reversed(list(enumerate(calls, 1)))}
    last = {operation: number for number, operation in enumerate(calls, 1)}
    return sorted({*first.values(), *last.values()})


@pytest.mark.parametrize("phase", ENABLING)
def test_killed_while_the_first_or_last_call_of_an_operation_is_in_flight(
    phase: str, seven_before: Callable[[str], World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment at which a restart knows least. Every call and every moment: `make soak`."""
    made = simulated("seven", tmp_path, monkeypatch)
    plan = made.plan(phase)
    approval = made.approve(plan)
    made.front.adopt(seven_before(phase))
    start = begun(made, plan, approval)
    numbers = first_and_last(start.calls)
    assert {start.calls[number - 1] for number in numbers} == {action.operation for action in plan.actions}
    for number in numbers:
        killed_and_restarted(start, number, "in flight", tmp_path / f"runs-{number}")


LONG = {("default", "30_inspector"): 6}
"""Phases of so many calls that they are killed in parts: parts run side by side, and each that ends tells how far it is."""
EVERY = [
    (seed, phase, part, LONG.get((seed, phase), 1))
    for seed in ("default", "seven")
    for phase in reversed(ENABLING)
    for part in range(LONG.get((seed, phase), 1))
]


@pytest.mark.soak
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("seed", "phase", "part", "parts"), EVERY)
def test_killed_at_every_call_at_every_moment(
    seed: str, phase: str, part: int, parts: int, moment: str, start_of: Any, tmp_path: Path, record_property: Any
) -> None:
    start = start_of(seed, phase)
    for k in range(1 + part, len(start.calls) + 1, parts):
        killed_and_restarted(start, k, moment, tmp_path / f"runs-{k}")
        record_property("kills", 1)
