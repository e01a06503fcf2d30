"""Enable, Disable and the status of scanning, of the own account or of members."""

from collections.abc import Sequence
from typing import Any

from runbook_lib.rehearsal.operations.inspector2 import texts
from runbook_lib.rehearsal.operations.inspector2.state import (
    MEMBER_NAMES,
    TYPES,
    Scanning,
    check_batch,
    is_administrator,
    overall,
    require_administrator,
    require_service_role,
    require_supported,
    state_of,
    switch_on,
)
from runbook_lib.rehearsal.organization import names_suspension, refuses_suspended
from runbook_lib.rehearsal.registry import Call, operation

ALREADY = "inspector2 already enabled"
"""Variant: where Enable answers for what is on already, "failedAccounts" (ALREADY_ENABLED) or "accounts" (aws-behaviour 13.5)."""
STATE_VARIANT = "inspector2 account states"
"""Variant: the error code that BatchGetAccountStatus has beside each status, "by state" or "always the same" (ALREADY_ENABLED). The
model requires one, and nothing says which."""
CODES_OF = {
    "ENABLED": "ALREADY_ENABLED",
    "ENABLING": "ENABLE_IN_PROGRESS",
    "DISABLING": "DISABLE_IN_PROGRESS",
    "SUSPENDING": "SUSPEND_IN_PROGRESS",
    "SUSPENDED": "ACCOUNT_IS_ISOLATED",
}


@operation("inspector2", "Enable")
def enable(
    call: Call, resourceTypes: Sequence[str], accountIds: Sequence[str] | None = None, clientToken: str | None = None
) -> dict[str, Any]:
    """Start scanning, of the own account when no account is named; each account has its own result.

    Refused whole: more than 100 accounts, a type that is unknown or that the Region lacks, the administrator together with
    members [issue tf#31307], LAMBDA_CODE where LAMBDA is neither on nor asked for [belief].
    """
    targets, kinds = _begin(call, accountIds, resourceTypes, texts.ENABLE_MEMBERS), list(resourceTypes)
    require_supported(call, kinds)
    if is_administrator(call) and call.account in targets and len(set(targets)) > 1:
        raise texts.invalid(texts.MIXED_ACCOUNTS)
    _require_lambda(call, targets, kinds)
    if call.account in targets:
        require_service_role(call)
    return _answer(call, [(account, _enable(call, account, kinds)) for account in targets])


def _enable(call: Call, account: str, kinds: list[str]) -> str | None:
    """Start one account's scan types; the error code when it cannot be."""
    if not _accessible(call, account) or refuses_suspended(call.world, account):
        return "ACCESS_DENIED"
    if account in state_of(call.world).governed:
        return "BLOCKED_BY_ORGANIZATION_POLICY"
    scanning = state_of(call.world).of(account, call.region)
    statuses = {scanning.now(kind) for kind in kinds}
    if "ENABLING" in statuses or "DISABLING" in statuses:
        for kind in kinds:
            scanning.read(kind)  # trying again is waiting too
        return "ENABLE_IN_PROGRESS" if "ENABLING" in statuses else "DISABLE_IN_PROGRESS"
    if statuses == {"ENABLED"}:
        failed = call.world.variants.get(ALREADY, "failedAccounts") == "failedAccounts"
        return "ALREADY_ENABLED" if failed else None
    switch_on(call.world, account, call.region, kinds)
    return None


@operation("inspector2", "Disable")
def disable(call: Call, accountIds: Sequence[str] | None = None, resourceTypes: Sequence[str] | None = None) -> dict[str, Any]:
    """Stop scanning; without types all of it. LAMBDA takes LAMBDA_CODE along (assumed)."""
    targets = _begin(call, accountIds, resourceTypes or (), texts.DISABLE_MEMBERS)
    kinds = list(resourceTypes or MEMBER_NAMES)
    kinds += ["LAMBDA_CODE"] if "LAMBDA" in kinds else []
    return _answer(call, [(account, _disable(call, account, kinds)) for account in targets])


def _disable(call: Call, account: str, kinds: list[str]) -> str | None:
    state = state_of(call.world)
    if not _accessible(call, account):
        return "ACCESS_DENIED"
    if account in state.governed:
        return "BLOCKED_BY_ORGANIZATION_POLICY"
    scanning = state.of(account, call.region)
    rest = {kind for kind in MEMBER_NAMES if scanning.now(kind) == "ENABLED"} - set(kinds)
    members = any(state.associated(each, call.region) for each in state.members_of(call.region))
    if is_administrator(call) and account == call.account and members and not rest:
        return "DISASSOCIATE_ALL_MEMBERS"
    if any(scanning.now(kind) == "ENABLING" for kind in kinds):
        return "ENABLE_IN_PROGRESS"
    for kind in kinds:
        if scanning.now(kind) == "ENABLED":
            scanning.scans[kind] = call.world.settling("DISABLING", "DISABLED")
    if not rest:
        state.filters.pop((account, call.region), None)  # switched off altogether, an account loses its filters too [docs]
    return None


