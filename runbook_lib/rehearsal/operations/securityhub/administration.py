"""Designating Security Hub's delegated administrator, Region by Region, and the settings it has for new accounts."""

from functools import partial
from typing import Any

from runbook_lib.rehearsal.organization import delegated_other, member_active, region_enabled
from runbook_lib.rehearsal.regions import regions_of
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import Settling, World, settled

from .associating import current_administration, part, require_administrator
from .central import leave_central, require_local_possible, start_central
from .errors import CENTRAL_KEEPS_AUTO_ENABLE_OFF, NO_ADMINISTRATOR, conflict, invalid, refusal
from .membership import free_members, is_full
from .places import PRINCIPAL, bounded, register_in_organizations, require_management
from .second import SecondState
from .state import Administration, state_of
from .switching import switch_on

PLAIN = "SecurityHub"


@operation("securityhub", "EnableOrganizationAdminAccount")
def enable_organization_admin_account(call: Call, AdminAccountId: str, Feature: str = PLAIN) -> dict[str, Any]:
    """Designate the administrator of this Region: management account only [model].

    Its hub comes on with the default standards unless it is on; the first designation turns on trusted access and registers the
    account in Organizations [docs]. The same account in all Regions [docs]. What a repeat answers is not documented: variant
    "securityhub designate again", "ok" or "conflict". For a while the new administrator's own calls still fail
    (`require_administrator`). Right after changes of the organization it may be refused itself: variant "securityhub designation
    too early", "no" or "once" in each Region.
    """
    require_management(call)
    _refuse_feature(Feature)
    _refuse_other(call, AdminAccountId)
    existing = state_of(call.world).administrations.get(call.region)
    if existing is not None:
        if existing.leaving is not None:
            raise conflict("The removal of the administrator account is in progress")  # assumed
        if call.world.variants.get("securityhub designate again", "ok") == "conflict":
            raise conflict("The account is already the administrator account of the organization")  # code [seen], text assumed
        return {"AdminAccountId": AdminAccountId, "Feature": PLAIN}
    if not member_active(call.world, AdminAccountId) or not region_enabled(call.world, AdminAccountId, call.region):
        raise invalid(f"Account {AdminAccountId} cannot be the administrator account")  # code [seen] on accounts just created
    state = state_of(call.world)
    if call.region not in state.hesitated and call.world.variants.get("securityhub designation too early", "no") == "once":
        state.hesitated.add(call.region)
        raise invalid("The request is rejected because the account is being changed")  # code [seen], text assumed
    designate(call.world, AdminAccountId, call.region, call.world.settling("no", "yes"))
    return {"AdminAccountId": AdminAccountId, "Feature": PLAIN}


def designate(world: World, account: str, region: str, usable: Settling | None = None) -> Administration:
    """Make an account the administrator of a Region with all that follows; also for seeds, where it is usable at once."""
    found = Administration(account, usable or settled("yes"))
    state = state_of(world)
    state.administrations[region] = found
    if (administrator := state.administrator_of.get((account, region))) is not None:
        # Assumed: an account cannot be member and administrator at once, so an earlier association ends.
        part(world, region, state.members[administrator, region][account], "Resigned")
    register_in_organizations(world, account)
    switch_on(world, account, region)
    return found


def _refuse_feature(feature: str) -> None:
    """The newer Security Hub, `SecurityHubV2`, is another service behind the same endpoint and is not part of this organization."""
    if feature != PLAIN:
        raise invalid(f"Feature {feature} is not available")  # assumed


def _refuse_other(call: Call, account: str) -> None:
    """Another account in any Region, or registered in Organizations, must be removed first [docs]; code and text assumed."""
    elsewhere = {found.account for found in state_of(call.world).administrations.values()} - {account}
    if elsewhere or delegated_other(call.world, PRINCIPAL, account) is not None:
        raise conflict("Another account is already the Security Hub administrator account of the organization")


@operation("securityhub", "DisableOrganizationAdminAccount")
def disable_organization_admin_account(call: Call, AdminAccountId: str, Feature: str = PLAIN) -> None:
    """Remove the administrator of this Region only: the registration in Organizations stays, members become standalone [docs]."""
    require_management(call)
    _refuse_feature(Feature)
    found = current_administration(call.world, call.region)
    if found is None or found.account != AdminAccountId:
        raise refusal(NO_ADMINISTRATOR)
    if state_of(call.world).central is not None:
        raise conflict("The administrator account cannot be removed while central configuration is on")  # rule [docs], code assumed
    free_members(call.world, found.account, call.region)
    call.world.of(SecondState).administrators.pop(call.region, None)  # removing either removes both [docs]
    found.leaving = call.world.settling("DISABLE_IN_PROGRESS", "", then=partial(_forget, call.world, call.region, found))


