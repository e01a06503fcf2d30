"""What is set once for the organization: auto-enable of GuardDuty and of each feature, and how often findings are published."""

from collections.abc import Mapping, Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation, when_known
from runbook_lib.coverage import Cell, Cells, Gap
from runbook_lib.plan import Action, BackOut, Direction
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND, SETTINGS_OWNER, Column
from runbook_lib.services.guardduty.detector import detector, frequency_parameter
from runbook_lib.services.guardduty.inside import enabling, on_workloads
from runbook_lib.services.guardduty.observe import detector_found, read_configuration
from runbook_lib.services.guardduty.spec import NAME
from runbook_lib.services.guardduty.state import Detector, OrganizationConfiguration, RegionState
from runbook_lib.services.guardduty.wanted import CHOICES, NEWER, automatic, features, items_of, superseding, unavailable
from runbook_lib.settings.sections.guardduty import GuardDutySection

Here = Place[GuardDutySection, RegionState]
AUTO_ENABLE = "auto-enable"


class Ranked(Aspect[GuardDutySection, RegionState]):
    """One value of the delegated account that reaches the whole organization."""

    def ranked(self, place: Here, column: Column, found: Observation[str], later: str) -> Cells:
        accounts = {place.delegated}
        observed = found.value if isinstance(found, Known) else ""
        if not column.desired:
            return column.unmanaged(accounts, observed) if observed else ()
        if not place.whole:
            return column.unmanaged(accounts, observed or "not read", BEYOND)
        if not isinstance(found, Known):
            return column.unseen(accounts, found, later)
        return self.compared(place, column, observed)


class AutoEnable(Ranked):
    name = AUTO_ENABLE
    calls = frozenset({"UpdateOrganizationConfiguration"})
    ranks = CHOICES

    def cells(self, place: Here) -> Cells:
        """Auto-enable: item "" is the organization's own choice, the others are features and agents."""
        wanted: dict[str, str | None] = {"": place.section.auto_enable, **automatic(place.section)}
        shown = place.seen.configuration.value.items if isinstance(place.seen.configuration, Known) else {}
        for item in shown:
            wanted.setdefault(item, None)
        cells: list[Cells] = []
        for item, desired in sorted(wanted.items()):
            column = place.column(self.name, item, desired or "")
            found = when_known(place.seen.configuration, lambda value, item=item: _choice(value, item))  # type: ignore[misc]
            if item and desired and (why := unavailable(item, automatic(place.section), place.region)):
                cells.append(column.not_applicable({place.delegated}, why))
            elif desired and (included := _superseded(place, column)):
                cells.append(included)
            else:
                cells.append(self.ranked(place, column, found, "auto-enable is set after designation"))
        return tuple(cell for each in cells for cell in each)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        """Before members, because CreateMembers applies it to every account named; what acts on workloads after them."""
        if stage == "lowering":
            lowered = self.lowering(place, cells)
            return [self._lower(place, lowered, planned.usable)] if lowered else []
        if stage not in ("delegated", "workloads"):
            return []
        gaps, workloads = self.raising(place, cells), stage == "workloads"
        # Before designation what is wanted off is open too: it asks for no call beside one that switches something on.
        kinds = {on_workloads(cell.item) for cell in gaps if cell.desired != "NONE"} or {False}
        raised = [cell for cell in gaps if on_workloads(cell.item) == workloads and workloads in kinds]
        # What would lower is decided apart, so the raising call must not carry it.
        own = [cell for cell in cells if cell.aspect == self.name and cell.in_scope]
        held = {cell.item for cell in own if self.lowers(cell) or (superseding(cell.item) and cell.gap is not Gap.TO_DO)}
        return [self._raise(place, held, raised, planned.usable, workloads=workloads)] if raised else []

    def _raise(self, place: Here, held: set[str], raised: Sequence[Cell], after: tuple[str, ...], *, workloads: bool) -> Action:
        """Auto-enable, one call for the Region with all managed items of one kind but those that it would lower.

        A list of some features leaves the others as they are [docs: it merges].
        """
        own = place.seen.configuration.value.auto_enable if isinstance(place.seen.configuration, Known) else "NONE"
        choice = own if "" in held or place.section.auto_enable is None else place.section.auto_enable
        managed = automatic(place.section)
        kind = {i: v for i, v in managed.items() if on_workloads(i) == workloads}
        values = {i: v for i, v in kind.items() if i not in held and not unavailable(i, managed, place.region)}
        return self._update(place, choice, values, raised, after, "workloads" if workloads else "delegated")

    def _lower(self, place: Here, lowered: Sequence[Cell], after: tuple[str, ...]) -> Action:
        """Auto-enable values that settings allow to lower."""
        own = place.seen.configuration.value.auto_enable if isinstance(place.seen.configuration, Known) else "NONE"
        choice = place.section.auto_enable or own
        return self._update(place, choice, {c.item: c.desired for c in lowered if c.item}, lowered, after, "lowering")

    def _update(
        self, place: Here, choice: str, values: dict[str, str], changed: Sequence[Cell], after: tuple[str, ...], stage: str
    ) -> Action:
        earlier = {cell.item: _value(cell) for cell in changed}
        sent = {"Features": features(values, "AutoEnable")} if values else {}
        named = ", ".join(f"{cell.item or 'GuardDuty'} {cell.desired}" for cell in changed)
        back = {item: value for item, value in earlier.items() if item}
        return place.action(
            "UpdateOrganizationConfiguration",
            {"DetectorId": detector(place), "AutoEnableOrganizationMembers": choice, **sent},
            reason=f"auto-enable in {place.region} differs from settings: {named}",
            affects=frozenset({place.delegated}),
            before=", ".join(f"{item or 'GuardDuty'} {value}" for item, value in earlier.items()),
            becomes=named,
            after=after,
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            stage=stage,
            back_out=BackOut(
                "Sets the earlier choices; accounts that were enrolled meanwhile stay enrolled.",
                "UpdateOrganizationConfiguration",
                {
                    "DetectorId": detector(place),
                    "AutoEnableOrganizationMembers": earlier.get("", choice),
                    "Features": features(back, "AutoEnable"),
                },
            ),
            lane=f"{NAME} organization configuration {place.region}",
            inside_accounts="" if choice == "NONE" else _joining(choice, values),
        )

    def effect(self, action: Action, reader: Reader) -> Progress:
        found = detector_found(action.account, action.region, reader)
        if not found:
            return Progress(NONE, {}, "no detector")
        now = read_configuration(action.account, action.region, found, reader)
        wanted = items_of(action.parameters.get("Features") or (), "AutoEnable")
        differs = sorted(item for item, choice in wanted.items() if choice and now.items.get(item, "NONE") != choice)
        same = now.auto_enable == action.parameters["AutoEnableOrganizationMembers"] and not differs
        return Progress(WHOLE if same else NONE, {}, f"auto-enable {now.auto_enable}; differing: {', '.join(differs) or 'nothing'}")


