"""What Macie publishes to Security Hub: policy findings by default, findings about sensitive data not. One call says both."""

from collections.abc import Mapping, Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.coverage import Cell, Cells
from runbook_lib.plan import Action, BackOut, Direction
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND
from runbook_lib.services.macie2.auto_enable import FLAG
from runbook_lib.services.macie2.observe import read_publication
from runbook_lib.services.macie2.state import Publication, RegionState
from runbook_lib.settings.sections.macie2 import MacieSection

Here = Place[MacieSection, RegionState]
KEY = "securityHubConfiguration"
FIELDS = {"policy": "publishPolicyFindings", "sensitive data": "publishClassificationFindings"}
"""Item → its member in AWS's call."""


def _values(found: Publication) -> dict[str, str]:
    return {"policy": FLAG[found.policy], "sensitive data": FLAG[found.sensitive_data]}


def _wanted(section: MacieSection) -> dict[str, str]:
    chosen = section.publication
    told = {"policy": chosen.policy, "sensitive data": chosen.sensitive_data} if chosen else {}
    return {item: FLAG[value] for item, value in told.items() if value is not None}


def _parameters(values: Mapping[str, str]) -> dict[str, dict[str, bool]]:
    return {KEY: {FIELDS[item]: value == "on" for item, value in values.items()}}


class FindingsPublication(Aspect[MacieSection, RegionState]):
    name = "findings publication"
    calls = frozenset({"PutFindingsPublicationConfiguration"})
    ranks = ("off", "on")

    def cells(self, place: Here) -> Cells:
        wanted, values = _wanted(place.section), self._there(place)
        return tuple(cell for item in FIELDS for cell in self._item(place, item, wanted.get(item, ""), values[item]))

    def _there(self, place: Here) -> dict[str, str]:
        """What is there, or what a first activation sets."""
        found = place.seen.publication
        return _values(found.value if isinstance(found, Known) else Publication())

    def _item(self, place: Here, item: str, desired: str, observed: str) -> Cells:
        column, found, accounts = place.column(self.name, item, desired), place.seen.publication, {place.delegated}
        if isinstance(found, Unknown):
            return column.unknown(accounts, found.code, found.reason, found.next_step) if desired else ()
        if not desired or not place.whole:
            shown = column.unmanaged(accounts, observed, BEYOND) if desired else column.unmanaged(accounts, observed)
            return shown if isinstance(found, Known) else ()
        if isinstance(found, NotYet) and observed == desired:
            return column.to_do(accounts, "set after Macie is switched on", "not on yet")
        return self.compared(place, column, observed)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        raised, lowered = self.raising(place, cells), self.lowering(place, cells)
        there = self._there(place)
        values = there | {cell.item: cell.desired for cell in raised}
        if stage == "delegated" and raised:
            return [self._put(place, there, values, raised, stage, planned)]
        if stage == "lowering" and lowered:
            return [self._put(place, there, values | {cell.item: cell.desired for cell in lowered}, lowered, stage, planned)]
        return []

    def _put(
        self,
        place: Here,
        there: Mapping[str, str],
        values: Mapping[str, str],
        changed: Sequence[Cell],
        stage: str,
        planned: Planned,
    ) -> Action:
        items = [cell.item for cell in changed]
        return place.action(
            "PutFindingsPublicationConfiguration",
            _parameters(values),
            stage=stage,
            affects=frozenset({place.delegated}),
            after=(*planned.usable, *planned.ids("session", "prepare")),
            reason=f"publication of findings in {place.region} differs from settings: {', '.join(items)}",
            before=", ".join(f"{item} {there[item]}" for item in items),
            becomes=", ".join(f"{item} {values[item]}" for item in items),
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            back_out=BackOut(
                "Publishes what was published before; what is in Security Hub stays.",
                "PutFindingsPublicationConfiguration",
                _parameters(there),
            ),
        )

    def effect(self, action: Action, reader: Reader) -> Progress:
        now = _values(read_publication(action.account, action.region, reader))
        seen = ", ".join(f"{item} {value}" for item, value in now.items())
        return Progress(WHOLE if _parameters(now)[KEY] == dict(action.parameters[KEY]) else NONE, {}, seen)
