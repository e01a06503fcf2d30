"""Deciding at the screen by the operator alone: a panel for each gate, each after the calls of the gate before it."""

from collections.abc import AsyncIterator, Mapping

from runbook_lib.base.clock import Clock
from runbook_lib.base.files import write_text
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts
from runbook_lib.evidence.people import four_eyes
from runbook_lib.evidence.people.emergency import Emergency
from runbook_lib.evidence.run.folder import PhaseFolder
from runbook_lib.notebook.deciding import NOT_NEEDED, Approved, AtTheScreen, asking, rejected, undecided_yet
from runbook_lib.notebook.question import question
from runbook_lib.notebook.screen import answered, no_widgets, operator, way_to_plan
from runbook_lib.phase_run import PhaseRun
from runbook_lib.phase_run.partial_plans import PartialPlans
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import HOURS, approve
from runbook_lib.plan.decision import Ballot, Decision, Question, Rejection
from runbook_lib.plan.gates import Gate, gates, part
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.choice import Choice
from runbook_lib.runbook.remediating import EMERGENCY_HOURS


class GateByGate(AtTheScreen):
    """A decision for each gate of the plan. In the first panel a part can be chosen: its plan takes the place of the whole's."""

    def __init__(self, run: PhaseRun, emergency: Emergency | None = None) -> None:
        super().__init__(run)
        self._emergency = emergency
        """Why nobody else is asked though others would have to be, if that is so."""
        self._asked: dict[str, Asked] = {}
        """What was asked, by gate."""
        self._ticket = ""
        """The ticket given last: one change has one, whatever the number of its decisions."""

    @property
    def has_decided(self) -> bool:
        """Whether a gate has been answered."""
        return any(asked.outcome is not None for asked in self._asked.values())

    @property
    def _begun(self) -> bool:
        return any(asked.applied for asked in self._asked.values())

    async def decide(self) -> Facts | None:
        """Ask for the first decision. Raises Halt when it is no: the run has ended."""
        if not (there := gates(self.planned)):
            return NOT_NEEDED
        asked = await self._ask(there[0])
        if isinstance(asked.outcome, Rejection):
            raise rejected(self.run.record, asked.outcome)
        return None

    async def approved(self) -> AsyncIterator[Approved]:
        """Each gate in turn: its decision, then its calls. The first was asked for in the cell above."""
        while (gate := self._next()) is not None:
            before = self._asked.get(gate.name)
            problem = before.clicked() if before is not None else ""
            if not self._begun and (before is None or not (before.outcome or before.taken)):
                raise undecided_yet(problem)
            asked = await self._ask(gate)
            if isinstance(asked.outcome, Rejection):
                self.run.record.reject(asked.outcome)
            if not isinstance(asked.outcome, Decision):
                return
            asked.applied = True
            yield Approved(asked.outcome, asked.gate.title)

    def _next(self) -> Gate | None:
        """The first gate of the plan whose calls have not been begun."""
        begun = {name for name, asked in self._asked.items() if asked.applied}
        return next((gate for gate in gates(self.planned) if gate.name not in begun), None)

    async def _ask(self, gate: Gate) -> "Asked":
        """Ask for one decision and write it down. The gate is another plan's where a part was chosen.

        What was clicked meanwhile counts; a dead panel is drawn anew.
        """
        run = self.run
        while (asked := self._asked.get(gate.name)) is None or asked.outcome is None:
            if asked is not None and asked.chosen is not None:
                gate = self._take_part(asked, *asked.chosen)
            elif asked is not None and asked.ballot.answer is not None:
                record, callers, self._ticket = run.record, run.organization.callers, asked.ballot.answer.ticket
                asked.outcome = decided(asked.ballot, self.planned, gate, record.folder, callers, record.clock, self._emergency)
                asked.panel.replace_with(sections.answer(asked.outcome, run.runbook.phase, gate))
            else:
                if asked is not None:
                    asked.ballot.close("This panel is void: it was drawn again below.")
                await self._draw(gate)
        return asked

    async def _draw(self, gate: Gate) -> None:
        """Show a panel and wait until something is pressed in it. A part can be chosen until something has been applied."""
        run, record, plan = self.run, self.run.record, self.planned
        not_yet = four_eyes.nobody_here(record.settings, record.run.path.parent)
        not_yet = not_yet or (run.partial.not_yet(plan) if run.partial else "")
        with asking(record):
            may_cost = run.costs_of(part(plan, gate)).words
            asked = question(plan, gate, run.runbook.phase, record.settings, not_yet, may_cost, self._ticket)
            partial = None if self._begun else run.partial
            self._asked[gate.name] = Asked(gate, asked, record.clock, partial, whole=plan.scope == run.runbook.scope)
            way_to_plan(record.folder)
            await self._asked[gate.name].answer()

    def _take_part(self, asked: "Asked", acting: Runbook, plan: Plan) -> Gate:
        """Put the plan of a chosen part in the place of the one that was asked about; the first gate of it."""
        self._asked.clear()
        self._ticket = asked.panel.ticket or self._ticket
        costs = self.run.take_up(acting, plan)
        names = self.run.organization.account_names
        asked.panel.replace_with(sections.planned(plan, self.run.record.settings.concurrency, costs, names))
        return gates(plan)[0]

    def make_void(self, why: str) -> None:
        """Close every ballot."""
        for asked in self._asked.values():
            asked.ballot.close(why)


