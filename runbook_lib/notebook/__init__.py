"""What the notebooks call: one object per executed notebook, whose methods each show what they did and leave it in the run folder.

Headless without an approval is no error: apply records *not attempted*, the rest runs. What went wrong is two lines in the cell
that noticed it (what happened, what to do); the traceback is in the run's log.
"""

import os
from collections.abc import Iterator
from typing import Any, Protocol

from runbook_lib.base.account_sets import Names
from runbook_lib.base.owner_only import keep_private
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts, Notes, Part
from runbook_lib.evidence.people import four_eyes
from runbook_lib.evidence.people.emergency import Emergency, declarable
from runbook_lib.evidence.run.attempts import read_record
from runbook_lib.inventory.checkup import changes
from runbook_lib.inventory.checkup.reads import Heard
from runbook_lib.notebook import coverage_parts
from runbook_lib.notebook.applying import apply_printing, apply_watched
from runbook_lib.notebook.attaching import attached_at_opening
from runbook_lib.notebook.card import card
from runbook_lib.notebook.cells import PARAMETERS, headless, kernel, parameters_path, refuse_strangers, settle_shell
from runbook_lib.notebook.deciding import Decider, GivenFile, Nobody
from runbook_lib.notebook.executed import Listener
from runbook_lib.notebook.gate_by_gate import GateByGate
from runbook_lib.notebook.permissions import preflight
from runbook_lib.notebook.second_person import CONFIRMED, SecondPerson, confirmed
from runbook_lib.phase_run import PhaseRun
from runbook_lib.phase_run.halt import Halt
from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.phase_run.record import RunRecord, plainly
from runbook_lib.phase_run.scope_parameter import BadParameter, read_scope
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.plan.gates import gates
from runbook_lib.runbook.phases import PREREQUISITES, Kind, phase_named
from runbook_lib.runbook.remediating import not_in_an_emergency
from runbook_lib.services.waves import waiting_waves, wave_words

__all__ = ["PARAMETERS", "BadParameter", "Halt", "Notebook", "headless", "open_phase", "read_scope"]


class Abandoned(Protocol):
    """A notebook that is open, and may be opened anew."""

    def abandon(self) -> None: ...


OPEN: list[Abandoned] = []
"""The notebook that this kernel has open. Run All Cells opens it anew, which ends the run before."""


def open_phase(phase: str, parameters_file: str, scope: str, approval: str, run_folder: str, *about: str) -> "Notebook":
    """Read the settings, find out who and where we are, and open the run. Raises Halt, in two lines, when any is wrong.

    `about`: what a procedure's notebook is given besides, in the order in which the phase names it.
    """
    with plainly():
        record = opening(phase, parameters_file, scope, approval, run_folder, *about)
        first = record.phase.name == PREREQUISITES.name
        heard = Heard() if first else None
        run = opened(record, changes.READS if first else frozenset(), heard.keep if heard else None)
        OPEN.append(notebook := Notebook(run, heard))
        if not headless():
            notebook.earlier = attached_at_opening(record.run.path.parent, record.settings, os.environ)
        return notebook


def opening(phase: str, parameters_file: str, scope: str, approval: str, run_folder: str, *about: str) -> RunRecord:
    """Take up what a notebook was given, and begin its record; the notebook that was open before is given up."""
    settle_shell()
    keep_private()
    names = phase_named(phase).parameters
    further = {**dict.fromkeys(names, ""), **dict(zip(names, about, strict=False))}  # some are taken up by a later cell
    given = {"parameters_file": parameters_file, "scope": scope, "approval": approval, "run_folder": run_folder, **further}
    refuse_strangers(given)
    while OPEN:
        OPEN.pop().abandon()
    record = begin(phase, parameters_path(parameters_file), scope, approval, run_folder, about=" ".join(about))
    if (shell := kernel()) is not None and not headless():
        record.closing.callback(Listener(shell, record.folder).close)
    return record


