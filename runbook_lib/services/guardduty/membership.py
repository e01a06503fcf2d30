"""Who is enrolled, who is on the way, and enrolling in batches. AWS re-applies auto-enable to every account in a call."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_EMAIL, ACCOUNT_ID, Action, BackOut, Condition, ForEach, Step, Wait, batches
from runbook_lib.plan.outcome import Outcome, Progress
from runbook_lib.services.aspect import Place, Planned
from runbook_lib.services.column import accounts_of
from runbook_lib.services.guardduty.auto_enable import AUTO_ENABLE
from runbook_lib.services.guardduty.detector import detector, own_cells
from runbook_lib.services.guardduty.inside import enrolling, on_workloads
from runbook_lib.services.guardduty.judge import handed_back
from runbook_lib.services.guardduty.observe import detector_found, read_members, read_named
from runbook_lib.services.guardduty.spec import SPEC, TITLE
from runbook_lib.services.guardduty.state import RegionState
from runbook_lib.services.guardduty.wanted import automatic
from runbook_lib.services.membership import CORRECT_ADDRESS, MEMBERSHIP, SETTLE_SUSPENSION, Membership, meaning
from runbook_lib.settings.sections.guardduty import GuardDutySection

Here = Place[GuardDutySection, RegionState]
UNDER_WAY = ("Created", "Invited", "EmailVerificationInProgress")
MEANINGS = {
    **meaning("covered", "member account, GuardDuty is on", "Enabled"),
    **meaning("in_progress", "AWS is enrolling the account", *UNDER_WAY),
    **meaning("to_do", "member account, but its detector is suspended", "Disabled"),
    **meaning("not_applicable", "GuardDuty says that the Region is not enabled in the account", "RegionDisabled"),
}
STUCK = {
    "AccountSuspended": SETTLE_SUSPENSION,
    "EmailVerificationFailed": CORRECT_ADDRESS,
}


class Enrolment(Membership[GuardDutySection, RegionState]):
    title = TITLE
    member = "Enabled"
    calls = frozenset({"CreateMembers", "StartMonitoringMembers"})
    meanings = MEANINGS
    stuck = STUCK
    condition = Condition("members enabled", MEMBERSHIP)
    listing = "GetMembers"
    sentence = "GuardDuty is on in {count} member accounts in {region}"

    def own(self, place: Here) -> Cells:
        return own_cells(place.column(self.name, desired=self.member), place.delegated, place.seen.delegated)

    def stage(self, place: Here) -> str:
        """AWS applies auto-enable to who is enrolled, and with it what acts on workloads, where that is on."""
        applied = [item for item, choice in _applied(place).items() if choice != "NONE"]
        return "workloads" if any(map(on_workloads, applied)) else "delegated"

    def join(self, place: Here, joining: frozenset[str], cells: Cells, planned: Planned) -> list[Action]:
        resumed = accounts_of(cell for cell in self.raising(place, cells) if cell.observed == "Disabled") & joining
        after, stage = planned.usable + planned.ids(AUTO_ENABLE), self.stage(place)
        return [
            *self._create(place, joining - resumed, after, stage),
            *self._start(place, resumed, planned.usable, stage),
        ]

    def _create(self, place: Here, accounts: frozenset[str], after: tuple[str, ...], stage: str) -> list[Action]:
        """Enrol accounts that are not associated. AWS re-applies auto-enable to every account named, so nobody else is."""
        detail = {"AccountDetails": ForEach({"AccountId": ACCOUNT_ID, "Email": ACCOUNT_EMAIL}), "DetectorId": detector(place)}
        return [
            place.action(
                "CreateMembers",
                detail,
                targets=batch,
                affects=frozenset(batch),
                after=after,
                stage=stage,
                reason=f"{count_of(batch)} to be added as member accounts in {place.region}",
                before="not a member account",
                becomes="member account, GuardDuty on",
                back_out=BackOut(
                    "DisassociateMembers first, then DeleteMembers; GuardDuty stays on in the accounts. "
                    "Refused while auto-enable is ALL.",
                    "DisassociateMembers",
                    {"DetectorId": detector(place), "AccountIds": ForEach(ACCOUNT_ID)},
                ),
                inside_accounts=enrolling(_applied(place)),
            )
            for batch in batches(accounts, SPEC.batches["CreateMembers"])
        ]

    def _start(self, place: Here, accounts: frozenset[str], after: tuple[str, ...], stage: str) -> list[Action]:
        """Resume members whose detector is suspended."""
        named = {"DetectorId": detector(place), "AccountIds": ForEach(ACCOUNT_ID)}
        return [
            place.action(
                "StartMonitoringMembers",
                named,
                targets=batch,
                affects=frozenset(batch),
                after=after,
                stage=stage,
                reason=f"the detectors of {len(batch)} member accounts are suspended in {place.region}",
                before="suspended",
                becomes="GuardDuty on",
                back_out=BackOut("Suspends them again.", "StopMonitoringMembers", named),
            )
            for batch in batches(accounts, SPEC.batches["StartMonitoringMembers"])
        ]

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        return self.progress(_statuses(wait, reader), {self.member}, "enabled")

    def effect(self, action: Action, reader: Reader) -> Progress:
        statuses = _statuses(action, reader)
        if action.operation != "CreateMembers":
            return self.progress(statuses, {self.member}, "enabled")
        reached = frozenset(account for account, status in statuses.items() if status in {self.member, *UNDER_WAY, "Disabled"})
        return Progress(reached, {}, f"{len(reached)} of {len(statuses)} are members")

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        return handed_back(action, answer)


def _applied(place: Here) -> dict[str, str]:
    """The auto-enable choices under which accounts are enrolled: AWS's as they are, with what comes before enrolment."""
    there = place.seen.configuration.value.items if isinstance(place.seen.configuration, Known) else {}
    return {**there, **{item: choice for item, choice in automatic(place.section).items() if not on_workloads(item)}}


def _statuses(step: Step, reader: Reader) -> Mapping[str, str]:
    """Who is waited for is asked about alone. Whether a call is to be sent again is told by the list, which answers for all."""
    found = detector_found(step.account, step.region, reader)
    if not found:
        listed: Mapping[str, str] = {}
    elif isinstance(step, Wait):
        listed = read_named(step.account, step.region, found, step.targets, reader)
    else:
        listed = read_members(step.account, step.region, found, reader)
    return {target: listed.get(target, "none") for target in step.targets}
