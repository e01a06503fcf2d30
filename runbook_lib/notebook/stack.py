"""What the notebook of the CloudFormation door calls: one object per execution, whose methods show what they did and record it.

Deploying, updating, recovering and deleting are the library's; the notebook asks, and keeps the record, as other notebooks do.
"""

import os
from typing import Any

from runbook_lib.base.clock import Stop
from runbook_lib.base.owner_only import keep_private
from runbook_lib.base.project import resolve
from runbook_lib.display import sections, tables
from runbook_lib.display.notes import Facts, Lines, Notes
from runbook_lib.evidence.run.attempts import read_record
from runbook_lib.evidence.run.folder import EXIT_CODES, RunStatus
from runbook_lib.notebook import OPEN
from runbook_lib.notebook.cells import headless, kernel, parameters_path, refuse_strangers, settle_shell
from runbook_lib.notebook.deciding import NOT_NEEDED, asking, rejected
from runbook_lib.notebook.executed import Listener
from runbook_lib.notebook.screen import answered, beside, interruptible, no_widgets, operator
from runbook_lib.notebook.stack_operations import Operation, card_facts, operation_named
from runbook_lib.phase_run.halt import Halt
from runbook_lib.phase_run.opening import begin
from runbook_lib.phase_run.record import plainly
from runbook_lib.phase_run.scope_parameter import BadParameter
from runbook_lib.plan.decision import Ballot, Question, Rejection
from runbook_lib.stack.installing import Installer, NotFollowed
from runbook_lib.stack.outcome import outcomes
from runbook_lib.stack.template import refuse_unfit, tasks

SETTINGS, PROFILE = "RUNBOOK_STACK_PARAMETERS", "RUNBOOK_STACK_PROFILE"
"""What `runbook lab` leaves of the simulated organization: settings that fit a stack, and who deploys it there."""
COLUMNS = ("Resource", "Status", "Coverage", "Gaps", "Unknown", "Calls", "Evidence")


def open_stack(
    phase: str,
    parameters_file: str,
    scope: str,
    approval: str,
    run_folder: str,
    operation: str,
    stack: str,
    bucket: str,
    profile: str,
    confirmed: str,
) -> "StackNotebook":
    """Read the settings, find the stack, and open the run. Raises Halt, in two lines, when anything does not fit."""
    with plainly():
        settle_shell()
        keep_private()
        given = {
            "parameters_file": parameters_file,
            "scope": scope,
            "approval": approval,
            "run_folder": run_folder,
            "operation": operation,
            "stack": stack,
            "bucket": bucket,
            "profile": profile,
            "confirmed": confirmed,
        }
        refuse_strangers(given)
        if scope:
            raise BadParameter("scope: a stack is about the whole organization; cut it by waves in the settings")
        kind = operation_named(operation or "deploy")
        while OPEN:
            OPEN.pop().abandon()
        of_the_lab = not headless() and not parameters_file
        file = parameters_path(parameters_file or (os.environ.get(SETTINGS, "") if of_the_lab else ""))
        if profile := profile or (os.environ.get(PROFILE, "") if of_the_lab else ""):
            os.environ["AWS_PROFILE"] = profile
        approvals = tuple(resolve(each.strip()) for each in approval.split(",") if each.strip())
        record = begin(phase, file, "", "", run_folder)
    with plainly(record):
        refuse_unfit(record.settings)
        made = kind(Installer.of(record.settings, stack or "runbook", print), record, bucket, approvals)
        made.refuse()
        if (shell := kernel()) is not None and not headless():
            record.closing.callback(Listener(shell, record.folder).close)
        OPEN.append(notebook := StackNotebook(made, confirmed))
        return notebook


