"""What Inspector scans in accounts that join later: one flag per scan type, all of them said in one call. Pure, but for reads."""

from collections.abc import Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Cells
from runbook_lib.plan import Action, BackOut, Condition, Direction, Step, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND
from runbook_lib.services.inspector2.inside import WORKLOADS, enabling
from runbook_lib.services.inspector2.observe import read_organization
from runbook_lib.services.inspector2.spec import NAME
from runbook_lib.services.inspector2.state import SCAN_TYPES, RegionState
from runbook_lib.services.offers import offered
from runbook_lib.settings.sections.inspector2 import InspectorSection

Here = Place[InspectorSection, RegionState]
NOTHING = "nothing"


class AutoEnable(Aspect[InspectorSection, RegionState]):
    name = "auto-enable"
    calls = frozenset({"UpdateOrganizationConfiguration"})
    ranks = ("off", "on")

    def cells(self, place: Here) -> Cells:
        """One item per scan type."""
        return tuple(cell for scan_type in SCAN_TYPES for cell in self._item(place, scan_type))

    def _item(self, place: Here, scan_type: str) -> Cells:
        chosen, found, accounts = place.section.new_accounts, place.seen.organization, {place.delegated}
        wanted = chosen is not None and scan_type in chosen
        column = place.column(self.name, scan_type, "" if chosen is None else "on" if wanted else "off")
        observed = ("on" if found.value.on(scan_type) else "off") if isinstance(found, Known) else "not read"
        if not offered(NAME, scan_type, place.region):
            return column.not_applicable(accounts, "not offered in this Region") if wanted else ()
        if chosen is None or not place.whole:
            return column.unmanaged(accounts, observed, BEYOND) if column.desired else column.unmanaged(accounts, observed)
        if not isinstance(found, Known):
            return column.unseen(accounts, found, "set after designation")
        return self.compared(place, column, observed)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> list[Step]:
        if stage == "lowering":
            lowered = self.lowering(place, cells)
            return self._update(place, _on(place) - {cell.item for cell in lowered}, lowered, planned.usable, stage)
        if stage not in ("delegated", "workloads"):
            return []
        gaps = self.raising(place, cells)
        # Before designation what is wanted off is open too: it asks for no call beside one that switches something on.
        kinds = {cell.item in WORKLOADS for cell in gaps if cell.desired == "on"} or {False}
        acting = stage == "workloads"
        raised = [cell for cell in gaps if (cell.item in WORKLOADS) == acting and acting in kinds]
        # What is on and may not be lowered here stays on; what acts on workloads is raised in its own stage alone.
        kept = {cell.item for cell in cells if cell.aspect == self.name and cell.observed == "on"}
        wanted = set(place.section.new_accounts or ()) - (frozenset() if acting else WORKLOADS)
        return self._update(place, wanted | kept, raised, planned.usable, stage)

    def _update(self, place: Here, wanted: set[str], changed: Sequence[Cell], after: tuple[str, ...], stage: str) -> list[Step]:
        """The call, with every flag said, and the wait until AWS shows it: till then the same call would look necessary again."""
        if not changed:
            return []
        before = place.seen.organization.value.flags if isinstance(place.seen.organization, Known) else {}
        here = {scan_type: name for scan_type, name in SCAN_TYPES.items() if offered(NAME, scan_type, place.region)}
        flags = {name: scan_type in wanted for scan_type, name in here.items()}
        earlier = {name: before.get(name, False) for name in flags}
        also = {"ami": True} if before.get("ami", False) else {}
        on = [scan_type for scan_type in sorted(here) if scan_type in wanted]
        call = place.action(
            "UpdateOrganizationConfiguration",
            {"autoEnable": {**flags, **also}},
            after=after,
            stage=stage,
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            affects=frozenset({place.delegated}),
            reason=f"auto-enable in {place.region} differs from settings: {', '.join(cell.item for cell in changed)}",
            before=", ".join(f"{cell.item} {cell.observed}" for cell in changed),
            becomes=f"on: {', '.join(on) or NOTHING}",
            back_out=BackOut(
                "Sets the earlier flags; accounts that joined meanwhile stay as they are.",
                "UpdateOrganizationConfiguration",
                {"autoEnable": {**earlier, **also}},
            ),
            lane=f"{NAME} organization configuration {place.region}",
            inside_accounts=f"Accounts that join: {enabling(on)}" if on else "",
        )
        shown = tuple(scan_type for scan_type in here if scan_type in wanted)
        said = ", ".join(shown) or NOTHING
        return [
            call,
            place.wait(
                "DescribeOrganizationConfiguration",
                Condition(f"auto-enable on: {said}", self.name, shown),
                f"AWS shows the new auto-enable flags in {place.region}: {said}",
                (*after, call.id),
                stage=stage,
            ),
        ]

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        now = read_organization(wait.account, wait.region, reader)
        on = {scan_type for scan_type in SCAN_TYPES if now.on(scan_type)}
        return Progress(WHOLE if on == set(wait.condition.wanted) else NONE, {}, f"on: {', '.join(sorted(on)) or NOTHING}")

    def effect(self, action: Action, reader: Reader) -> Progress:
        now = read_organization(action.account, action.region, reader).flags
        differs = sorted(name for name, on in action.parameters["autoEnable"].items() if now.get(name, False) != on)
        return Progress(NONE if differs else WHOLE, {}, f"differing: {', '.join(differs) or NOTHING}")


def _on(place: Here) -> set[str]:
    """The scan types that settings want for accounts that join, and those that they have now."""
    found = place.seen.organization
    there = {scan_type for scan_type in SCAN_TYPES if isinstance(found, Known) and found.value.on(scan_type)}
    return there.union(place.section.new_accounts or ())
