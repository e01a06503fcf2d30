"""What the notebook of the first live run calls: the checklist walked, its record kept in the run and sealed with it."""

from collections.abc import Iterable, Iterator

from runbook_lib.base.files import write_text
from runbook_lib.display import tables
from runbook_lib.display.notes import Facts, Folded, Notes
from runbook_lib.evidence.run.folder import RunStatus
from runbook_lib.inventory.checklist import BY, Answer, Verdict, ask, reads
from runbook_lib.inventory.checklist.kept import counted, settled, text_of
from runbook_lib.notebook import OPEN, opening
from runbook_lib.notebook.card import card
from runbook_lib.phase_run import PhaseRun
from runbook_lib.phase_run.opening import opened
from runbook_lib.phase_run.record import plainly
from runbook_lib.phase_run.scope_parameter import BadParameter

FILE = "checklist.json"
"""What `runbook checklist --output` writes, in the folder of the phase."""
COLUMNS = ("Question", "Verdict", "Seen", "Assumed", "Asked")


def open_first_live_run(phase: str, parameters_file: str, scope: str, approval: str, run_folder: str) -> "FirstLiveRun":
    """Read the settings, find out who and where we are, and open the run. Raises Halt, in two lines, when any is wrong."""
    with plainly():
        for name, given in (("scope", scope), ("approval", approval)):
            if given:
                raise BadParameter(f"{name}: the checklist asks about AWS, in one Region, and changes nothing; leave {name} empty")
        record = opening(phase, parameters_file, scope, approval, run_folder)
        OPEN.append(notebook := FirstLiveRun(opened(record, besides=reads())))
        return notebook


class FirstLiveRun:
    """One execution of the notebook: observe, verify, finish, in that order."""

    def __init__(self, run: PhaseRun) -> None:
        self.run, self.record = run, run.record
        self.answers: tuple[Answer, ...] = ()

    def abandon(self) -> None:
        """The notebook is opened anew: a run that has not ended is recorded as stopped."""
        if self.record.ended is None:
            self.record.stop("the notebook was opened again")
        self.run.runbook.access.close()

    def card(self) -> Facts:
        """Where this run asks, and as whom, and until when."""
        return card(self.run, ())

    def observe(self) -> Notes:
        """Ask every question that a read answers, keep the answers, and show them."""
        with plainly(self.record, "observe"):
            self.record.must_run()
            begun = self.record.clock.now()
            self.answers = tuple(ask(self.record.settings, self.run.runbook.access))
            write_text(self.record.folder.path / FILE, text_of(self.record.settings, begun, self.answers))
            self.record.results |= counted(self.answers)
            self.record.state = "asked"
            asked = [each for each in self.answers if each.verdict is not Verdict.OPEN]
            urgent = [each for each in asked if each.verdict is not Verdict.AS_ASSUMED]
            return Notes(
                tables.shown(tables.frame(_rows(urgent), COLUMNS), f"Not as assumed, or not known ({len(urgent)})"),
                Folded(
                    f"As assumed ({len(asked) - len(urgent)})",
                    tables.shown(
                        tables.frame(_rows(each for each in asked if each.verdict is Verdict.AS_ASSUMED), COLUMNS), "As assumed"
                    ),
                ),
            )

    def verify(self) -> Notes:
        """What no read settles, by what would."""
        with plainly(self.record, "verify"):
            return Notes(Facts("The questions", counted(self.answers)), *self._open())

    def _open(self) -> Iterator[Folded]:
        for how in BY.values():
            rows = [(each.question.id, each.question.asks) for each in self.answers if each.reason == how]
            yield Folded(f"{len(rows)} open: {how}", tables.shown(tables.frame(rows, ("Question", "Asks")), "Open"))

    def finish(self) -> Facts:
        """End the run: with something left, as long as anything is not as assumed, or open."""
        self.run.runbook.access.close()
        self.record.end(RunStatus.DONE if self.answers and settled(self.answers) else RunStatus.LEFT_OVER)
        said = {"Run": self.record.run.name, self.record.folder.name: FILE}
        sealed = {"Evidence": " ".join(self.record.evidence).removeprefix("Evidence: ")} if self.record.evidence else {}
        how = "Done" if self.record.ended is RunStatus.DONE else "Done, with something left"
        return Facts(how, said | sealed)


def _rows(answers: Iterable[Answer]) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            f"{each.question.id}: {each.question.asks}",
            each.verdict,
            each.seen or each.reason,
            each.question.assumed,
            f"{each.question.read.name} as {each.question.read.door}" if each.question.read else "",
        )
        for each in answers
    ]
