"""GuardDuty's calls as Actions and Waits: parameters, reasons, reverse calls. `plan` decides which are needed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell
from runbook_lib.plan import ACCOUNT_EMAIL, ACCOUNT_ID, Action, BackOut, Condition, Direction, ForEach, Reference, Wait, batches
from runbook_lib.services.guardduty.inside import enabling, enrolling, on_workloads
from runbook_lib.services.guardduty.spec import NAME, SPEC
from runbook_lib.services.guardduty.state import RegionState
from runbook_lib.services.guardduty.wanted import automatic, existing, features, own_detector, unavailable
from runbook_lib.services.population import Population
from runbook_lib.settings.sections.guardduty import GuardDutySection

ENROLLED = Condition("members enabled", "membership")
EXPORTING = Condition("export publishing", "export")
EACH_ACCOUNT = ForEach(ACCOUNT_ID)


@dataclass(frozen=True)
class Calls:
    """Makes the calls of one Region."""

    part: GuardDutySection
    seen: RegionState
    population: Population
    region: str

    def _detector(self, account: str = "") -> Reference:
        return Reference("guardduty:detector", account or self.population.delegated, self.region)

    def _action(self, operation: str, parameters: dict[str, Any], **rest: Any) -> Action:
        """A call of the delegated account unless `account` says otherwise."""
        rest.setdefault("account", self.population.delegated)
        rest.setdefault("stage", "delegated")
        return Action(service=NAME, operation=operation, region=self.region, parameters=parameters, **rest)

    def _frequency_parameter(self) -> dict[str, str]:
        return {"FindingPublishingFrequency": self.part.publishing_frequency} if self.part.publishing_frequency else {}

    def create_detector(self, account: str, stage: str) -> Action:
        """An own detector with every feature said explicitly: no default of AWS decides."""
        on = [item for item, wanted in existing(self.part).items() if wanted and not on_workloads(item)]
        return self._action(
            "CreateDetector",
            {"Enable": True, "Features": own_detector(self.part, self.region), **self._frequency_parameter()},
            account=account, stage=stage, reason=f"account {account} has no detector in {self.region}",
            affects=frozenset({account}), before="no detector",
            becomes="detector on with " + (", ".join(on) or "no optional feature"),
            back_out=BackOut(
                "Deletes the detector and its findings; only possible while the account is no administrator with members.",
                "DeleteDetector", {"DetectorId": self._detector(account)},
            ),
            inside_accounts=enabling(on),
        )  # fmt: skip

    def resume(self, account: str, stage: str, after: tuple[str, ...], lacking: Sequence[str] = ()) -> Action:
        """An existing own detector: on, with every wanted feature (the management account's features follow as a member)."""
        wanted = self._wanted_items(workloads=False) if account == self.population.delegated else {}
        sent = {"Features": features(wanted, "Status")} if wanted else {}
        return self._action(
            "UpdateDetector", {"DetectorId": self._detector(account), "Enable": True, **sent},
            account=account, stage=stage, after=after, affects=frozenset({account}),
            reason=f"account {account}'s own detector is suspended or lacks features" + _listed(lacking),
            before="suspended, or without" + (_listed(lacking) or ": nothing"),
            becomes="detector on with " + (", ".join(wanted) or "its features unchanged"),
            back_out=BackOut(
                "Switches the features off again that were off; a detector that was suspended is suspended by Enable false.",
                "UpdateDetector",
                {"DetectorId": self._detector(account), "Features": features(dict.fromkeys(lacking, "DISABLED"), "Status")},
            ),
            inside_accounts=enabling(lacking),
        )  # fmt: skip

    def own_workloads(self, lacking: Sequence[str], after: tuple[str, ...]) -> Action:
        """What acts on workloads, switched on in the delegated account itself."""
        wanted, detector = self._wanted_items(workloads=True), {"DetectorId": self._detector()}
        off = features(dict.fromkeys(lacking, "DISABLED"), "Status")
        delegated = self.population.delegated
        return self._action(
            "UpdateDetector", {**detector, "Features": features(wanted, "Status")}, stage="workloads", after=after,
            affects=frozenset({delegated}), reason=f"account {delegated} itself lacks features{_listed(lacking)}",
            before=f"without{_listed(lacking)}", becomes="on: " + ", ".join(wanted),
            back_out=BackOut(
                "Switches the features off again that were off.", "UpdateDetector", {**detector, "Features": off}
            ),
            inside_accounts=enabling(wanted),
        )  # fmt: skip

    def _wanted_items(self, *, workloads: bool) -> dict[str, str]:
        """What the delegated account's own detector is to have on, of one kind, without what a policy governs."""
        own = self.seen.delegated.value if isinstance(self.seen.delegated, Known) else None
        governed = own.governed if own else frozenset[str]()
        items = existing(self.part)
        wanted = [item for item, on in items.items() if on and not unavailable(item, items, self.region)]
        return dict.fromkeys((i for i in wanted if i not in governed and on_workloads(i) == workloads), "ENABLED")

    def frequency(self, before: str, after: tuple[str, ...], lower: bool = False) -> Action:
        """How often updates of findings are published; members follow their administrator."""
        detector = {"DetectorId": self._detector()}
        return self._action(
            "UpdateDetector", {**detector, **self._frequency_parameter()}, after=after,
            reason=f"updates of findings are published {before}, settings ask for {self.part.publishing_frequency}",
            affects=self.population.members[self.region] | {self.population.delegated}, before=before,
            becomes=str(self.part.publishing_frequency), direction=Direction.LOWERS if lower else Direction.RAISES,
            stage="lowering" if lower else "delegated",
            back_out=BackOut("Sets the earlier frequency.", "UpdateDetector", {**detector, "FindingPublishingFrequency": before}),
        )  # fmt: skip

    def organization(self, held: set[str], raised: Sequence[Cell], after: tuple[str, ...], *, workloads: bool) -> Action:
        """Auto-enable, one call for the Region with all managed items of one kind but those that it would lower.

        A list of some features leaves the others as they are [docs: it merges].
        """
        own = self.seen.configuration.value.auto_enable if isinstance(self.seen.configuration, Known) else "NONE"
        choice = own if "" in held or self.part.auto_enable is None else self.part.auto_enable
        managed = automatic(self.part)
        kind = {i: v for i, v in managed.items() if on_workloads(i) == workloads}
        values = {i: v for i, v in kind.items() if i not in held and not unavailable(i, managed, self.region)}
        return self._update_organization(choice, values, raised, after, "workloads" if workloads else "delegated")

    def lower_organization(self, lowered: Sequence[Cell], after: tuple[str, ...]) -> Action:
        """Auto-enable values that settings allow to lower."""
        own = self.seen.configuration.value.auto_enable if isinstance(self.seen.configuration, Known) else "NONE"
        choice = self.part.auto_enable or own
        return self._update_organization(choice, {c.item: c.desired for c in lowered if c.item}, lowered, after, "lowering")

    def _update_organization(
        self, choice: str, values: dict[str, str], changed: Sequence[Cell], after: tuple[str, ...], stage: str
    ) -> Action:
        earlier = {cell.item: _value(cell) for cell in changed}
        sent = {"Features": features(values, "AutoEnable")} if values else {}
        named = ", ".join(f"{cell.item or 'GuardDuty'} {cell.desired}" for cell in changed)
        back = {item: value for item, value in earlier.items() if item}
        return self._action(
            "UpdateOrganizationConfiguration",
            {"DetectorId": self._detector(), "AutoEnableOrganizationMembers": choice, **sent},
            reason=f"auto-enable in {self.region} differs from settings: {named}", affects=frozenset({self.population.delegated}),
            before=", ".join(f"{item or 'GuardDuty'} {value}" for item, value in earlier.items()), becomes=named, after=after,
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES, stage=stage,
            back_out=BackOut(
                "Sets the earlier choices; accounts that were enrolled meanwhile stay enrolled.", "UpdateOrganizationConfiguration",
                {"DetectorId": self._detector(), "AutoEnableOrganizationMembers": earlier.get("", choice),
                 "Features": features(back, "AutoEnable")},
            ),
            lane=f"{NAME} organization configuration {self.region}",
            inside_accounts="" if choice == "NONE" else _joining(choice, values),
        )  # fmt: skip

    def enrolment_applies(self) -> dict[str, str]:
        """The auto-enable choices under which accounts are enrolled: AWS's as they are, with what comes before enrolment."""
        there = self.seen.configuration.value.items if isinstance(self.seen.configuration, Known) else {}
        return {**there, **{item: choice for item, choice in automatic(self.part).items() if not on_workloads(item)}}

    def create_members(self, accounts: Iterable[str], after: tuple[str, ...], stage: str) -> list[Action]:
        """Enrol accounts that are not associated. AWS re-applies auto-enable to every account named, so nobody else is."""
        detail = {"AccountDetails": ForEach({"AccountId": ACCOUNT_ID, "Email": ACCOUNT_EMAIL}), "DetectorId": self._detector()}
        return [
            self._action(
                "CreateMembers", detail, targets=batch, affects=frozenset(batch), after=after, stage=stage,
                reason=f"{len(batch)} accounts are no member accounts in {self.region}", before="not a member account",
                becomes="member account, GuardDuty on",
                back_out=BackOut(
                    "DisassociateMembers first, then DeleteMembers; GuardDuty stays on in the accounts. "
                    "Refused while auto-enable is ALL.",
                    "DisassociateMembers", {"DetectorId": self._detector(), "AccountIds": EACH_ACCOUNT},
                ),
                inside_accounts=enrolling(self.enrolment_applies()),
            )
            for batch in batches(accounts, SPEC.batches["CreateMembers"])
        ]  # fmt: skip

    def start(self, accounts: Iterable[str], after: tuple[str, ...], stage: str) -> list[Action]:
        """Resume members whose detector is suspended."""
        named = {"DetectorId": self._detector(), "AccountIds": EACH_ACCOUNT}
        return [
            self._action(
                "StartMonitoringMembers", named, targets=batch, affects=frozenset(batch), after=after, stage=stage,
                reason=f"the detectors of {len(batch)} member accounts are suspended in {self.region}", before="suspended",
                becomes="GuardDuty on", back_out=BackOut("Suspends them again.", "StopMonitoringMembers", named),
            )
            for batch in batches(accounts, SPEC.batches["StartMonitoringMembers"])
        ]  # fmt: skip

    def enrolled(self, accounts: Iterable[str], after: tuple[str, ...], stage: str) -> Wait:
        named = tuple(sorted(accounts))
        sentence = f"GuardDuty is on in {len(named)} member accounts in {self.region}"
        delegated = self.population.delegated
        return Wait(NAME, "GetMembers", delegated, self.region, ENROLLED, sentence, 600, stage, named, after)

    def member_features(self, items: Sequence[str], accounts: Iterable[str], after: tuple[str, ...], stage: str) -> list[Action]:
        """One feature set for existing members."""
        return [self._member_features(items, "ENABLED", batch, after, stage) for batch in self._cut(accounts)]

    def _cut(self, accounts: Iterable[str]) -> list[tuple[str, ...]]:
        return batches(accounts, SPEC.batches["UpdateMemberDetectors"])

    def _member_features(
        self, items: Sequence[str], status: str, batch: tuple[str, ...], after: tuple[str, ...], stage: str = "lowering"
    ) -> Action:
        raising = status == "ENABLED"
        named = {"DetectorId": self._detector(), "AccountIds": EACH_ACCOUNT}
        opposite = "DISABLED" if raising else "ENABLED"
        return self._action(
            "UpdateMemberDetectors", {**named, "Features": features(dict.fromkeys(items, status), "Status")},
            targets=batch, affects=frozenset(batch), after=after, stage=stage,
            reason=f"{len(batch)} member accounts in {self.region} differ from settings in " + ", ".join(items),
            before=f"one or more {opposite}", becomes=", ".join(f"{item} {status}" for item in items),
            direction=Direction.RAISES if raising else Direction.LOWERS,
            back_out=BackOut(
                f"For the accounts and features that were {opposite} before (see the coverage before).", "UpdateMemberDetectors",
                {**named, "Features": features(dict.fromkeys(items, opposite), "Status")},
            ),
            inside_accounts=enabling(items) if raising else "",
        )  # fmt: skip

    def lower_feature(self, cell: Cell, after: tuple[str, ...]) -> list[Action]:
        """Switch one feature off where settings allow exactly that."""
        off = features({cell.item: "DISABLED"}, "Status")
        members = cell.accounts - {self.population.delegated}
        steps = [self._member_features([cell.item], "DISABLED", batch, after) for batch in self._cut(members)]
        if self.population.delegated not in cell.accounts:
            return steps
        detector = {"DetectorId": self._detector()}
        own = self._action(
            "UpdateDetector", {**detector, "Features": off}, stage="lowering", after=after, direction=Direction.LOWERS,
            affects=frozenset({self.population.delegated}), reason=cell.reason, before=f"{cell.item} ENABLED",
            becomes=f"{cell.item} DISABLED",
            back_out=BackOut(
                "Switches it on again.", "UpdateDetector", {**detector, "Features": features({cell.item: "ENABLED"}, "Status")}
            ),
        )  # fmt: skip
        return [own, *steps]

    def export(self, after: tuple[str, ...]) -> Action:
        """Export findings; members' findings are included."""
        wanted = (self.part.export or {})[self.region]
        return self._action(
            "CreatePublishingDestination",
            {
                "DetectorId": self._detector(), "DestinationType": "S3",
                "DestinationProperties": {"DestinationArn": wanted.bucket_arn, "KmsKeyArn": wanted.kms_key_arn},
            },
            reason=f"findings of {self.region} are not exported", affects=frozenset({self.population.delegated}), after=after,
            before="no destination", becomes=f"findings go to {wanted.bucket_arn}",
            back_out=BackOut(
                "Ends the export; what is in the bucket stays.", "DeletePublishingDestination",
                {
                    "DetectorId": self._detector(),
                    "DestinationId": Reference("guardduty:destination", self.population.delegated, self.region),
                },
            ),
        )  # fmt: skip

    def exporting(self, after: tuple[str, ...]) -> Wait:
        sentence = f"GuardDuty has verified the destination and exports findings of {self.region}"
        delegated = self.population.delegated
        return Wait(NAME, "ListPublishingDestinations", delegated, self.region, EXPORTING, sentence, 300, "delegated", (), after)


def _joining(choice: str, values: Mapping[str, str]) -> str:
    """What auto-enable does: to accounts that join, and with ALL to existing ones."""
    wide = "; ALL also reaches existing accounts, within 24 hours." if "ALL" in (choice, *values.values()) else "."
    effects = enabling(item for item, value in values.items() if on_workloads(item) and value != "NONE")
    acting = f" {effects}" if any(map(on_workloads, values)) else ""
    return f"Accounts that join the organization get GuardDuty and these features{wide}{acting}"


def _listed(items: Sequence[str]) -> str:
    return f": {', '.join(items)}" if items else ""


def _value(cell: Cell) -> str:
    """The earlier value; before designation every choice is NONE."""
    return cell.observed if cell.observed in ("NEW", "ALL", "NONE") else "NONE"