class Frequency(Ranked):
    """Members follow their administrator."""

    name = "publishing frequency"
    calls = frozenset({"UpdateDetector"})
    ranks = ("SIX_HOURS", "ONE_HOUR", "FIFTEEN_MINUTES")

    def cells(self, place: Here) -> Cells:
        column = place.column(self.name, desired=place.section.publishing_frequency or "")
        return self.ranked(place, column, _frequency_of(place.seen.delegated), "set with the detector")

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        """A new detector has it from the start."""
        created = isinstance(place.seen.delegated, Known) and place.seen.delegated.value is None
        raised = self.raising(place, cells) if stage == "delegated" and not created else []
        lowered = self.lowering(place, cells) if stage == "lowering" else []
        return [self._update(place, cell, planned.usable, stage) for cell in (*raised, *lowered)][:1]

    def _update(self, place: Here, cell: Cell, after: tuple[str, ...], stage: str) -> Action:
        own, wanted = {"DetectorId": detector(place)}, str(place.section.publishing_frequency)
        return place.action(
            "UpdateDetector",
            {**own, **frequency_parameter(place.section)},
            after=after,
            stage=stage,
            reason=f"updates of findings are published {cell.observed}, settings ask for {wanted}",
            affects=place.everyone,
            before=cell.observed,
            becomes=wanted,
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            back_out=BackOut("Sets the earlier frequency.", "UpdateDetector", {**own, "FindingPublishingFrequency": cell.observed}),
        )


def _superseded(place: Here, column: Column) -> Cells:
    """The cell of an item of the older runtime monitoring where the newer one is automatic; none where it is not."""
    newer, seen = superseding(column.item), place.seen.configuration
    if not newer or column.desired == "NONE" or not place.whole or not isinstance(seen, Known):
        return ()
    if seen.value.items.get(NEWER, "NONE") == "NONE":
        return ()
    choice = seen.value.items.get(newer, "NONE")
    if CHOICES.index(choice) >= CHOICES.index(column.desired):
        return column.covered({place.delegated}, f"covered by {NEWER}, which includes it", f"{newer} {choice}")
    reason = f"auto-enable of {newer} is {choice}, and AWS refuses the older feature beside the newer one"
    step = f"Ask for {newer} in settings, in the place of {column.item}."
    return column.blocked({place.delegated}, reason, step, choice, SETTINGS_OWNER)


def _choice(configuration: OrganizationConfiguration, item: str) -> str:
    return configuration.items.get(item, "NONE") if item else configuration.auto_enable


def _frequency_of(found: Observation[Detector | None]) -> Observation[str]:
    if isinstance(found, Known):
        return NotYet("the delegated account has a detector") if found.value is None else Known(found.value.frequency)
    return found


def _joining(choice: str, values: Mapping[str, str]) -> str:
    """What auto-enable does: to accounts that join, and with ALL to existing ones."""
    wide = "; ALL also reaches existing accounts, within 24 hours." if "ALL" in (choice, *values.values()) else "."
    effects = enabling(item for item, value in values.items() if on_workloads(item) and value != "NONE")
    acting = f" {effects}" if any(map(on_workloads, values)) else ""
    return f"Accounts that join the organization get GuardDuty and these features{wide}{acting}"


def _value(cell: Cell) -> str:
    """The earlier value; before designation every choice is NONE."""
    return cell.observed if cell.observed in ("NEW", "ALL", "NONE") else "NONE"
