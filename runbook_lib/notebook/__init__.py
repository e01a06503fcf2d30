"""What the notebooks call: one object per executed notebook, whose methods each show what they did and leave it in the run folder.

Headless without an approval is no error: apply records *not attempted*, the rest runs. What went wrong is two lines in the cell
that noticed it (what happened, what to do); the traceback is in the run's log.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runbook_lib.apply.journal import Journal
from runbook_lib.apply.report import Tick
from runbook_lib.base.clock import Stop
from runbook_lib.base.files import write_bytes
from runbook_lib.base.owner_only import keep_private
from runbook_lib.base.project import resolve
from runbook_lib.coverage import Status
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts, Notes
from runbook_lib.display.progress import progress as progress_of
from runbook_lib.evidence.people import four_eyes
from runbook_lib.evidence.people.permit import Permit
from runbook_lib.evidence.run.attempts import applied_before, read_record, refuse_second
from runbook_lib.evidence.run.called import CALLS, NOTHING_CALLED, called
from runbook_lib.evidence.run.folder import RunStatus
from runbook_lib.notebook import screen
from runbook_lib.notebook.attaching import attached_at_opening
from runbook_lib.notebook.cells import (
    PARAMETERS,
    BadParameter,
    Halt,
    headless,
    parameters_path,
    read_scope,
    refuse_strangers,
    settle_shell,
)
from runbook_lib.notebook.run import NotebookRun, awaited, plainly, plainly_in
from runbook_lib.notebook.second_person import SecondPerson, confirmed
from runbook_lib.plan import Plan
from runbook_lib.plan.decision import Decision, Rejection, given
from runbook_lib.plan.gates import Gate, gates
from runbook_lib.runbook import ApplyReport, Runbook

__all__ = ["PARAMETERS", "BadParameter", "Halt", "Notebook", "headless", "open_phase", "read_scope"]

EXITS = {0: RunStatus.DONE, 1: RunStatus.FAILED, 2: RunStatus.LEFT_OVER}
_OPEN: "list[Notebook]" = []
"""The notebook that this kernel has open. Run All Cells opens it anew, which ends the run before."""


def open_phase(phase: str, parameters_file: str, scope: str, approval: str, run_folder: str) -> "Notebook":
    """Read the settings, find out who and where we are, and open the run. Raises Halt, in two lines, when any is wrong."""
    with plainly_in():
        settle_shell()
        keep_private()
        refuse_strangers({"parameters_file": parameters_file, "scope": scope, "approval": approval, "run_folder": run_folder})
        while _OPEN:
            _OPEN.pop().abandon()
        _OPEN.append(notebook := Notebook(phase, parameters_path(parameters_file), scope, approval, run_folder))
        if not headless():
            notebook.earlier = attached_at_opening(notebook.run.path.parent, notebook.settings, os.environ)
        return notebook


class Notebook(NotebookRun):
    """One executed notebook: observe, plan, confirm, apply, verify, back_out, finish, in that order."""

    @awaited
    async def confirm(self) -> Facts | None:
        """Take up the approval that was given; at the screen ask for the first decision; else say that there is none.

        Raises Halt when an approval may not be used, when the answer is no, and when it cannot be given in this way.
        """
        self._must_run()
        if self.approval:
            return self._given()
        if headless():
            return Facts("No approval was given", {"Consequence": "nothing will be called; apply records: not attempted"})
        assert self.planned is not None, "run plan() first"
        if not (asked := gates(self.planned)):
            return Facts("No decision is needed", {"Planned calls": "none"})
        if four_eyes.needed(self.settings, self.run.path.parent):
            if self.decision is None:
                await self._ask_others(self.planned)
            return None
        gate = await self._ask(asked[0])
        if isinstance(self.asked[gate.name].outcome, Rejection):
            self._reject(gate)
            self.end(RunStatus.LEFT_OVER)
            raise Halt(f"{self.error}\nNothing was called. To decide anew, run the notebook again from the top.")
        return None

    def _given(self) -> Facts:
        self.decision = given(resolve(self.approval))
        self.runbook.refuse(self.decision.approval, self.decision.approved)
        four_eyes.refuse(self.decision.approval, self.settings, self.run, self.organization.callers.values())
        if self.decision.approval_file.parent.resolve() != self.folder.path.resolve():
            self.decision = self._brought(self.decision)
        return sections.decision(self.decision.approval, self.decision.approved)

    def _brought(self, given_: Decision) -> Decision:
        """An approval and its plan in this run's own folder: the very file that was approved, under the name that is signed."""
        refuse_second(self.folder, given_.approval)
        approval, data = given_.approval, given_.plan_file.read_bytes()
        name = approval.plan_name if approval.version > 1 else self.folder.plan_json.name
        self._keep(given_.approved, name.removesuffix(".json"))
        write_bytes(self.folder.path / name, data)
        approval.model_copy(update={"plan": name}).write(self.folder.approval)
        return given(self.folder.approval)

    async def _ask(self, gate: Gate) -> Gate:
        """Ask for one decision and write it down; the gate that was decided, which is another plan's where a part was chosen.

        What was clicked meanwhile counts; a dead panel is drawn anew.
        """
        while (asked := self.asked.get(gate.name)) is None or asked.outcome is None:
            assert self.planned is not None
            if asked is not None and asked.chosen is not None:
                gate = self._take_part(asked, *asked.chosen)
            elif asked is not None and asked.ballot.answer is not None:
                callers = self.organization.callers
                asked.outcome = screen.decided(asked.ballot, self.planned, gate, self.folder, callers, self.clock)
                asked.panel.give_way(sections.answer(asked.outcome, self.runbook.phase, gate))
            else:
                if asked is not None:
                    asked.ballot.close("This panel is void: it was drawn again below.")
                await self._draw(gate, self.planned)
        return gate

    async def _draw(self, gate: Gate, plan: Plan) -> None:
        """Show a panel and wait until something is pressed in it. A part can be chosen until something has been applied."""
        begun = any(asked.applied for asked in self.asked.values())
        not_yet = four_eyes.nobody_here(self.settings, self.run.path.parent) or (self.parts.not_yet(plan) if self.parts else "")
        with self._asking():
            asked = screen.question(plan, gate, self.runbook.phase, self.settings, not_yet, self.results["may cost"])
            parts = None if begun else self.parts
            self.asked[gate.name] = screen.Asked(asked, self.clock, parts, whole=plan.scope == self.runbook.scope)
            await self.asked[gate.name].answer()

    def _take_part(self, asked: screen.Asked, part: Runbook, plan: Plan) -> Gate:
        """Put the plan of a chosen part in the place of the one that was asked about; the first gate of it."""
        self.asked.clear()
        self.acting = part
        asked.panel.give_way(self._take_up(plan))
        return gates(plan)[0]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn what keeps a person from answering into two lines."""
        try:
            yield
        except screen.NoWidgets as missing:
            raise Halt(f"{missing}\nInstall the project with its lab extra, or give an approval file.") from None
        except screen.Undecided as nobody:
            raise Halt(f"{nobody}\nDecide in the panel above, then run the next cell (or this one again) to go on.") from None
        except screen.Interrupted as broken:
            self.state, self.error = "stopped", str(broken)
            self.end(RunStatus.STOPPED)
            raise Halt(f"{broken}\nTo decide, run the notebook again from the top (Run All Cells).") from None

    async def _ask_others(self, plan: Plan) -> None:
        """Wait until other people have approved the phase and the operator has confirmed it, or rejected it."""
        if self.others is None or self.others.ballot.answer is None:
            if self.others is not None:
                self.others.ballot.close("This panel is void: it was drawn again below.")
            with self._asking():
                not_yet = self.parts.not_yet(plan, choosing=False) if self.parts else ""
                self.others = SecondPerson(plan, self.runbook, self.run, self.organization.callers, not_yet)
                await self.others.answer()
        self._take_others()

    def _take_others(self) -> None:
        """Take up what was decided with other people. Raises Halt while nothing is, and on a rejection."""
        assert self.others is not None
        problem = self.others.clicked()
        if self.others.ballot.answer is None:
            raise Halt(
                f"{problem or 'Nothing is decided yet.'} Nothing was called.\nDecide in the panel above, then run this cell."
            )
        outcome = self.others.decided(self.folder)
        if isinstance(outcome, Rejection):
            self.others.panel.give_way(sections.rejected(outcome, self.runbook.phase, "the whole phase"))
            self._refuse_on(outcome)
            self.end(RunStatus.LEFT_OVER)
            raise Halt(f"{self.error}\nNothing was called. To decide anew, run the notebook again from the top.")
        self.decision = outcome
        people = confirmed(self.folder)
        self.results |= {name: str(value) for name, value in people.items()}
        approved = sections.decision(outcome.approval, outcome.approved)
        facts = {**approved.facts, "Approver": people.pop("Approved by"), **people}
        self.others.panel.give_way(Facts("Approved by others, confirmed by the operator", facts))

    def _reject(self, gate: Gate) -> None:
        no = self.asked[gate.name].outcome
        assert isinstance(no, Rejection)
        self._refuse_on(no)

    def _refuse_on(self, no: Rejection) -> None:
        self.state, self.error = "rejected", f"Rejected by {no.rejected_by}: {no.reason}"

    @awaited
    async def apply(self) -> Notes | None:
        """Make the approved calls that are still to be made; without an approval, record that nothing was attempted.

        At the screen each further decision is asked for here, before its stage; interrupting, or Stop, ends the calls in flight.
        """
        self._must_run()
        assert self.planned is not None, "run plan() first"
        if self.others is not None and self.decision is None:
            self._take_others()
        if self.decision is None and (headless() or self.approval):
            self.state = "planned" if called(self.folder.journal).get(CALLS) else NOTHING_CALLED
            return sections.not_attempted(self.planned)
        if headless():
            assert self.decision is not None
            stop = Stop()
            with screen.interruptible(stop), progress_of(self.runbook.phase.title) as progress:
                self.report = self._apply(
                    self.decision, stop, lambda tick: progress.update(tick.done, tick.total, sections.tick(tick))
                )
            self._conclude(self.report)
            return sections.applied(self.report)
        await (self._apply_watched(self.decision, self.runbook.phase.title) if self.decision else self._gate_by_gate())
        return None

    def _apply(self, decision: Decision, stop: Stop, progress: Callable[[Tick], None]) -> ApplyReport:
        self.state = "failed"
        before = applied_before(self.run.path.parent, decision.approval.id)
        permit = Permit(self.run, self.settings, self.organization.callers, os.environ)
        permit(decision.approval)  # before there is a journal, by which other runs would take this one for a user of the approval
        with Journal(self.folder.journal, self.run.name, self.clock) as journal:
            return self.acting.apply(
                decision.approval, decision.approved, permit=permit, journal=journal, stop=stop, progress=progress,
                applied_before=before,
            )  # fmt: skip

    def _conclude(self, ended: ApplyReport) -> None:
        self.state = "stopped" if ended.stopped else "refused" if ended.refused else "applied" if ended.ok else "failed"
        self.error = "; ".join(ended.refused) or ended.stopped
        self.results |= sections.counted(ended)

    def _next_gate(self) -> Gate | None:
        """The first gate of the plan whose calls have not been begun."""
        begun = {name for name, asked in self.asked.items() if asked.applied}
        return next((gate for gate in gates(self.planned) if gate.name not in begun), None) if self.planned else None

    async def _gate_by_gate(self) -> None:
        """Each gate in turn: its decision, then its calls. The first was asked for in the cell above."""
        while (gate := self._next_gate()) is not None:
            asked = self.asked.get(gate.name)
            problem = asked.clicked() if asked is not None else ""
            first = not any(each.applied for each in self.asked.values())
            if first and (asked is None or not (asked.outcome or asked.taken)):
                raise Halt(
                    f"{problem or 'Nothing is decided yet.'} Nothing was called.\nDecide in the panel above, then run this cell."
                )
            gate = await self._ask(gate)
            asked = self.asked[gate.name]
            if not isinstance(asked.outcome, Decision):
                self._reject(gate)
                return
            self.decision, asked.applied = asked.outcome, True
            report = await self._apply_watched(asked.outcome, gate.title)
            if report.refused or report.stopped:
                return

    async def _apply_watched(self, decision: Decision, title: str) -> ApplyReport:
        """Apply one approved plan in a thread of its own, shown while it runs, with Stop."""
        from runbook_lib.display.controls import RunningView  # noqa: PLC0415 widgets are not installed on headless runners

        stop, latest, troubles = screen.StopWithKernel(), screen.Latest(self.clock), screen.Troubles(self.folder.journal)
        view = RunningView(self.settings.mode, title, stop)
        view.show()

        def look() -> None:
            view.update(latest.tick, sections.running(latest.now, latest.left), troubles.lines())

        try:
            report = await screen.beside(lambda: self._apply(decision, stop, latest.put), stop, look)
        except BaseException as broken:
            view.give_way(Notes(f"Broke off: {type(broken).__name__}. What was called until then stands in the journal."))
            raise
        view.give_way(sections.applied(report))
        self.report = report if self.report is None else self.report.with_more(report)
        self._conclude(self.report)
        return report

    @plainly
    def verify(self) -> Notes:
        """Read again, keep it as coverage-after, and show what remains and why."""
        if self.decision is not None:
            self._look("after")
        elif not self.plans:
            self.state = "observed"
        left = sections.remaining(self.cells, self.organization, self.cells_before if self.decision else ())
        return Notes(*left.parts, *self._waves(verified=True))

    @plainly
    def back_out(self) -> Notes:
        """The reverse calls of the plan, last first; never made here."""
        plan = self.decision.approved if self.decision and self.approval else self.planned
        assert plan is not None, "run plan() first"
        return sections.back_out(plan)

    def show_record(self) -> Notes:
        """What the run folder says about this phase: decisions and calls, whatever the page has kept."""
        with plainly_in():
            shown, people = sections.recorded(self.run.name, *read_record(self.folder)), confirmed(self.folder)
            return Notes(Facts("Approved by others, confirmed by the operator", people), *shown.parts) if people else shown

    def finish(self) -> Facts:
        """End the run: say what was left where, and fail when something went wrong, so that a pipeline sees it."""
        self.runbook.access.close()
        left = [cell for cell in self.cells if cell.in_scope and cell.status in (Status.GAP, Status.UNKNOWN)]
        pending = self.decision is None and self.planned is not None and (self.planned.actions or self.planned.blockers)
        broken = self.state in ("failed", "refused", "stopped") or (self.report is not None and not self.report.ok)
        code = 1 if broken else 2 if left or pending else 0
        self.end(RunStatus.STOPPED if self.state == "stopped" else EXITS[code])
        if code == 1:
            said = self.error or "some calls failed: the table above and the journal say which"
            again = "Run again with the same approval" if self.approval or headless() else "Run the notebook again from the top"
            raise Halt(f"{self.state}: {said}\n{again} to go on from there; nothing applied is sent twice.")
        files = ", ".join(sorted(path.name for path in self.folder.path.iterdir()))
        how = "Rejected" if self.state == "rejected" else "Done"
        return Facts(
            how if code == 0 else f"{how}, with something left", {"Run": self.run.name, self.folder.name: files} | self._sealed()
        )

    def _sealed(self) -> dict[str, object]:
        return {"Evidence": " ".join(self.evidence).removeprefix("Evidence: ")} if self.evidence else {}
