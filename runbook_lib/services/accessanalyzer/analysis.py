"""What the analyzers of external and of unused access have in common: making one, and what its states mean."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.coverage import Cell, Cells
from runbook_lib.plan import Action, BackOut, Condition, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.accessanalyzer.observe import read_analyzers
from runbook_lib.services.accessanalyzer.spec import DESIGNATION
from runbook_lib.services.accessanalyzer.state import ACTIVE, CREATING, DISABLED, FAILED, Analyzer, RegionState, leading
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place
from runbook_lib.services.column import BEYOND, Column
from runbook_lib.services.designation import registered
from runbook_lib.settings.sections.accessanalyzer import AccessAnalyzerSection

Here = Place[AccessAnalyzerSection, RegionState]
ABSENT = "none"
"""As a cell shows that there is no analyzer."""
DEREGISTERED, UNTRUSTED = "DELEGATED_ADMINISTRATOR_DEREGISTERED", "AWS_SERVICE_ACCESS_DISABLED"
"""Reasons for which an analyzer is disabled until Organizations backs it again [model, docs]."""


class Analysis(Aspect[AccessAnalyzerSection, RegionState]):
    """One analyzer of the whole organization in a Region. An account's cell says whether it is looked at."""

    calls = frozenset({"CreateAnalyzer"})
    kind: str
    called: str
    """The name that an analyzer of ours gets; whatever it is called, one of this type in the delegated account counts."""

    def plans(self, action: Action) -> bool:
        return action.operation in self.calls and action.parameters.get("type", self.kind) == self.kind

    def standing(self, place: Here, column: Column, accounts: frozenset[str]) -> Cells:
        """The cells of accounts, by how the analyzer is."""
        own = place.seen.own
        if isinstance(own, Unknown | NotYet):
            return column.unseen(accounts, own, "comes after the administrator", ABSENT)
        analyzer = leading(own.value, self.kind)
        if analyzer is None:
            return self._absent(place, column)
        if analyzer.status == ACTIVE:
            return column.covered(accounts, f"analyzer {analyzer.name} looks at it", ACTIVE)
        if analyzer.status == CREATING:
            return column.in_progress(accounts, f"AWS is making analyzer {analyzer.name}", CREATING)
        if analyzer.status == DISABLED:
            return _disabled(place, column, analyzer, accounts)
        known = f"analyzer {analyzer.name} is {analyzer.status}: {analyzer.reason or 'AWS gives no reason'}"
        mend = "Find out why, delete it (it has found nothing that would be lost), then plan again."
        return column.blocked(accounts, known, mend, analyzer.status)

    def _absent(self, place: Here, column: Column) -> Cells:
        assert isinstance(place.seen.own, Known)
        if taken := next((each for each in place.seen.own.value if each.name == self.called), None):
            step = "Find out who made it. Once it is gone, plan again."
            return column.blocked(place.everyone, f"the name is taken by {taken.words}", step, ABSENT)
        if not place.whole:
            return column.unmanaged(place.everyone, ABSENT, BEYOND)
        beside = ", ".join(each.words for each in place.seen.like(self.kind))
        known = f"the delegated account has no analyzer of the organization for {self.name}"
        return column.to_do(place.everyone, f"{known}; not counted: {beside}" if beside else known, ABSENT)

    def creation(self, place: Here, cell: Cell, after: tuple[str, ...], **configuration: Any) -> Action:
        """The call that makes the analyzer."""
        return place.action(
            "CreateAnalyzer",
            {"analyzerName": self.called, "type": self.kind, **configuration},
            affects=cell.accounts,
            reason=cell.reason,
            before=f"no analyzer of {self.name}",
            becomes=f"analyzer {self.called}",
            after=after,
            back_out=BackOut(
                "Deletes the analyzer with all that it has found and that was archived, for good.",
                "DeleteAnalyzer",
                {"analyzerName": self.called},
            ),
            inside_accounts="AWS makes its service-linked role in every account of the organization.",
        )

    def awaited(self, place: Here, after: tuple[str, ...]) -> Wait:
        """The wait for the analyzer to look."""
        sentence = f"the analyzer of {self.name} in {place.region} is active"
        condition = Condition(f"analyzer of {self.name} active", self.name, (self.kind,))
        return place.wait("ListAnalyzers", condition, sentence, after, targets=tuple(place.everyone))

    def open_without_call(self, place: Here, cells: Cells) -> bool:
        """Whether AWS is making the analyzer, or brings it back by itself once Organizations backs it."""
        back = [cell for cell in self.raising(place, cells) if cell.observed == DISABLED]
        return bool(back or self.under_way(place, cells))

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        found = leading(read_analyzers(wait.account, wait.region, reader), self.kind)
        if found is None:
            return Progress(NONE, {}, "there is none")
        seen = f"{found.name} is {found.status} {found.reason}".strip()
        if found.status == FAILED:
            return Progress(NONE, dict.fromkeys(wait.targets, seen), seen)
        return Progress(frozenset(wait.targets) if found.status == ACTIVE else NONE, {}, seen)

    def effect(self, action: Action, reader: Reader) -> Progress:
        found = leading(read_analyzers(action.account, action.region, reader), self.kind)
        return Progress(WHOLE if found and found.status != FAILED else NONE, {}, found.words if found else "there is none")


def _disabled(place: Here, column: Column, analyzer: Analyzer, accounts: frozenset[str]) -> Cells:
    """Analyzers come back when Organizations backs them again [docs]: whatever of that this phase does is under way, or to do."""
    known = f"analyzer {analyzer.name} is disabled: {analyzer.reason or 'AWS gives no reason'}"
    if analyzer.reason == DEREGISTERED:
        listed = registered(DESIGNATION, place.view.organization)
        if isinstance(listed, Known) and place.delegated in listed.value:
            return column.in_progress(accounts, f"{known}; AWS brings it back, the account is registered", DISABLED)
        return column.to_do(accounts, f"{known}; comes back when the account is registered", DISABLED)
    trusted = place.view.organization.trusted_access
    if analyzer.reason == UNTRUSTED and isinstance(trusted, Known) and DESIGNATION.principal in trusted.value:
        return column.in_progress(accounts, f"{known}; AWS brings it back, trusted access is on", DISABLED)
    step = (
        "Apply the prerequisites, which turn trusted access on; then plan again."
        if analyzer.reason == UNTRUSTED
        else "Find out why. Once it is active, or deleted, plan again."
    )
    return column.blocked(accounts, known, step, DISABLED)


def as_parameters(age: int, accounts: frozenset[str], others: tuple[Mapping[str, Any], ...] = ()) -> Mapping[str, Any]:
    """The configuration of an analyzer of unused access, as the API takes it, whole: what is left out may be lost (assumed)."""
    named = [{"accountIds": sorted(accounts)}] if accounts else []
    return {"unusedAccess": {"unusedAccessAge": age, "analysisRule": {"exclusions": [*others, *named]}}}
