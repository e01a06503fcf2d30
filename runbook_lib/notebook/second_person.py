"""The decision at the screen that takes other people: the cell waits for their approval, and the operator confirms it.

Nothing starts by itself: a good approval only makes Confirm possible. Rejecting stays possible all the time. The record names both.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from runbook_lib.base.files import write_text
from runbook_lib.base.own_files import MIB, FileBroken, Moment, Text, read
from runbook_lib.base.project import root
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts
from runbook_lib.evidence.people import four_eyes
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunFolderError
from runbook_lib.evidence.seal.statement import stamp
from runbook_lib.notebook import screen
from runbook_lib.notebook.approval_file import ApprovalFile
from runbook_lib.notebook.deciding import NOT_NEEDED, Approved, AtTheScreen, asking, rejected, undecided_yet
from runbook_lib.notebook.question import question_about
from runbook_lib.phase_run import PhaseRun
from runbook_lib.plan import Plan
from runbook_lib.plan.decision import Ballot, Decision, Question, Rejection, given
from runbook_lib.plan.gates import gates
from runbook_lib.runbook import Runbook

CONFIRMATION = "confirmation.json"
CONFIRMED = "Approved by others, confirmed by the operator"


@dataclass
class GuardedBallot(Ballot):
    """A ballot that takes a yes only while `guard` has nothing against it."""

    guard: Callable[[], str] = field(default=lambda: "", repr=False)

    def _problem(self, *, approved: bool, ticket: str, reason: str, typed: str) -> str:
        problem = super()._problem(approved=approved, ticket=ticket, reason=reason, typed=typed)
        return problem or (self.guard() if approved else "")


class SecondPerson(AtTheScreen):
    """Other people approve the whole phase, and the operator confirms."""

    def __init__(self, run: PhaseRun) -> None:
        super().__init__(run)
        self._asked: OthersAsked | None = None

    @property
    def has_decided(self) -> bool:
        """Whether what others approved was confirmed."""
        return self.run.decision is not None

    async def decide(self) -> Facts | None:
        """Wait until others have approved and the operator has confirmed. Raises Halt when it was rejected: the run has ended."""
        if not gates(self.planned):
            return NOT_NEEDED
        if self.has_decided:
            return None
        if self._asked is None or self._asked.ballot.answer is None:
            self.make_void("This panel is void: it was drawn again below.")
            run, record = self.run, self.run.record
            with asking(record):
                not_yet = run.partial.not_yet(self.planned, choosing=False) if run.partial else ""
                may_cost = run.costs_of(self.planned).words
                self._asked = OthersAsked(self.planned, run.runbook, record.run, run.organization.callers, not_yet, may_cost)
                screen.way_to_plan(record.folder)
                await self._asked.answer()
        self._take()
        return None

    async def approved(self) -> AsyncIterator[Approved]:
        """The phase as a whole, once it is decided. Raises Halt while it is not."""
        if not self.has_decided and gates(self.planned):
            self._take()
        async for each in super().approved():
            yield each

    def _take(self) -> None:
        """Take up what was decided with other people. Raises Halt while nothing is, and on a rejection."""
        asked, run, folder = self._asked, self.run, self.run.record.folder
        problem = asked.clicked() if asked is not None else ""
        if asked is None or asked.ballot.answer is None:
            raise undecided_yet(problem)
        outcome = asked.decided(folder)
        if isinstance(outcome, Rejection):
            asked.panel.replace_with(sections.rejected(outcome, run.runbook.phase, "the whole phase"))
            raise rejected(run.record, outcome)
        run.decision = outcome
        people = confirmed(folder)
        run.record.results |= {name: str(value) for name, value in people.items()}
        approved = sections.decision(outcome.approval, outcome.approved)
        facts = {**approved.facts, "Approver": people.pop("Approved by"), **people}
        asked.panel.replace_with(Facts(CONFIRMED, facts))

    def make_void(self, why: str) -> None:
        """Close the ballot."""
        if self._asked is not None:
            self._asked.ballot.close(why)


class OthersAsked:
    """One phase's decision by other people and the operator: the file, the panel, and what was decided."""

    def __init__(
        self, plan: Plan, runbook: Runbook, run: RunFolder, callers: Mapping[str, str], not_yet: str = "", may_cost: str = ""
    ) -> None:
        try:
            from runbook_lib.display.awaiting import AwaitingPanel  # noqa: PLC0415 not installed on headless runners
        except ModuleNotFoundError as missing:
            raise screen.no_widgets(missing) from None
        self._runbook, self._run, self._callers = runbook, run, callers
        self.file = ApprovalFile(approval_path(run, plan.phase), plan, runbook, run, callers.values())
        self.ballot = GuardedBallot(_asked(plan, runbook, not_yet, may_cost), guard=self.file.problem)
        people = ", ".join(self.file.people()) or "nobody; see the trust policy"
        needs = {"Who may approve": f"{people} ({self.file.needed} needed)", "Fingerprint": plan.fingerprint}
        self.panel = AwaitingPanel(self.ballot, runbook.clock.now, needs, command(run, plan.phase))

    def _look(self) -> None:
        state = self.file.look()
        self.panel.stands(state.words, ready=state.decision is not None)

    async def answer(self) -> None:
        """Show the panel and wait for the operator's answer. Raises Halt, Interrupted."""
        self._look()
        self.panel.show()
        await screen.answered(self, self._look)

    @property
    def taken(self) -> bool:
        """Whether the operator has answered."""
        return self.ballot.answer is not None

    def clicked(self) -> str:
        """Take what was pressed while no cell waited for it; says why it was not taken."""
        problem: str = "" if self.taken else self.panel.settle(0)
        return problem

    def decided(self, folder: PhaseFolder) -> Decision | Rejection:
        """Write down what was decided, and return it. Raises ApprovalRefused when the approval is good no more."""
        answer, plan = self.ballot.answer, self.file.plan
        assert answer is not None
        who, at = screen.operator(self._callers), stamp(answer.at)
        if not answer.approved:
            no = Rejection(plan.phase, plan.fingerprint, plan.mode, plan.organization, who, answer.ticket, answer.reason, at)
            no.write(folder.path / "rejection.json")
            return no
        there = self.file.state
        assert there.decision is not None
        approval = there.decision.approval.model_copy(update={"plan": folder.plan_json.name})
        self._runbook.refuse(approval, plan)
        four_eyes.refuse(approval, self._runbook.settings, self._run, self._callers.values())
        approval.write(folder.approval)
        said = {
            "approval": approval.id,
            "approved_by": list(there.signed) or [approval.approver],
            "confirmed_by": who,
            "at": at,
            "reason": answer.reason,
            "fingerprint": plan.fingerprint,
            "ticket": approval.ticket,
        }
        write_text(folder.path / CONFIRMATION, json.dumps(said, indent=2, sort_keys=True) + "\n")
        return given(folder.approval)