def way_to_decide(run: PhaseRun, emergency: str = "") -> Decider:
    """How the plan of a run is decided about here; `emergency` says why nobody else is asked, where somebody would have to be.

    Raises ApprovalRefused where the policy that says so cannot be read, or allows no emergency, and for more than containment.
    """
    if run.record.approval and emergency:
        raise ApprovalRefused(
            ["an emergency is declared by whoever decides, and this approval was given before; leave one of them out"]
        )
    if run.record.approval:
        return GivenFile(run)
    if headless():
        return Nobody(run)
    if emergency:
        if why := not_in_an_emergency(run.planned) if run.planned is not None else "":
            raise ApprovalRefused([why])
        return GateByGate(run, Emergency(emergency, declarable(run.record.settings, run.record.run.path.parent, [])))
    asked = run.planned is not None and gates(run.planned)
    others = asked and four_eyes.needed(run.record.settings, run.record.run.path.parent)
    return SecondPerson(run) if others else GateByGate(run)


class Notebook:
    """One executed notebook: observe, plan, confirm, apply, verify, back_out, finish, in that order."""

    def __init__(self, run: PhaseRun, heard: Heard | None = None) -> None:
        self.run, self.record = run, run.record
        self.heard = heard
        """What became of each read, where permissions are looked at."""
        self.earlier: tuple[str, ...] = ()
        """What is to be said of the runs before this one."""
        self._decider: Decider | None = None
        self._explorer: Any = None
        self.record.closing.callback(self._close_explorer)

    @property
    def _names(self) -> Names:
        """How a person calls the accounts."""
        return self.run.organization.account_names

    def abandon(self) -> None:
        """The notebook is opened anew: panels are void, and a run that has not ended is recorded as stopped."""
        self._close_explorer()
        if self._decider is not None:
            self._decider.make_void("The notebook was opened again; this panel is void.")
        if self.record.ended is None:
            self.record.stop("the notebook was opened again")
        self.run.runbook.access.close()

    def card(self) -> Facts:
        """Where this run acts, and as whom, and until when."""
        return card(self.run, self.earlier)

    def observe(self) -> Notes:
        """Read what is there, keep it as coverage, and show it."""
        with plainly(self.record, "observe"):
            self.run.observe()
            if not self.record.phase.plans:
                return coverage_parts.shown(coverage_parts.OBSERVE, self.run)
            if self.heard is not None:
                return Notes(*sections.checks(self.run.cells, self._names).parts, *preflight(self.run, self.heard))
            return sections.observed(self.run.cells, self.run.organization)

    def explore(self) -> Notes | None:
        """The newest coverage account by account: at the screen to search, filter and sort; headless its counts."""
        with plainly(self.record, "explore"):
            head = sections.explorable(self.run.cells, f"coverage-{self.run.looked or 'before'}.csv of the run folder")
            if headless():
                return head
            self._close_explorer()
            try:
                from runbook_lib.display.cell_table import CellTable  # noqa: PLC0415 not needed on headless runners
                from runbook_lib.display.explorer import Explorer  # noqa: PLC0415 widgets are not installed there
            except ModuleNotFoundError:
                return head
            self._explorer = Explorer(CellTable(self.run.cells, self.run.organization), head)
            self._explorer.show()
            if self.record.ended is not None:
                self._explorer.close_unused()
            return None

    def _close_explorer(self) -> None:
        """Leave counts in its place, so that the saved notebook is a plain record."""
        if self._explorer is not None:
            self._explorer.close()
            self._explorer = None

    def plan(self) -> Notes:
        """Decide what to call, keep it, and show it. Under an approval, plan.json stays the approved plan."""
        with plainly(self.record, "plan"):
            self.record.must_run()
            if self._decider is not None:
                self._decider.plan_again()
                self._decider = None
            costs = self.run.plan()
            assert self.run.planned is not None
            shown = sections.planned(self.run.planned, self.record.settings.concurrency, costs, self._names)
            return Notes(*shown.parts, *self._waves(verified=False))

    def _waves(self, *, verified: bool) -> Iterator[Part]:
        """How far each wave has come, by the latest observation, and what comes next."""
        runbook, settings = self.run.runbook, self.record.settings
        if self.run.before is None or not runbook.in_waves:
            return
        if runbook.scope.whole:
            yield from sections.waves(runbook.wave_progress(self.run.before), verified=verified)
        elif later := waiting_waves(runbook.scope, settings):
            yield f"This is {wave_words(runbook.scope, settings)}. Next: {later}."

    async def confirm(self, emergency: str = "") -> Facts | None:
        """Take up the approval that was given; at the screen ask for the first decision; else say that there is none.

        `emergency` says why one person decides about a containment alone, where the trust policy asks for others.

        Raises Halt when an approval may not be used, when the answer is no, and when it cannot be given in this way.
        """
        with plainly(self.record, "confirm"):
            if not isinstance(emergency, str):
                raise BadParameter(f"emergency is {type(emergency).__name__} {emergency!r}")
            self.record.must_run()
            return await self._decides(emergency).decide()

    def _decides(self, emergency: str = "") -> Decider:
        if self._decider is None:
            self._decider = way_to_decide(self.run, emergency)
        return self._decider

    async def apply(self) -> Notes | None:
        """Make the approved calls that are still to be made; without an approval, record that nothing was attempted.

        At the screen each further decision is asked for here, before its stage; interrupting, or Stop, ends the calls in flight.
        """
        with plainly(self.record, "apply"):
            self.record.must_run()
            assert self.run.planned is not None, "run plan() first"
            shown = None
            async for approved in self._decides().approved():
                if headless():
                    report = apply_printing(self.run, approved)
                    shown = sections.applied(report, self._names)
                else:
                    report = await apply_watched(self.run, approved)
                if report.refused or report.stopped:
                    break
            return shown if self.run.decision else self._decides().undecided()

    def verify(self) -> Notes:
        """Read again, keep it as coverage-after, and show what remains and why."""
        with plainly(self.record, "verify"):
            self.run.verify()
            if not self.record.phase.plans:
                return coverage_parts.shown(coverage_parts.VERIFY, self.run)
            before = self.run.cells_before if self.run.decision else ()
            left = sections.remaining(self.run.cells, self.run.organization, before)
            procedure = before and self.record.phase.kind is Kind.PROCEDURE
            beside = sections.beside(before, self.run.cells, self._names).parts if procedure else ()
            return Notes(*beside, *self.run.coming_back, *left.parts, *self._waves(verified=True))

    def back_out(self) -> Notes:
        """The reverse calls of the plan, last first; never made here."""
        with plainly(self.record, "back_out"):
            plan = self.run.carried_out
            assert plan is not None, "run plan() first"
            return sections.back_out(plan)

    def show_record(self) -> Notes:
        """What the run folder says about this phase: decisions and calls, whatever the page has kept."""
        with plainly():
            folder = self.record.folder
            shown, people = sections.recorded(self.record.run.name, *read_record(folder), self._names), confirmed(folder)
            return Notes(Facts(CONFIRMED, people), *shown.parts) if people else shown

    def finish(self) -> Facts:
        """End the run: say what was left where, and fail when something went wrong, so that a pipeline sees it."""
        code, record = self.run.finish(), self.record
        if code == 1:
            said = record.error or "some calls failed: the table above and the journal say which"
            again = "Run again with the same approval" if record.approval or headless() else "Run the notebook again from the top"
            raise Halt(f"{record.state}: {said}\n{again} to resume where it stopped; nothing applied is sent twice.")
        how = ("Rejected" if record.state == "rejected" else "Done") + (", with something left" if code else "")
        files = ", ".join(sorted(path.name for path in record.folder.path.iterdir()))
        sealed = {"Evidence": " ".join(record.evidence).removeprefix("Evidence: ")} if record.evidence else {}
        return Facts(how, {"Run": record.run.name, record.folder.name: files, **sealed})