class Asked:
    """One question with its panel, its answer as written down, and whether its calls have been begun.

    With `partial` a part may be chosen instead of an answer: then `chosen` is what is to be asked about anew.
    """

    def __init__(
        self, gate: Gate, asked: Question, clock: Clock, partial: PartialPlans | None = None, *, whole: bool = True
    ) -> None:
        try:
            from runbook_lib.display.controls import DecisionPanel  # noqa: PLC0415 not installed on headless runners
            from runbook_lib.display.parts import PartChooser  # noqa: PLC0415 as above
        except ModuleNotFoundError as missing:
            raise no_widgets(missing) from None
        self.gate, self.ballot = gate, Ballot(asked)
        self._partial, offer = partial, partial.offer if partial else None
        chooser = PartChooser(offer, self._consider, whole=whole, shown=bool(asked.not_yet)) if offer else None
        self.panel = DecisionPanel(self.ballot, clock.now, chooser)
        self.chosen: tuple[Runbook, Plan] | None = None
        self.outcome: Decision | Rejection | None = None
        self.applied = False

    def _consider(self, choice: Choice) -> str:
        """Plan a part that was chosen; says why there is nothing to ask about it."""
        assert self._partial is not None
        part, plan = self._partial.plan(choice)
        if not gates(plan):
            return f"Not planned: there is nothing to call for {plan.scope.words or 'the whole'}. Choose another part."
        self.ballot.close("A part was chosen: this panel is void.")
        self.chosen = part, plan
        return ""

    @property
    def taken(self) -> bool:
        """Whether something was pressed that counts: an answer, or a part."""
        return self.ballot.answer is not None or self.chosen is not None

    def clicked(self) -> str:
        """Take what was pressed while no cell waited for it; says why it was not taken."""
        problem: str = "" if self.taken else self.panel.settle(0)
        return problem

    async def answer(self) -> None:
        """Show the panel and wait for the answer. Raises Halt, Interrupted."""
        self.panel.show()
        await answered(self)


def decided(
    ballot: Ballot,
    whole: Plan,
    gate: Gate,
    folder: PhaseFolder,
    callers: Mapping[str, str],
    clock: Clock,
    emergency: Emergency | None = None,
) -> Decision | Rejection:
    """Write down what was decided, and return it: an approval like any other with its own plan beside it, or a rejection."""
    answer = ballot.answer
    assert answer is not None
    plan = part(whole, gate)
    suffix = "" if plan.steps == whole.steps else f"-{gate.name}"
    who = operator(callers)
    if not answer.approved:
        no = Rejection(
            whole.phase,
            plan.fingerprint,
            plan.mode,
            plan.organization,
            who,
            answer.ticket,
            answer.reason,
            answer.at.isoformat(timespec="seconds"),
        )
        no.write(folder.path / f"rejection{suffix}.json")
        return no
    name = f"plan{suffix}.json"
    write_text(folder.path / name, plan_file.dumps(plan))
    approval = approve(
        plan,
        approver=who,
        ticket=answer.ticket or "none given",
        now=clock.now(),
        reason=answer.reason,
        file=name,
        loses=answer.loses,
        hours=EMERGENCY_HOURS if emergency else HOURS,
    )
    if emergency is not None:
        approval = emergency.declared_in(approval)
    file = folder.path / f"approval{suffix}.json"
    approval.write(file)
    return Decision(approval, plan, file, folder.path / name)
