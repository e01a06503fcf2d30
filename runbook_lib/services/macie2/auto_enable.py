"""Whether accounts that join get Macie; those that are there keep what they have."""

from collections.abc import Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Cells
from runbook_lib.plan import Action, BackOut, Direction
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND
from runbook_lib.services.macie2.inside import ENABLING
from runbook_lib.services.macie2.observe import read_organization
from runbook_lib.services.macie2.state import RegionState
from runbook_lib.settings.sections.macie2 import MacieSection

Here = Place[MacieSection, RegionState]
FLAG = {True: "on", False: "off"}


class AutoEnable(Aspect[MacieSection, RegionState]):
    name = "auto-enable"
    calls = frozenset({"UpdateOrganizationConfiguration"})
    ranks = ("off", "on")

    def cells(self, place: Here) -> Cells:
        chosen, found, accounts = place.section.auto_enable, place.seen.organization, {place.delegated}
        column = place.column(self.name, desired="" if chosen is None else FLAG[chosen])
        if chosen is None or not place.whole:
            observed = FLAG[found.value.auto_enable] if isinstance(found, Known) else "not read"
            return column.unmanaged(accounts, observed) if chosen is None else column.unmanaged(accounts, observed, BEYOND)
        if not isinstance(found, Known):
            return column.unseen(accounts, found, "set after designation")
        return self.compared(place, column, FLAG[found.value.auto_enable])

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        changed = self.raising(place, cells) if stage == "delegated" else self.lowering(place, cells) if stage == "lowering" else []
        return [self._change(place, cell, stage, planned.usable) for cell in changed]

    def _change(self, place: Here, cell: Cell, stage: str, after: tuple[str, ...]) -> Action:
        on = cell.desired == "on"
        return place.action(
            "UpdateOrganizationConfiguration",
            {"autoEnable": on},
            stage=stage,
            after=after,
            affects=cell.accounts,
            reason=f"auto-enable in {place.region}: {cell.reason}",
            before=cell.observed,
            becomes=cell.desired,
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            back_out=BackOut(
                "Sets the earlier choice; accounts that joined meanwhile stay members.",
                "UpdateOrganizationConfiguration",
                {"autoEnable": not on},
            ),
            inside_accounts=f"Accounts that join: {ENABLING}" if on else "",
        )

    def effect(self, action: Action, reader: Reader) -> Progress:
        found = read_organization(action.account, action.region, reader).auto_enable
        return Progress(WHOLE if found == action.parameters["autoEnable"] else NONE, {}, FLAG[found])
