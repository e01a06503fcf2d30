"""Two settings of the delegated account that members follow: the EC2 scan mode, and how long images are scanned again."""

from collections.abc import Callable, Mapping
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown, when_known
from runbook_lib.coverage import Cell, Cells
from runbook_lib.plan import Action, BackOut, Condition, Direction, Step, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND
from runbook_lib.services.inspector2.observe import read_configuration
from runbook_lib.services.inspector2.spec import NAME
from runbook_lib.services.inspector2.state import Configuration, RegionState
from runbook_lib.settings.sections.inspector2 import InspectorSection

Here = Place[InspectorSection, RegionState]


class ScanSetting(Aspect[InspectorSection, RegionState]):
    """One value that UpdateConfiguration sets; `first` is what a first activation sets [docs], so narrower settings lower it."""

    calls = frozenset({"UpdateConfiguration"})

    def __init__(
        self,
        name: str,
        stage: str,
        place_in_call: tuple[str, str],
        ranks: tuple[str, ...],
        wanted: Callable[[InspectorSection], str | None],
        found: Callable[[Configuration], tuple[str, str]],
        first: str = "",
    ) -> None:
        self.name, self.stage, self.place_in_call, self.ranks, self.first = name, stage, place_in_call, ranks, first
        self.wanted, self.found = wanted, found

    def plans(self, action: Action) -> bool:
        return super().plans(action) and self.place_in_call[0] in action.parameters

    def cells(self, place: Here) -> Cells:
        wanted, accounts = self.wanted(place.section) or "", {place.delegated}
        column = place.column(self.name, desired=wanted)
        found: Observation[tuple[str, str]] = when_known(place.seen.configuration, self.found)
        observed, status = found.value if isinstance(found, Known) else (self.first, "")
        if not wanted or not place.whole:
            shown = column.unmanaged(accounts, observed, BEYOND) if wanted else column.unmanaged(accounts, observed)
            return shown if isinstance(found, Known) and observed else ()
        if isinstance(found, Unknown):
            return column.unknown(accounts, found.code, found.reason, found.next_step)
        if observed == wanted and status != "FAILED" and isinstance(found, Known):
            return (
                column.in_progress(accounts, "AWS is applying the setting", observed)
                if status == "PENDING"
                else self.compared(place, column, observed)
            )
        if observed in self.ranks and self.ranks.index(observed) > self.ranks.index(wanted):
            return column.wider(accounts, observed, place.view.settings)
        known = f"is {observed or 'not set'}" if isinstance(found, Known) else "set after designation"
        return column.to_do(accounts, known, observed)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> list[Step]:
        lowering = self.lowering(place, cells) if stage == "lowering" else []
        raising = self.raising(place, cells) if stage == self.stage else []
        pending = stage == self.stage and self.under_way(place, cells)
        changed = [self._change(place, cell, planned.usable, stage) for cell in (*raising, *lowering)]
        if not (changed or pending):
            return []
        wanted = str(self.wanted(place.section))
        condition = Condition(f"{self.name} is {wanted}", self.name, (wanted,))
        after = (*planned.usable, *(step.id for step in changed))
        sentence = f"AWS has applied {self.name} {wanted} in {place.region}"
        return [*changed, place.wait("GetConfiguration", condition, sentence, after, stage=stage)]

    def _change(self, place: Here, cell: Cell, after: tuple[str, ...], stage: str) -> Action:
        back = BackOut("Sets the earlier value.", "UpdateConfiguration", self._parameters(cell.observed))
        return place.action(
            "UpdateConfiguration",
            self._parameters(cell.desired),
            after=after,
            stage=stage,
            affects=place.everyone,
            reason=f"{self.name} in {place.region}: {cell.reason}",
            before=self._before(place, cell),
            becomes=cell.desired,
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            back_out=back if cell.observed else BackOut("Not reversible exactly: AWS's first value is not known before."),
            lane=f"{NAME} configuration {place.region}",
            inside_accounts="Snapshots of EBS volumes are taken and scanned where no SSM agent runs."
            if cell.desired == "EC2_HYBRID"
            else "",
        )

    def _before(self, place: Here, cell: Cell) -> str:
        """What is there; what a first activation is going to set is not there, and must not read as if the call changed nothing."""
        if isinstance(place.seen.configuration, Known):
            return cell.observed or "not set"
        return f"{cell.observed}, as AWS documents a first activation" if cell.observed else "not known before designation"

    def _parameters(self, value: str) -> Mapping[str, Any]:
        key, field = self.place_in_call
        return {key: {field: value}}

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        (wanted,) = wait.condition.wanted
        value, status, seen = self._now(wait, reader)
        if value == wanted and status == "FAILED":
            return Progress(NONE, {"": "AWS failed to apply the setting"}, seen)
        return Progress(WHOLE if value == wanted and status != "PENDING" else NONE, {}, seen)

    def effect(self, action: Action, reader: Reader) -> Progress:
        key, field = self.place_in_call
        value, _, seen = self._now(action, reader)
        return Progress(WHOLE if value == action.parameters[key][field] else NONE, {}, seen)

    def _now(self, step: Step, reader: Reader) -> tuple[str, str, str]:
        value, status = self.found(read_configuration(step.account, step.region, reader))
        return value, status, f"{value or 'not set'} {status}".strip()


MODE = ScanSetting(
    "ec2 scan mode",
    "workloads",
    ("ec2Configuration", "scanMode"),
    ("EC2_SSM_AGENT_BASED", "EC2_HYBRID"),
    lambda section: section.ec2_scan_mode,
    lambda seen: (seen.scan_mode, seen.scan_mode_status),
    first="EC2_HYBRID",
)
RESCAN = ScanSetting(
    "ecr re-scan",
    "delegated",
    ("ecrConfiguration", "rescanDuration"),
    ("DAYS_3", "DAYS_7", "DAYS_14", "DAYS_30", "DAYS_60", "DAYS_90", "DAYS_180", "LIFETIME"),
    lambda section: section.ecr_rescan_duration,
    lambda seen: (seen.rescan, seen.rescan_status),
)
