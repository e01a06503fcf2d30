"""Member operations of the delegated administrator: batches of 50, each account with its own result."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.answers import iso8601_milliseconds
from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.lists import check_batch, page_size
from runbook_lib.rehearsal.operations.guardduty.membership import (
    apply_again,
    enrol,
    objection,
    record_suspended,
    resume,
    sweep,
    takes_members_again,
)
from runbook_lib.rehearsal.operations.guardduty.state import (
    ASSOCIATED,
    Member,
    is_administrator,
    own_detector,
    require_usable,
    state_of,
)
from runbook_lib.rehearsal.organization import names_suspension, refuses_suspended, region_enabled
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import settled

LONGEST_EMAIL = 64
"""[model]"""


@operation("guardduty", "CreateMembers")
def create_members(call: Call, DetectorId: str, AccountDetails: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Make organization accounts members and enable GuardDuty in them, no invitation [model].

    Refused whole: more than 50, an e-mail address that is not 1–64 characters long. Everything else is a result per account.
    """
    own_detector(call, DetectorId)
    check_batch("accountDetails", AccountDetails)
    if any(not 1 <= len(each.get("Email", "")) <= LONGEST_EMAIL for each in AccountDetails):
        raise texts.refusal(texts.GENERIC)
    require_usable(call, texts.GENERIC)

    def add(account: str) -> str | None:
        problem = objection(call.world, call.region, account)
        again = problem == texts.ALREADY_MEMBER and takes_members_again(call.world)
        problem = None if again else problem
        if problem is None and call.world.organization.accounts[account].email.lower() != emails[account].lower():
            problem = texts.WRONG_EMAIL
        if problem is None:
            (apply_again if again else enrol)(call.world, call.region, account)
        if problem == texts.NOT_ACTIVE and not refuses_suspended(call.world, account):
            record_suspended(call.world, call.region, account)
            return None
        return problem

    emails = {each["AccountId"]: each["Email"] for each in AccountDetails}
    return {"UnprocessedAccounts": _each([each["AccountId"] for each in AccountDetails], add)}