class StackNotebook:
    """One execution of the notebook: observe, plan, confirm, apply, verify, back_out, finish, in that order."""

    def __init__(self, operation: Operation, confirmed: str) -> None:
        self.operation, self.record, self.installer = operation, operation.record, operation.installer
        self.confirmed = confirmed
        self._asked: Asked | None = None
        self._agreed = self._begun = False
        self._why_not = "nobody has said yes"

    def abandon(self) -> None:
        """The notebook is opened anew: the panel is void, no change set stays, and the run is recorded as stopped."""
        if self._asked is not None:
            self._asked.ballot.close("The notebook was opened again; this panel is void.")
        if self.record.ended is None:
            self._withdraw()
            self.record.stop("the notebook was opened again")

    def card(self) -> Facts:
        """Where the stack is, or would be, and what is to be done with it."""
        return card_facts(self.operation)

    def observe(self) -> Notes:
        """The state of the stack, and what its resources said when they were last carried out."""
        with plainly(self.record, "observe"):
            return Notes(Facts("The stack now", {"State": self.installer.state or "there is no such stack"}), self._said())

    def _said(self) -> Any:
        found = outcomes(self.installer.outputs, tasks(self.record.settings))
        rows = [[each.title, *(each.data.get(key, "") for key in COLUMNS[1:])] for each in found if each.data]
        return tables.shown(tables.frame(rows, COLUMNS), "What its resources said last") if rows else "It has said nothing yet."

    def plan(self) -> Notes:
        """Plan each resource's phase by reads alone, or take up what was approved; for other operations, what they would do."""
        with plainly(self.record, "plan"):
            self.record.must_run()
            self._withdraw()
            return self.operation.plan()

    async def confirm(self) -> Facts | None:
        """Take up the approvals that were given; at the screen show the change set and ask; else say that nobody has decided.

        Raises Halt when the answer is no.
        """
        with plainly(self.record, "confirm"):
            self.record.must_run()
            if self.operation.given:
                self._agreed = True
                return Facts("Approved before", {"Approvals": len(self.operation.given)})
            if why := self.operation.hindered():
                self._why_not = why
                return Facts("It cannot be done now", {"Why": why})
            if headless():
                return self._confirmed()
            return await self._ask()

    def _confirmed(self) -> Facts:
        """Nobody sits here: typing the stack's name says yes to what needs no approval."""
        if self.operation.phrase_is_enough and self.confirmed == self.installer.name:
            self._agreed = True
            return Facts("Confirmed by the stack's name", {"To do": self.operation.title})
        need = "confirmed has to be the stack's name" if self.operation.phrase_is_enough else "no approval was given"
        self._why_not = need
        return Facts("Nobody has decided", {"Why": need, "Consequence": "nothing will be changed"})

    async def _ask(self) -> Facts | None:
        while self._asked is None or self._asked.ballot.answer is None:
            if self._asked is None:
                question = self.operation.ask(operator({}), os.environ.get("RUNBOOK_TICKET", ""))
                if question is None:
                    self._why_not = "there is nothing to change"
                    return NOT_NEEDED
                self._asked = Asked(question, self.record)
                self._asked.panel.show()
            elif self._asked.clicked() or self._asked.ballot.closed:
                self._asked = None
                continue
            if self._asked.ballot.answer is None:
                await self._answer(self._asked)
        self._taken(self._asked)
        return None

    async def _answer(self, asked: "Asked") -> None:
        try:
            with asking(self.record):
                await answered(asked)
        finally:
            if self.record.ended is not None:
                self._withdraw()

    def _taken(self, asked: "Asked") -> None:
        answer = asked.ballot.answer
        assert answer is not None
        if not answer.approved:
            self._withdraw()
            settings, who = self.record.settings, operator({})
            no = Rejection(
                self.record.phase.name,
                "",
                settings.mode,
                settings.organization.id,
                who,
                answer.ticket,
                answer.reason,
                answer.at.isoformat(timespec="seconds"),
            )
            no.write(self.record.folder.path / "rejection.json")
            asked.panel.replace_with(Facts("Rejected", {"By": who, "Reason": answer.reason}))
            raise rejected(self.record, no)
        if answer.ticket != asked.ballot.question.ticket:  # the approvals name it, and the change set names them
            self._withdraw()
            self.operation.ask(operator({}), answer.ticket)
        self._agreed = True
        said = {"What": self.operation.title, "By": operator({}), "Ticket": answer.ticket or "none given"}
        asked.panel.replace_with(Facts("Approved", said))

    async def apply(self) -> Notes:
        """Do it, and say each event; interrupting looks away, and leaves AWS to go on."""
        with plainly(self.record, "apply"):
            self.record.must_run()
            if not self._agreed:
                return Notes(f"Not attempted: {self._why_not}.")
            stop = Stop()
            self.installer.sleep = lambda seconds: self._looked_away(stop, seconds)
            self._begun = True
            try:
                if headless():
                    with interruptible(stop):
                        self.operation.carry_out()
                else:
                    await beside(self.operation.carry_out, stop, lambda: None)
            except NotFollowed as away:
                self.record.stop(str(away))
                raise Halt(away.said) from None
            return Notes("Done.")

    def _looked_away(self, stop: Stop, seconds: float) -> None:
        if self.record.clock.sleep(seconds, stop):
            raise NotFollowed(f"stack {self.installer.name}: {stop.reason}, so it is no longer followed")

    def verify(self) -> Notes:
        """The stack again, and what is left."""
        with plainly(self.record, "verify"):
            return Notes(
                Facts("The stack now", {"State": self.installer.state or "there is no such stack"}),
                self._said(),
                Lines(self._left()),
            )

    def _left(self) -> list[str]:
        if self._begun or not self.operation.changes:
            return [f"left: {each}" for each in self.operation.left()]
        return [f"left: {self._why_not}"] if self._why_not != "there is nothing to change" else []

    def back_out(self) -> Notes:
        """How to go back: by another stack operation for the stack, by the runbook's own for the organization."""
        return Notes(
            "Deleting the stack, rolling it back, or taking a resource out of it leaves the organization as it is.",
            Lines(
                [
                    "take back what one run changed: runbook back-out RUN (the run is in the table above)",
                    "leave a service, level by level: runbook offboard SERVICE",
                    "take the stack away: this notebook with operation delete, or runbook stack delete",
                ]
            ),
        )

    def show_record(self) -> Notes:
        """What the run folder says: whatever the page has kept."""
        with plainly():
            kept = sorted(
                path.relative_to(self.record.run.path).as_posix() for path in self.record.run.path.glob("*/approval*.json")
            )
            shown = sections.recorded(self.record.run.name, *read_record(self.record.folder))
            return Notes(*shown.parts, Lines([*kept, *(["stack.json"] if (self.record.run.path / "stack.json").exists() else [])]))

    def finish(self) -> Facts:
        """End the run, and fail when something went wrong, so that a pipeline sees it."""
        record = self.record
        if record.ended is None:
            with plainly(record):
                left = self._left()
                record.state = "carried out" if self._begun else "looked at" if not self.operation.changes else "not attempted"
                record.results |= {"operation": self.operation.title, "stack": self.installer.state, "left": left}
            record.end(RunStatus.LEFT_OVER if left else RunStatus.DONE)
        self._withdraw()
        if EXIT_CODES[record.ended or RunStatus.FAILED] == 1:
            raise Halt(f"{record.state}: {record.error}\nLook at the stack with operation status; deploy again to go on.")
        how = "Done, with something left" if record.ended is RunStatus.LEFT_OVER else "Done"
        sealed = {"Evidence": " ".join(record.evidence).removeprefix("Evidence: ")} if record.evidence else {}
        return Facts(how, {"Run": record.run.name, **sealed})

    def _withdraw(self) -> None:
        if not self._begun:
            self.operation.withdraw()
            self._asked = None
            self._agreed = False


class Asked:
    """The question with its panel."""

    def __init__(self, question: Question, record: Any) -> None:
        try:
            from runbook_lib.display.controls import DecisionPanel  # noqa: PLC0415 not installed on headless runners
        except ModuleNotFoundError as missing:
            raise no_widgets(missing) from None
        self.ballot = Ballot(question)
        self.panel = DecisionPanel(self.ballot, record.clock.now)

    @property
    def taken(self) -> bool:
        return self.ballot.answer is not None

    def clicked(self) -> str:
        """Take what was pressed while no cell waited for it; says why it was not taken."""
        return "" if self.taken else str(self.panel.settle(0))
