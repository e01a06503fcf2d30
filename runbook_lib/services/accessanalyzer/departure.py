"""Leaving Access Analyzer: its analyzers are all there is. It has no members, and no administrator but the registration."""

from collections.abc import Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut, Direction, Step
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.accessanalyzer.observe import read_analyzers
from runbook_lib.services.accessanalyzer.spec import NAME, SPEC, TITLE
from runbook_lib.services.accessanalyzer.state import EXTERNAL, RegionState
from runbook_lib.services.aspect import NONE, WHOLE, Place
from runbook_lib.services.column import Column
from runbook_lib.services.departure import Ground, Losing, Regional
from runbook_lib.services.departure_levels import Delegation, TrustedAccess
from runbook_lib.services.leaving import Departure

Here = Place[None, RegionState]
AGAIN = "Apply 45_access_analyzer again: settings have to ask for the Region."


class DeleteAnalyzers(Regional[RegionState]):
    """The analyzers of the whole organization in the delegated account; those that a service manages for itself stay."""

    name = "switch-off"
    operations = frozenset({f"{NAME}:DeleteAnalyzer"})
    as_administrator = False
    already = ("does not exist",)
    losing = (
        Losing(
            f"{TITLE} analysis of the organization",
            unwatched=True,
            note="Nobody is told of access from outside.",
            of_accounts=False,
        ),
        Losing(f"{TITLE} findings and archive rules", for_good=True, note="AWS deletes them at once.", of_accounts=False),
    )
    back = f"{AGAIN} Analyzers start without history."

    def here(self, place: Here, column: Column) -> Cells:
        own = place.seen.own
        if not isinstance(own, Known):
            code, reason = (own.code, own.reason) if isinstance(own, Unknown) else ("NotRead", "was not read")
            return column.unknown({place.delegated}, code, reason, "Make the read possible, then look again.")
        made: Cells = ()
        for each in own.value:
            row = Column(column.service, column.region, column.aspect, each.name)
            if each.managed_by or not each.kind.startswith(EXTERNAL):
                made += row.unmanaged({place.delegated}, each.status, f"stays: {each.words}")
            else:
                made += row.to_do({place.delegated}, each.words, each.status)
        return made or column.covered({place.delegated}, "there is no analyzer here", "none")

    def calls(self, ground: Ground[RegionState], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        return [
            place.action(
                "DeleteAnalyzer",
                {"analyzerName": cell.item},
                after=before,
                affects=frozenset({place.delegated}),
                reason=f"{TITLE} is left in {place.region}",
                before=f"{cell.item}: {cell.observed}",
                becomes="deleted",
                direction=Direction.LOWERS,
                back_out=BackOut("An analyzer with its findings cannot be restored."),
            )
            for cell in doing
        ]

    def reached(self, step: Step, reader: Reader) -> Progress:
        assert isinstance(step, Action)
        there = {each.name for each in read_analyzers(step.account, step.region, reader)}
        return Progress(NONE if step.parameters["analyzerName"] in there else WHOLE, {}, ", ".join(sorted(there)) or "none")


class LookEnds(Delegation[RegionState]):
    """Analyzers of the organization are disabled with it, where there are any."""

    look = Losing(
        f"{TITLE} analysis of the organization",
        unwatched=True,
        of_accounts=False,
        note="Its analyzers are disabled; they and their findings come back when the same account is registered again.",
    )

    def loses(self, ground: Ground[RegionState]) -> Sequence[Losing]:
        own = [found.own.value for found in ground.seen.values() if isinstance(found.own, Known)]
        there = any(each.kind.startswith(EXTERNAL) and not each.managed_by for listed in own for each in listed)
        return (*self.losing, self.look) if there else self.losing


DEPARTURE = Departure(SPEC, (DeleteAnalyzers(), LookEnds(SPEC, back=AGAIN), TrustedAccess()))
