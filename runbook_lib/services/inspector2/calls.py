"""Inspector's calls as Actions and Waits: parameters, reasons, reverse calls. `plan` decides which are needed. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Condition, Direction, ForEach, Wait, batches
from runbook_lib.services.inspector2.inside import WORKLOADS, enabling
from runbook_lib.services.inspector2.spec import NAME, SPEC
from runbook_lib.services.inspector2.state import SCAN_TYPES, RegionState
from runbook_lib.services.offers import offered
from runbook_lib.services.population import Population
from runbook_lib.settings.sections.inspector2 import InspectorSection

ASSOCIATED = Condition("members associated", "membership")
NOTHING = "nothing"


@dataclass(frozen=True)
class Calls:
    """Makes the calls of one Region."""

    part: InspectorSection
    seen: RegionState
    population: Population
    region: str

    def _action(self, operation: str, parameters: dict[str, Any], **rest: Any) -> Action:
        rest.setdefault("stage", "delegated")
        return Action(
            service=NAME,
            operation=operation,
            account=self.population.delegated,
            region=self.region,
            parameters=parameters,
            **rest,
        )

    def _wait(self, operation: str, condition: Condition, sentence: str, after: tuple[str, ...], **rest: Any) -> Wait:
        rest.setdefault("stage", "delegated")
        return Wait(NAME, operation, self.population.delegated, self.region, condition, sentence, 600, after=after, **rest)

    def associate(self, accounts: Iterable[str], after: tuple[str, ...]) -> list[Action]:
        """Make accounts members: one per call, because the API takes one."""
        return [
            self._action(
                "AssociateMember", {"accountId": ACCOUNT_ID}, targets=(account,), affects=frozenset({account}), after=after,
                reason=f"account {account} is no member account in {self.region}", before="not associated",
                becomes="member account",
                back_out=BackOut(
                    "The account becomes standalone; what it scans goes on.", "DisassociateMember", {"accountId": ACCOUNT_ID}
                ),
            )
            for account in sorted(accounts)
        ]  # fmt: skip

    def associated(self, accounts: Iterable[str], after: tuple[str, ...]) -> Wait:
        named = tuple(sorted(accounts))
        sentence = f"{len(named)} accounts are associated in {self.region}"
        return self._wait("ListMembers", ASSOCIATED, sentence, after, targets=named)

    def enable(self, types: Sequence[str], accounts: Iterable[str], after: tuple[str, ...], stage: str) -> list[Action]:
        """Switch the wanted scan types on, the full list of the Region whatever is on already."""
        parameters = {"accountIds": ForEach(ACCOUNT_ID), "resourceTypes": list(types)}
        return [
            self._action(
                "Enable", parameters, targets=batch, affects=frozenset(batch), after=after, stage=stage,
                reason=f"{len(batch)} accounts lack one or more scan types in {self.region}", before="one or more off",
                becomes=f"{', '.join(types)} on",
                back_out=BackOut("For the types that were off before (see the coverage before).", "Disable", parameters),
                inside_accounts=enabling(types),
            )
            for batch in batches(accounts, SPEC.batches["Enable"])
        ]  # fmt: skip

    def scanning(self, types: Sequence[str], accounts: Iterable[str], after: tuple[str, ...], stage: str) -> Wait:
        named, listed = tuple(sorted(accounts)), ", ".join(types)
        sentence = f"{listed} are on in {len(named)} accounts in {self.region}"
        condition = Condition(f"scan types on: {listed}", "scan types", tuple(types))
        return self._wait("BatchGetAccountStatus", condition, sentence, after, targets=named, stage=stage)

    def organization(self, kept: set[str], raised: Sequence[Cell], after: tuple[str, ...], stage: str) -> Action:
        """Auto-enable, every flag said; what is on and may not be lowered here stays on.

        Where the stage is not that of workloads, what acts on them is left as it is.
        """
        wanted = set(self.part.new_accounts or ()) - (frozenset() if stage == "workloads" else WORKLOADS)
        return self._organization(wanted | kept, raised, after, stage)

    def lower_organization(self, lowered: Sequence[Cell], after: tuple[str, ...]) -> Action:
        """Auto-enable with what settings allow to lower switched off; other flags as settings and AWS have them."""
        flags = self.seen.organization.value.flags if isinstance(self.seen.organization, Known) else {}
        on = {scan_type for scan_type, name in SCAN_TYPES.items() if flags.get(name, False)}
        wanted = (set(self.part.new_accounts or ()) | on) - {cell.item for cell in lowered}
        return self._organization(wanted, lowered, after, "lowering")

    def _organization(self, wanted: set[str], changed: Sequence[Cell], after: tuple[str, ...], stage: str) -> Action:
        before = self.seen.organization.value.flags if isinstance(self.seen.organization, Known) else {}
        here = {scan_type: name for scan_type, name in SCAN_TYPES.items() if offered(NAME, scan_type, self.region)}
        flags = {name: scan_type in wanted for scan_type, name in here.items()}
        earlier = {name: before.get(name, False) for name in flags}
        also = {"ami": True} if before.get("ami", False) else {}
        on = [scan_type for scan_type in sorted(here) if scan_type in wanted]
        return self._action(
            "UpdateOrganizationConfiguration", {"autoEnable": {**flags, **also}}, after=after, stage=stage,
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES, affects=frozenset({self.population.delegated}),
            reason=f"auto-enable in {self.region} differs from settings: {', '.join(cell.item for cell in changed)}",
            before=", ".join(f"{cell.item} {cell.observed}" for cell in changed), becomes=f"on: {', '.join(on) or 'nothing'}",
            back_out=BackOut(
                "Sets the earlier flags; accounts that joined meanwhile stay as they are.", "UpdateOrganizationConfiguration",
                {"autoEnable": {**earlier, **also}},
            ),
            lane=f"{NAME} organization configuration {self.region}",
            inside_accounts=f"Accounts that join: {enabling(on)}" if on else "",
        )  # fmt: skip

    def automatic(self, update: Action) -> Wait:
        """AWS shows new flags with a delay; until then the same call would look necessary again."""
        flags = update.parameters["autoEnable"]
        wanted = tuple(scan_type for scan_type, name in SCAN_TYPES.items() if flags.get(name, False))
        on = ", ".join(wanted) or NOTHING
        condition = Condition(f"auto-enable on: {on}", "auto-enable", wanted)
        sentence = f"AWS shows the new auto-enable flags in {self.region}: {on}"
        after = (*update.after, update.id)
        return self._wait("DescribeOrganizationConfiguration", condition, sentence, after, stage=update.stage)

    def setting(self, cell: Cell, after: tuple[str, ...], stage: str) -> Action:
        """The EC2 scan mode or the ECR re-scan duration of the delegated account and all its members."""
        parameters = _parameters(cell.aspect, cell.desired)
        back = BackOut("Sets the earlier value.", "UpdateConfiguration", _parameters(cell.aspect, cell.observed))
        hybrid = cell.desired == "EC2_HYBRID"
        return self._action(
            "UpdateConfiguration", parameters, after=after, stage=stage,
            affects=self.population.members[self.region] | {self.population.delegated},
            reason=f"{cell.aspect} in {self.region}: {cell.reason}", before=cell.observed or "not known before designation",
            becomes=cell.desired, direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            back_out=back if cell.observed else BackOut("Not reversible exactly: AWS's first value is not known before."),
            lane=f"{NAME} configuration {self.region}",
            inside_accounts="Snapshots of EBS volumes are taken and scanned where no SSM agent runs." if hybrid else "",
        )  # fmt: skip

    def applied(self, aspect: str, after: tuple[str, ...], stage: str) -> Wait:
        wanted = str(self.part.ec2_scan_mode if aspect == "ec2 scan mode" else self.part.ecr_rescan_duration)
        sentence = f"AWS has applied {aspect} {wanted} in {self.region}"
        return self._wait("GetConfiguration", Condition(f"{aspect} is {wanted}", aspect, (wanted,)), sentence, after, stage=stage)


def _parameters(aspect: str, value: str) -> dict[str, Any]:
    if aspect == "ec2 scan mode":
        return {"ec2Configuration": {"scanMode": value}}
    return {"ecrConfiguration": {"rescanDuration": value}}
