"""Automated sensitive data discovery: of the organization for its administrator, of itself for an account that stands alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.operations.macie2 import texts
from runbook_lib.rehearsal.operations.macie2.state import (
    Session,
    is_administrator,
    own_session,
    page_size,
    paged,
    require_administrator,
    state_of,
)
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World, current

UNSAID = "ALL"
"""What leaving out autoEnableOrganizationMembers means [model]."""
MOST_ASKED = 50
"""Accounts that one list may ask for [model]."""


def switch(world: World, account: str, region: str, *, on: bool) -> None:
    """Discovery of one account, on or off; without Macie there is nothing to switch."""
    session = state_of(world).sessions.get((account, region))
    if session is None or session.discovery.on == on:
        return
    discovery, now = session.discovery, world.now()
    discovery.on, discovery.changed = on, now
    discovery.ended = None if on else now
    discovery.first = discovery.first or now


@operation("macie2", "GetAutomatedDiscoveryConfiguration")
def get_automated_discovery_configuration(call: Call) -> dict[str, Any]:
    """Status and settings; a member's are its administrator's to read (assumed)."""
    discovery = _own(call).discovery
    known = discovery.first is not None
    return {
        "autoEnableOrganizationMembers": state_of(call.world).organization(call.region).discovery
        if is_administrator(call)
        else None,
        "classificationScopeId": f"{int(call.account):032x}" if known else None,
        "sensitivityInspectionTemplateId": f"{int(call.account) + 1:032x}" if known else None,
        "disabledAt": discovery.ended,
        "firstEnabledAt": discovery.first,
        "lastUpdatedAt": discovery.changed,
        "status": "ENABLED" if discovery.on else "DISABLED",
    }


@operation("macie2", "UpdateAutomatedDiscoveryConfiguration")
def update_automated_discovery_configuration(
    call: Call, status: str, autoEnableOrganizationMembers: str | None = None
) -> dict[str, Any]:
    """Switch discovery. The administrator's DISABLED is everybody's, and its silence about members means ALL of them [model].

    NEW and NONE leave members as they are [model].
    """
    session, world, region = _own(call), call.world, call.region
    if not is_administrator(call):
        switch(world, call.account, region, on=status == "ENABLED")
        return {}
    require_administrator(call)
    state = state_of(world)
    mode = autoEnableOrganizationMembers or UNSAID
    members = [each for each in state.members_of(region) if _active(call, each)]
    switch(world, call.account, region, on=status == "ENABLED")
    session.discovery.changed = world.now()
    if status == "DISABLED":
        mode = "NONE"
    for each in members if status == "DISABLED" or mode == "ALL" else ():
        switch(world, each, region, on=status == "ENABLED")
    state.organization(region).discovery = mode
    return {}


@operation("macie2", "ListAutomatedDiscoveryAccounts")
def list_automated_discovery_accounts(
    call: Call, accountIds: Sequence[str] | None = None, maxResults: int | None = None, nextToken: str | None = None
) -> dict[str, Any]:
    """Status by account, of the administrator and its members, or of those asked for; others are left out (assumed)."""
    require_administrator(call)
    if len(accountIds or ()) > MOST_ASKED:
        raise texts.bad_field("accountIds", f"Member must have length less than or equal to {MOST_ASKED}")
    page_size(nextToken, maxResults)
    state = state_of(call.world)
    here = sorted({call.account, *(each for each in state.members_of(call.region) if state.associated(each, call.region))})
    found, token = paged([each for each in here if not accountIds or each in accountIds], nextToken, maxResults)
    return {"items": [{"accountId": each, "status": _status(call, each)} for each in found], "nextToken": token}


def _status(call: Call, account: str) -> str:
    session = state_of(call.world).sessions.get((account, call.region))
    return "ENABLED" if session and session.status == "ENABLED" and session.discovery.on else "DISABLED"


@operation("macie2", "BatchUpdateAutomatedDiscoveryAccounts")
def batch_update_automated_discovery_accounts(call: Call, accounts: Sequence[Mapping[str, str]] | None = None) -> dict[str, Any]:
    """Switch discovery account by account, where it is on for the organization and not for ALL; failures are in the answer."""
    session, state, errors = require_administrator(call), state_of(call.world), []
    if not session.discovery.on:
        raise texts.conflict(texts.DISCOVERY_OFF)
    if state.organization(call.region).discovery == "ALL":
        raise texts.conflict(texts.DISCOVERY_FOR_ALL)
    for each in accounts or ():
        account = each.get("accountId", "")
        if account != call.account and not state.associated(account, call.region):
            errors.append({"accountId": account, "errorCode": "ACCOUNT_NOT_FOUND"})
        elif account != call.account and not _active(call, account):
            errors.append({"accountId": account, "errorCode": "ACCOUNT_PAUSED"})
        else:
            switch(call.world, account, call.region, on=each.get("status") == "ENABLED")
    return {"errors": errors or None}


def _own(call: Call) -> Session:
    session = own_session(call)
    if state_of(call.world).administered(call.account, call.region):
        raise texts.denied(texts.DISCOVERY_IS_ADMINISTRATORS)
    return session


def _active(call: Call, account: str) -> bool:
    """Whether Macie is on, and not suspended, in a member."""
    member = state_of(call.world).associated(account, call.region)
    return member is not None and current(member.relationship) in ("Enabled", "Created")