@operation("guardduty", "ListMembers")
def list_members(
    call: Call,
    DetectorId: str,
    OnlyAssociated: str = "true",
    MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict[str, Any]:
    """Members with their relationship, which settles by being read.

    OnlyAssociated is a string; its default "true" is assumed. An account that administers nobody sees none (assumed).
    """
    own_detector(call, DetectorId)
    if OnlyAssociated.lower() not in ("true", "false"):
        raise texts.refusal(texts.GENERIC)
    if not is_administrator(call):
        return {"Members": [], "NextToken": None}
    require_usable(call, texts.GENERIC)
    if NextToken is None:
        sweep(call.world, call.region)
    former = OnlyAssociated.lower() == "false"
    found, token = (
        state_of(call.world)
        .members_of(call.region)
        .page(NextToken, page_size(NextToken, MaxResults), lambda member: former or member.relationship.value in ASSOCIATED)
    )
    return {"Members": [_row(call, member) for member in found], "NextToken": token}


@operation("guardduty", "GetMembers")
def get_members(call: Call, DetectorId: str, AccountIds: Sequence[str]) -> dict[str, Any]:
    """Single members; an account that was never one is unprocessed."""
    _begin(call, DetectorId, AccountIds)
    members = state_of(call.world).members_of(call.region)
    return {
        "Members": [_row(call, members[account]) for account in AccountIds if account in members],
        "UnprocessedAccounts": [_unprocessed(account) for account in AccountIds if account not in members],
    }


@operation("guardduty", "DisassociateMembers")
def disassociate_members(call: Call, DetectorId: str, AccountIds: Sequence[str]) -> dict[str, Any]:
    """Members stand alone and keep GuardDuty; an error while auto-enable is ALL [model]."""
    _begin(call, DetectorId, AccountIds, unless_all=True)

    def remove(account: str) -> str | None:
        member = state_of(call.world).associated(account, call.region)
        if member is None:
            return texts.NOT_ASSOCIATED
        member.relationship, member.updated = settled("Removed"), call.world.now()
        return None

    return {"UnprocessedAccounts": _each(AccountIds, remove)}


@operation("guardduty", "DeleteMembers")
def delete_members(call: Call, DetectorId: str, AccountIds: Sequence[str]) -> dict[str, Any]:
    """Forget members that were disassociated; an error while auto-enable is ALL [model]."""
    _begin(call, DetectorId, AccountIds, unless_all=True)
    state = state_of(call.world)

    def forget(account: str) -> str | None:
        if state.associated(account, call.region):
            return texts.STILL_ASSOCIATED
        return None if state.members_of(call.region).pop(account, None) else texts.NOT_ASSOCIATED

    return {"UnprocessedAccounts": _each(AccountIds, forget)}


@operation("guardduty", "StopMonitoringMembers")
def stop_monitoring_members(call: Call, DetectorId: str, AccountIds: Sequence[str]) -> dict[str, Any]:
    """Suspend members' detectors; an error while auto-enable is ALL [model]."""
    _begin(call, DetectorId, AccountIds, unless_all=True)
    state = state_of(call.world)

    def stop(account: str) -> str | None:
        member, detector = state.associated(account, call.region), state.detectors.get((account, call.region))
        if member is None or detector is None:
            return texts.NOT_ASSOCIATED
        detector.enabled = False
        member.relationship, member.updated = settled("Disabled"), call.world.now()
        return None

    return {"UnprocessedAccounts": _each(AccountIds, stop)}


@operation("guardduty", "StartMonitoringMembers")
def start_monitoring_members(call: Call, DetectorId: str, AccountIds: Sequence[str]) -> dict[str, Any]:
    """Resume suspended members; one that runs already is fine [belief]."""
    _begin(call, DetectorId, AccountIds)

    def start(account: str) -> str | None:
        if state_of(call.world).associated(account, call.region) is None:
            return texts.NOT_ASSOCIATED
        resume(call.world, call.region, account)
        return None

    return {"UnprocessedAccounts": _each(AccountIds, start)}


@operation("guardduty", "GetAdministratorAccount")
def get_administrator_account(call: Call, DetectorId: str) -> dict[str, Any]:
    """The member's administrator, in the organization or outside; success without content for everybody else [model]."""
    own_detector(call, DetectorId)
    state = state_of(call.world)
    outside = state.invited.get((call.account, call.region))
    administrator = state.administrators.get(call.region)
    if administrator and state.associated(call.account, call.region):
        outside = administrator.account
    return {"Administrator": {"AccountId": outside, "RelationshipStatus": "Enabled"} if outside else {}}


def _begin(call: Call, detector_id: str, accounts: Sequence[str], *, unless_all: bool = False) -> None:
    """What all batch operations check before any account is looked at."""
    own_detector(call, detector_id)
    check_batch("accountIds", accounts)
    require_usable(call, texts.GENERIC)
    if unless_all and _all_in_force(call):
        raise texts.refusal(texts.ALL_IN_FORCE)


def _all_in_force(call: Call) -> bool:
    """Whether auto-enable is ALL: of members [model], and of any protection plan too, as the user guide says [docs].

    Whether a plan alone is enough is not confirmed: variant "guardduty plan at all", "refused" or "ok".
    """
    configuration = state_of(call.world).configuration(call.region)
    plans = configuration.features.values() if call.world.variants.get("guardduty plan at all", "refused") == "refused" else ()
    return "ALL" in (configuration.members, *(each.value for each in plans))


def _each(accounts: Sequence[str], act: Callable[[str], str | None]) -> list[dict[str, str]]:
    """Do it for every account: one that is refused never stops the others."""
    results = [(account, act(account)) for account in accounts]
    return [{"AccountId": account, "Result": result} for account, result in results if result]


def _unprocessed(account: str) -> dict[str, str]:
    return {"AccountId": account, "Result": texts.NOT_ASSOCIATED}


def _row(call: Call, member: Member) -> dict[str, Any]:
    detector = state_of(call.world).detectors.get((member.account, call.region))
    return {
        "AccountId": member.account,
        "DetectorId": detector.id if detector else None,
        "MasterId": call.account,
        "AdministratorId": call.account,
        "Email": member.email,
        "RelationshipStatus": _relationship(call, member),
        "UpdatedAt": iso8601_milliseconds(member.updated),
    }


def _relationship(call: Call, member: Member) -> str:
    """What a read sees; a suspended account and a Region switched off hide the rest [belief]."""
    seen = member.relationship.read()
    if seen in ASSOCIATED and names_suspension(call.world, member.account):
        return "AccountSuspended"
    if seen in ASSOCIATED and not region_enabled(call.world, member.account, call.region):
        return "RegionDisabled"
    return seen
