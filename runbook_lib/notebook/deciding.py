"""Ways to decide about a plan: by a file that was given, by nobody, and, at the screen, gate by gate or with other people."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runbook_lib.display import sections
from runbook_lib.display.notes import Facts, Notes
from runbook_lib.evidence.run.folder import RunStatus
from runbook_lib.notebook.screen import Interrupted
from runbook_lib.phase_run import PhaseRun
from runbook_lib.phase_run.halt import Halt, RunEnded
from runbook_lib.phase_run.record import RunRecord
from runbook_lib.plan import Plan
from runbook_lib.plan.decision import Decision, Rejection


@dataclass(frozen=True)
class Approved:
    """A decision to apply now, and what it is called."""

    decision: Decision
    title: str


class Decider(ABC):
    """One way to decide about the plan of a phase run. Panels show themselves; what is returned is to be shown."""

    def __init__(self, run: PhaseRun) -> None:
        self.run = run

    @property
    def planned(self) -> Plan:
        """What is decided about."""
        assert self.run.planned is not None, "run plan() first"
        return self.run.planned

    @abstractmethod
    async def decide(self) -> Facts | None:
        """Take up, or ask for, the first decision. Raises Halt when the answer is no, and when it cannot be given in this way."""

    async def approved(self) -> AsyncIterator[Approved]:
        """What to apply, one after the other; each is asked for when what came before it has been applied."""
        if self.run.decision is not None:
            yield Approved(self.run.decision, self.run.runbook.phase.title)

    def undecided(self) -> Notes | None:
        """Record, and show, that nothing was attempted since nobody has decided."""
        self.run.leave()
        return sections.not_attempted(self.planned)

    def make_void(self, why: str) -> None:  # noqa: B027 a way without panels shows nothing
        """Take no answer any more in what is shown."""

    def plan_again(self) -> None:  # noqa: B027 as above
        """The plan is about to be made anew. Raises RunEnded where it has been decided on."""


class GivenFile(Decider):
    """By an approval file that was given when the notebook was opened."""

    async def decide(self) -> Facts:
        """Take up the file. Raises ApprovalRefused when it may not be used."""
        given = self.run.take_given()
        return sections.decision(given.approval, given.approved)


class Nobody(Decider):
    """Nobody is there to be asked, and no file was given: no error, and nothing is called."""

    async def decide(self) -> Facts:
        """Say so."""
        return Facts("No approval was given", {"Consequence": "nothing will be called; apply records the calls as not attempted"})


class AtTheScreen(Decider):
    """By people who are asked in a panel: what its two kinds share."""

    def undecided(self) -> None:
        """The panels have said it."""

    def plan_again(self) -> None:
        """The panels of the plan that was are void. Raises RunEnded where it has been decided on."""
        if self.has_decided:
            name = self.run.record.run.name
            raise RunEnded(f"The plan of run {name} has been decided on; it is not made again under the same run.")
        self.make_void("There is a new plan; this panel is void.")

    @property
    @abstractmethod
    def has_decided(self) -> bool:
        """Whether an answer was taken up."""


NOT_NEEDED = Facts("No decision is needed", {"Planned calls": "none"})


def undecided_yet(problem: str) -> Halt:
    """Nothing was pressed yet that counts, for this reason if there is one."""
    said = problem or "Nothing is decided yet."
    return Halt(f"{said} Nothing was called.\nDecide in the panel above, then run this cell.")


def rejected(record: RunRecord, no: Rejection) -> Halt:
    """End the run before anything was called under it."""
    record.reject(no)
    record.end(RunStatus.LEFT_OVER)
    return Halt(f"{record.error}\nNothing was called. To decide again, run the notebook again from the top.")


@contextmanager
def asking(record: RunRecord) -> Iterator[None]:
    """Interrupting the kernel while it waits for an answer ends the run."""
    try:
        yield
    except Interrupted as broken:
        record.stop(str(broken))
        raise Halt(f"{broken}\nTo decide, run the notebook again from the top (Run All Cells).") from None