class _Confirmed(BaseModel):
    """What is read back of a confirmation."""

    approved_by: list[Text]
    confirmed_by: Text
    at: Moment


_CONFIRMED = TypeAdapter(_Confirmed)


def confirmed(folder: PhaseFolder) -> dict[str, object]:
    """Who approved and who confirmed, as the run folder has it; empty where one person decided. Raises RunFolderError."""
    path = folder.path / CONFIRMATION
    try:
        said = read(path, _CONFIRMED, MIB)
    except FileNotFoundError:
        return {}
    except FileBroken as broken:
        raise RunFolderError(f"{path}: {broken}") from None
    return {"Approved by": ", ".join(said.approved_by), "Confirmed by": said.confirmed_by, "Confirmed at": said.at}


def approval_path(run: RunFolder, phase: str) -> Path:
    """Where `runbook approve` writes the approval of one phase of a run."""
    return run.path.parent / four_eyes.APPROVALS / f"{run.name}-{phase}.json"


def command(run: RunFolder, phase: str) -> str:
    """What the other person types."""
    runs = run.path.parent
    where = "" if runs == (root() / "runs").resolve() else f" --runs {runs}"
    return f"runbook approve {run.name} --phase {phase} --ticket TICKET --key THEIR_KEY{where}"


def _asked(plan: Plan, runbook: Runbook, not_yet: str, may_cost: str) -> Question:
    """The operator's question: the ticket is the approval's, so it is not asked for again."""
    asked = question_about(plan, "Another person has to approve", runbook.phase, runbook.settings, not_yet, may_cost)
    return replace(asked, needs_ticket=False, ticket="")