@operation("inspector2", "BatchGetAccountStatus")
def batch_get_account_status(call: Call, accountIds: Sequence[str] | None = None) -> dict[str, Any]:
    """Status of the own account and of settled members; one that was never enabled is DISABLED, no error (aws-behaviour 6.2)."""
    targets = _begin(call, accountIds, (), texts.MEMBER_STATUS)
    allowed = {account: _accessible(call, account) for account in targets}
    return {
        "accounts": [_state(call, account) for account in targets if allowed[account]],
        "failedAccounts": [_failed(call, account, "ACCESS_DENIED") for account in targets if not allowed[account]],
    }


def _state(call: Call, account: str) -> dict[str, Any]:
    """One account's state; counts as a poll."""
    scanning = state_of(call.world).of(account, call.region)
    if scanning.flickers:
        scanning.flickers = False
        status, statuses = "ENABLED", dict.fromkeys(MEMBER_NAMES.values(), "DISABLED")
    else:
        statuses = {name: scanning.read(kind) for kind, name in MEMBER_NAMES.items()}
        status = overall(statuses)
    if names_suspension(call.world, account) and status != "DISABLED":
        # What Inspector says of a suspended account is assumed from the enum.
        status, statuses = "SUSPENDED", {name: "DISABLED" if each == "DISABLED" else "SUSPENDED" for name, each in statuses.items()}
    return {
        "accountId": account,
        "state": _with_error(call, status),
        "resourceState": {name: _with_error(call, each) for name, each in statuses.items()},
    }


def _with_error(call: Call, status: str) -> dict[str, str]:
    """A state with the error code and text that the model requires also where there is no error; by variant what they hold."""
    always = call.world.variants.get(STATE_VARIANT, "by state") == "always the same"
    code = "ALREADY_ENABLED" if always else CODES_OF.get(status, "RESOURCE_NOT_FOUND")
    return {"status": status, "errorCode": code, "errorMessage": texts.STATE_ERRORS[code]}


def _begin(call: Call, accounts: Sequence[str] | None, kinds: Sequence[str], what: str) -> list[str]:
    """The accounts a call is about, after the checks that refuse all of it."""
    targets = list(accounts or [call.account])
    check_batch("accountIds", targets)
    check_batch("resourceTypes", list(kinds), 6)
    if any(kind not in TYPES for kind in kinds):
        constraint = f"Member must satisfy constraint: [Member must satisfy enum value set: [{', '.join(TYPES)}]]"
        raise texts.invalid(texts.UNKNOWN_TYPE.format(constraint=constraint))
    if is_administrator(call) and set(targets) != {call.account}:
        require_administrator(call, what)
    return targets


def _require_lambda(call: Call, targets: list[str], kinds: list[str]) -> None:
    if "LAMBDA_CODE" not in kinds or "LAMBDA" in kinds:
        return
    state = state_of(call.world)
    if any(state.of(account, call.region).now("LAMBDA") not in ("ENABLED", "ENABLING") for account in targets):
        raise texts.invalid(texts.NEEDS_LAMBDA)


def _accessible(call: Call, account: str) -> bool:
    """Whether the caller may act on an account: its own, or a settled member of its own. Counts as a poll of the association."""
    if account == call.account:
        return True
    member = state_of(call.world).members_of(call.region).get(account)
    return is_administrator(call) and member is not None and member.relationship.read() == "ENABLED"


def _answer(call: Call, results: list[tuple[str, str | None]]) -> dict[str, Any]:
    return {
        "accounts": [_account(call, account) for account, code in results if code is None],
        "failedAccounts": [_failed(call, account, code) for account, code in results if code is not None],
    }


def _account(call: Call, account: str) -> dict[str, Any]:
    scanning: Scanning = state_of(call.world).of(account, call.region)
    statuses = scanning.statuses()
    return {"accountId": account, "status": overall(statuses), "resourceStatus": statuses}


def _failed(call: Call, account: str, code: str) -> dict[str, Any]:
    row = {"accountId": account, "errorCode": code, "errorMessage": texts.ACCOUNT_ERRORS[code]}
    # Nothing is told about an account the caller has no access to (assumed).
    return row if code == "ACCESS_DENIED" else {**row, **_account(call, account)}