def _forget(world: World, region: str, administration: Administration) -> None:
    """An administrator that was being removed is gone."""
    if state_of(world).administrations.get(region) is administration:
        del state_of(world).administrations[region]


@operation("securityhub", "ListOrganizationAdminAccounts")
def list_organization_admin_accounts(
    call: Call,
    MaxResults: int | None = None,
    NextToken: str | None = None,
    Feature: str = PLAIN,
) -> dict[str, Any]:
    """The administrator of this Region, ENABLED or DISABLE_IN_PROGRESS; management account only [model]."""
    require_management(call)
    bounded(MaxResults, 10)
    administrations = state_of(call.world).administrations
    found = administrations.get(call.region) if Feature == PLAIN else None
    listed = []
    if Feature != PLAIN and (second := call.world.of(SecondState).administrators.get(call.region)):
        listed.append({"AccountId": second, "Status": "ENABLED"})
    if found is not None:
        status = found.leaving.read() if found.leaving is not None else "ENABLED"
        if status:
            listed.append({"AccountId": found.account, "Status": status})
        else:
            del administrations[call.region]
    shown, token = page(listed, NextToken, MaxResults, 10)
    return {"AdminAccounts": shown, "NextToken": token, "Feature": Feature}


@operation("securityhub", "DescribeOrganizationConfiguration")
def describe_organization_configuration(call: Call) -> dict[str, Any]:
    """The settings for new accounts of this Region, and whether configuration is local or central [model]."""
    found = require_administrator(call)
    central = state_of(call.world).central
    return {
        "AutoEnable": found.auto_enable,
        "AutoEnableStandards": found.auto_enable_standards,
        "MemberAccountLimitReached": is_full(call.world, call.account, call.region),
        "OrganizationConfiguration": {
            "ConfigurationType": "CENTRAL" if central else "LOCAL",
            "Status": _configuration_status(call.world),
        },
    }


def _configuration_status(world: World) -> str:
    """ENABLED for local configuration; DISABLED where a policy in Organizations governs Security Hub CSPM [model].

    The latter is the variant "securityhub organizations policy" = "on": the policy itself is not simulated.
    """
    if world.variants.get("securityhub organizations policy", "off") == "on":
        return "DISABLED"
    central = state_of(world).central
    return central.status.read() if central else "ENABLED"


@operation("securityhub", "UpdateOrganizationConfiguration")
def update_organization_configuration(
    call: Call,
    AutoEnable: bool,
    AutoEnableStandards: str = "DEFAULT",
    OrganizationConfiguration: dict[str, Any] | None = None,
) -> None:
    """Overwrite the settings for new accounts of this Region; AutoEnableStandards left out means DEFAULT [model].

    Central configuration wants AutoEnable false and AutoEnableStandards NONE, in the home Region and the linked ones [model].
    """
    found = require_administrator(call)
    state = state_of(call.world)
    asked = (OrganizationConfiguration or {}).get("ConfigurationType")
    kind = asked or ("CENTRAL" if state.central else "LOCAL")
    if kind == "CENTRAL" and (AutoEnable or AutoEnableStandards != "NONE"):
        raise refusal(CENTRAL_KEEPS_AUTO_ENABLE_OFF)
    if kind == "CENTRAL" and state.central is None:
        start_central(call)
        _reach_linked(call)
    elif kind == "LOCAL" and state.central is not None:
        require_local_possible(call)
        leave_central(call.world)
    found.auto_enable, found.auto_enable_standards = AutoEnable, AutoEnableStandards


def _reach_linked(call: Call) -> None:
    """Central configuration makes the account administrator in all linked Regions and turns auto-enable off in them [docs]."""
    state = state_of(call.world)
    for region in sorted(regions_of(call.partition)):
        linked = state.aggregators[call.account].links(region) and region_enabled(call.world, call.account, region)
        if linked and region not in state.administrations:
            designate(call.world, call.account, region)
    for each in state.administrations.values():
        each.auto_enable, each.auto_enable_standards = False, "NONE"
