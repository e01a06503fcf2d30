"""Designation by the management account, and what accounts that join the organization get."""

from typing import Any

from runbook_lib.rehearsal.administrators import deregistered, forget_leaving, listed
from runbook_lib.rehearsal.operations.macie2 import texts
from runbook_lib.rehearsal.operations.macie2.membership import end_memberships, is_full
from runbook_lib.rehearsal.operations.macie2.state import (
    PRINCIPAL,
    Administrator,
    paged,
    require_administrator,
    state_of,
    switch_on,
)
from runbook_lib.rehearsal.organization import (
    delegated_other,
    is_management,
    member_active,
    region_enabled,
    register_delegated,
)
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World

ACTIVATES = "macie2 designation activates"
"""Variant: whether designation switches Macie on in the administrator, "yes" or "no": the guide says that it may [docs]."""
AGAIN = "macie2 designation again"
"""Variant: what the same designation gets a second time, "refused" or "ok": not documented."""


@operation("macie2", "EnableOrganizationAdminAccount")
def enable_organization_admin_account(call: Call, adminAccountId: str, clientToken: str | None = None) -> dict[str, Any]:
    """Designate the administrator of this Region; trusted access and Organizations' registration come with it [docs]."""
    _require_management(call)
    account, world, state = adminAccountId, call.world, state_of(call.world)
    if world.organization.feature_set != "ALL":
        raise texts.denied(texts.NOT_ALL_FEATURES)
    forget_leaving(state.administrators, call.region, poll=False)
    if (here := state.administrators.get(call.region)) and here.account == account and here.leaving is None:
        same = clientToken and clientToken == here.token
        if same or world.variants.get(AGAIN, "refused") == "ok":
            return {}
    if here or {each.account for each in state.administrators.values()} - {account} or delegated_other(world, PRINCIPAL, account):
        raise texts.conflict(texts.ALREADY_DESIGNATED)
    _require_eligible(call, account)
    if account == world.organization.management:
        # Organizations registers no management account [model], so there is trusted access alone (assumed).
        world.organization.trusted.setdefault(PRINCIPAL, world.now())
    else:
        register_delegated(world, PRINCIPAL, account)
    state.administrators[call.region] = Administrator(account, world.settling("no", "yes"), token=clientToken)
    if world.variants.get(ACTIVATES, "yes") == "yes":
        switch_on(world, account, call.region)
    return {}


def _require_eligible(call: Call, account: str) -> None:
    world, state = call.world, state_of(call.world)
    if not member_active(world, account) or not region_enabled(world, account, call.region):
        raise texts.invalid(texts.NOT_ELIGIBLE)
    if account == world.organization.management and not any(each == account for each, _ in state.sessions):
        raise texts.invalid(texts.MANAGEMENT_NOT_ENABLED)
    if state.administered(account, call.region):
        raise texts.conflict(texts.ADMINISTRATOR_IS_MEMBER)
    session = state.sessions.get((account, call.region))
    if session is not None and session.designatable.read() == "no":
        raise texts.invalid(texts.NOT_DESIGNATABLE_YET)


@operation("macie2", "DisableOrganizationAdminAccount")
def disable_organization_admin_account(call: Call, adminAccountId: str) -> dict[str, Any]:
    """End the designation in this Region: members stand alone, Macie stays on in them, discovery's data is lost [docs]."""
    _require_management(call)
    administrator = state_of(call.world).administrators.get(call.region)
    if administrator is None or administrator.account != adminAccountId:
        raise texts.not_found(texts.NOT_DESIGNATED)
    if administrator.leaving is None:
        administrator.leaving = call.world.settling("DISABLING_IN_PROGRESS", "gone")
        end_memberships(call.world, call.region)
    return {}


@operation("macie2", "ListOrganizationAdminAccounts")
def list_organization_admin_accounts(call: Call, maxResults: int | None = None, nextToken: str | None = None) -> dict[str, Any]:
    """The administrator of this Region or nobody, for the management account, whether Macie is on in it or not (assumed)."""
    _require_management(call)
    designated = listed(state_of(call.world).administrators, call.region, "DISABLING_IN_PROGRESS")
    rows = [{"accountId": account, "status": status} for account, status in designated]
    found, token = paged(rows, nextToken, maxResults)
    return {"adminAccounts": found, "nextToken": token}


@operation("macie2", "DescribeOrganizationConfiguration")
def describe_organization_configuration(call: Call) -> dict[str, Any]:
    """Whether accounts that join get Macie."""
    require_administrator(call)
    state = state_of(call.world)
    return {
        "autoEnable": state.organization(call.region).auto_enable,
        "maxAccountLimitReached": is_full(call.world, call.region),
    }


@operation("macie2", "UpdateOrganizationConfiguration")
def update_organization_configuration(call: Call, autoEnable: bool) -> dict[str, Any]:
    """Set it, for accounts that join from now on: those that are there keep what they have [docs]."""
    require_administrator(call)
    state_of(call.world).organization(call.region).auto_enable = autoEnable
    return {}


def _require_management(call: Call) -> None:
    if not is_management(call):
        raise texts.denied(texts.NOT_MANAGEMENT)


def administrator_deregistered(world: World, principal: str, account: str) -> None:
    """Organizations' Deregister ends the designation in every Region at once [docs]."""
    if principal != PRINCIPAL:
        return
    for region in deregistered(state_of(world).administrators, account):
        end_memberships(world, region)
