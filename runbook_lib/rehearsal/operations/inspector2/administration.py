"""Designation by the management account, and the organization's auto-enable settings."""

from typing import Any

from runbook_lib.rehearsal.administrators import deregistered, forget_leaving, listed
from runbook_lib.rehearsal.operations.inspector2 import texts
from runbook_lib.rehearsal.operations.inspector2.state import (
    MEMBER_NAMES,
    PRINCIPAL,
    TYPES,
    Administrator,
    is_administrator,
    paged,
    require_administrator,
    require_supported,
    state_of,
    switch_on,
    unsupported,
)
from runbook_lib.rehearsal.organization import (
    delegated_other,
    is_management,
    member_active,
    region_enabled,
    register_delegated,
)
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World, current

ACTIVATES = "inspector2 designation activates"
"""Variant: whether designation switches Inspector on in the administrator: "yes" (the guide) or "no" (aws-behaviour 13.7)."""
SCAN_TYPES_OF_THE_GUIDE = tuple(kind for kind in TYPES if kind != "CODE_REPOSITORY")
"""What the guide means by all scan types: it is older than code repository scanning (assumed)."""


@operation("inspector2", "EnableDelegatedAdminAccount")
def enable_delegated_admin_account(call: Call, delegatedAdminAccountId: str, clientToken: str | None = None) -> dict[str, Any]:
    """Designate the administrator of this Region; Organizations registers it too (aws-behaviour 1.3).

    From an SDK trusted access has to be on first [docs'23]. A repeat is a conflict [code tf].
    """
    _require_management(call)
    account, world = delegatedAdminAccountId, call.world
    if PRINCIPAL not in world.organization.trusted:
        raise texts.denied(texts.NO_TRUSTED_ACCESS)
    if world.organization.feature_set != "ALL":
        raise texts.denied(texts.NOT_ALL_FEATURES)
    forget_leaving(state_of(world).administrators, call.region, poll=False)
    _refuse_designated(call, account)
    eligible = member_active(world, account) and region_enabled(world, account, call.region)
    if not eligible or account == world.organization.management:
        raise texts.invalid(texts.NOT_ELIGIBLE.format(account=account))
    register_delegated(world, PRINCIPAL, account)
    state = state_of(world)
    state.administrators[call.region] = Administrator(account, world.settling("no", "yes"), world.settling("CREATED", "ENABLED"))
    if world.variants.get(ACTIVATES, "yes") == "yes":
        missing = unsupported(world, call.region)
        switch_on(world, account, call.region, [kind for kind in SCAN_TYPES_OF_THE_GUIDE if kind not in missing])
    return {"delegatedAdminAccountId": account}


def _refuse_designated(call: Call, account: str) -> None:
    """The same account again, another one here, in another Region or in Organizations (aws-behaviour 1.1; the last is belief)."""
    administrators = state_of(call.world).administrators
    here = administrators.get(call.region)
    elsewhere = next((each.account for _, each in sorted(administrators.items()) if each.account != account), None)
    other = elsewhere or delegated_other(call.world, PRINCIPAL, account)
    found = here.account if here else other
    if found:
        raise texts.conflict(texts.ALREADY_DESIGNATED.format(account=found), found)


@operation("inspector2", "DisableDelegatedAdminAccount")
def disable_delegated_admin_account(call: Call, delegatedAdminAccountId: str) -> dict[str, Any]:
    """End the designation in this Region: members stand alone and go on scanning, Organizations keeps the registration."""
    _require_management(call)
    administrator = state_of(call.world).administrators.get(call.region)
    if administrator is None or administrator.account != delegatedAdminAccountId:
        raise texts.not_found(texts.NOT_ADMINISTRATOR.format(account=delegatedAdminAccountId))
    if administrator.leaving is None:
        administrator.leaving = call.world.settling("DISABLE_IN_PROGRESS", "gone")
        _end_memberships(call.world, call.region)
    return {"delegatedAdminAccountId": delegatedAdminAccountId}


@operation("inspector2", "GetDelegatedAdminAccount")
def get_delegated_admin_account(call: Call) -> dict[str, Any]:
    """The administrator of this Region, for any account of the organization; none is ResourceNotFoundException."""
    forget_leaving(state_of(call.world).administrators, call.region, poll=True)
    administrator = state_of(call.world).administrators.get(call.region)
    if administrator is None:
        raise texts.not_found(texts.NO_ADMINISTRATOR)
    return {
        "delegatedAdmin": {
            "accountId": administrator.account,
            "relationshipStatus": administrator.relationship.read(),
        }
    }


@operation("inspector2", "ListDelegatedAdminAccounts")
def list_delegated_admin_accounts(call: Call, maxResults: int | None = None, nextToken: str | None = None) -> dict[str, Any]:
    """The administrator or nobody, for the management account. The administrator itself is refused [code verify]."""
    if is_administrator(call):
        raise texts.invalid(texts.IS_ADMINISTRATOR.format(account=call.account), "OTHER")
    _require_management(call)
    designated = listed(state_of(call.world).administrators, call.region, "DISABLE_IN_PROGRESS")
    rows = [{"accountId": account, "status": status} for account, status in designated]
    found, token = paged(rows, nextToken, maxResults, 5)
    return {"delegatedAdminAccounts": found, "nextToken": token}


@operation("inspector2", "DescribeOrganizationConfiguration")
def describe_organization_configuration(call: Call) -> dict[str, Any]:
    """Auto-enable flags; reads lag behind writes by some polls (aws-behaviour 6.2)."""
    require_administrator(call, texts.DESCRIBE_ORGANIZATION)
    configuration = state_of(call.world).organization(call.region)
    flags = configuration.before if configuration.lag.read() == "old" else configuration.flags
    return {"autoEnable": dict(flags), "maxAccountLimitReached": False}


@operation("inspector2", "UpdateOrganizationConfiguration")
def update_organization_configuration(call: Call, autoEnable: dict[str, bool]) -> dict[str, Any]:
    """Set what new members get; a type the Region lacks refuses the whole call.

    Whether a flag that is left out becomes false or stays is not documented: variant "inspector2 omitted flags".
    """
    require_administrator(call, texts.UPDATE_ORGANIZATION)
    configuration = state_of(call.world).organization(call.region)
    keep = call.world.variants.get("inspector2 omitted flags", "false") == "unchanged"
    flags = {name: autoEnable.get(name, keep and configuration.flags[name]) for name in MEMBER_NAMES.values()}
    require_supported(call, [kind for kind, name in MEMBER_NAMES.items() if flags[name]])
    if flags["lambdaCode"] and not flags["lambda"]:
        raise texts.invalid(texts.NEEDS_LAMBDA)
    if flags != configuration.flags:
        seen = configuration.before if current(configuration.lag) == "old" else configuration.flags
        configuration.before, configuration.flags = seen, flags
        configuration.lag = call.world.settling("old", "new")
    return {"autoEnable": flags}


def _require_management(call: Call) -> None:
    """Others are refused; code and words are assumed."""
    if not is_management(call):
        raise texts.no_access(texts.DESIGNATE)


def administrator_deregistered(world: World, principal: str, account: str) -> None:
    """Organizations' Deregister ends the designation in every Region [belief]; scanning goes on."""
    if principal != PRINCIPAL:
        return
    for region in deregistered(state_of(world).administrators, account):
        _end_memberships(world, region)


def _end_memberships(world: World, region: str) -> None:
    state = state_of(world)
    state.members.pop(region, None)
    state.organizations.pop(region, None)
    state.paths.pop(region, None)
