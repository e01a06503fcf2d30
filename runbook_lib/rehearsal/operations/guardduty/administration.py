"""Designation by the management account, and the organization's settings kept by the delegated administrator."""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.administrators import forget_leaving, listed
from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.datasources import organization_sources, requested_features
from runbook_lib.rehearsal.operations.guardduty.features import ORGANIZATION_FEATURES, check, merge, shown
from runbook_lib.rehearsal.operations.guardduty.lists import paged
from runbook_lib.rehearsal.operations.guardduty.membership import MANAGEMENT_VARIANT, end_memberships, plan_sweep
from runbook_lib.rehearsal.operations.guardduty.state import (
    PRINCIPAL,
    Administrator,
    add_detector,
    is_administrator,
    missing,
    own_detector,
    require_usable,
    state_of,
)
from runbook_lib.rehearsal.organization import (
    delegated_other,
    is_management,
    member_active,
    region_enabled,
    register_delegated,
)
from runbook_lib.rehearsal.registry import Call, operation


@operation("guardduty", "EnableOrganizationAdminAccount")
def enable_organization_admin_account(call: Call, AdminAccountId: str) -> None:
    """Designate the administrator of this Region.

    Turns on trusted access and registers the account in Organizations; its detector appears after polls unless it had one [docs].
    """
    _require_management(call)
    world, state = call.world, state_of(call.world)
    forget_leaving(state.administrators, call.region, poll=False)
    if not member_active(world, AdminAccountId):
        raise texts.refusal(texts.NOT_IN_ORGANIZATION)
    designated = [state.administrators[call.region].account] if call.region in state.administrators else []
    if designated == [AdminAccountId]:
        raise texts.refusal(texts.SAME_ADMINISTRATOR)
    # One account for all Regions (aws-behaviour 1.1), and nobody else in Organizations (1.4).
    others = {each.account for each in state.administrators.values()} - {AdminAccountId}
    if designated or others or delegated_other(world, PRINCIPAL, AdminAccountId):
        raise texts.refusal(texts.OTHER_ADMINISTRATOR)
    # The management account cannot be registered in Organizations [model]; that GuardDuty refuses it so is assumed, and so is
    # the refusal where the administrator has not opted in to the Region.
    if AdminAccountId == world.organization.management or not region_enabled(world, AdminAccountId, call.region):
        raise texts.refusal(texts.GENERIC)
    register_delegated(world, PRINCIPAL, AdminAccountId)
    state.administrators[call.region] = Administrator(AdminAccountId, world.settling("no", "yes"))
    if (AdminAccountId, call.region) not in state.detectors:
        add_detector(world, AdminAccountId, call.region).visible = world.settling("no", "yes")
    if world.variants.get(MANAGEMENT_VARIANT) == "designation" and (call.account, call.region) not in state.detectors:
        add_detector(world, call.account, call.region)


@operation("guardduty", "DisableOrganizationAdminAccount")
def disable_organization_admin_account(call: Call, AdminAccountId: str) -> None:
    """End the designation in this Region only: members stand alone, GuardDuty stays on, Organizations keeps the registration."""
    _require_management(call)
    administrator = state_of(call.world).administrators.get(call.region)
    if administrator is None or administrator.account != AdminAccountId or administrator.leaving:
        raise texts.refusal(texts.ALREADY_DISABLED)
    administrator.leaving = call.world.settling("DISABLE_IN_PROGRESS", "gone")
    end_memberships(call.world, call.region)


@operation("guardduty", "ListOrganizationAdminAccounts")
def list_organization_admin_accounts(call: Call, MaxResults: int | None = None, NextToken: str | None = None) -> dict[str, Any]:
    """The administrator of this Region, or nobody; only for the management account."""
    _require_management(call)
    designated = listed(state_of(call.world).administrators, call.region, "DISABLE_IN_PROGRESS")
    rows = [{"AdminAccountId": account, "AdminStatus": status} for account, status in designated]
    found, token = paged(rows, NextToken, MaxResults)
    return {"AdminAccounts": found, "NextToken": token}


def _require_management(call: Call) -> None:
    if not is_management(call):
        raise texts.refusal(texts.NOT_MANAGEMENT)


@operation("guardduty", "DescribeOrganizationConfiguration")
def describe_organization_configuration(
    call: Call, DetectorId: str, MaxResults: int | None = None, NextToken: str | None = None
) -> dict[str, Any]:
    """Auto-enable settings, features by page. To others the refusal depends on whether there is an administrator (assumed)."""
    own_detector(call, DetectorId)
    state = state_of(call.world)
    other = call.region in state.administrators and not is_administrator(call)
    require_usable(call, texts.NOT_ADMINISTRATOR if other else texts.NO_ADMINISTRATOR)
    configuration = state.configuration(call.region)
    offered = tuple(name for name in ORGANIZATION_FEATURES if name not in missing(call.world, call.region))
    found, token = paged(shown(configuration.features, "AutoEnable", offered, updated=False), NextToken, MaxResults)
    return {
        "AutoEnable": configuration.members != "NONE",
        "AutoEnableOrganizationMembers": configuration.members,
        "MemberAccountLimitReached": False,
        "DataSources": organization_sources(configuration.features),
        "Features": found,
        "NextToken": token,
    }


@operation("guardduty", "UpdateOrganizationConfiguration")
def update_organization_configuration(
    call: Call,
    DetectorId: str,
    AutoEnable: bool | None = None,
    AutoEnableOrganizationMembers: str | None = None,
    Features: Sequence[Mapping[str, Any]] | None = None,
    DataSources: Mapping[str, Any] | None = None,
) -> None:
    """Change auto-enable settings: exactly one of the two for members [model]; features merge by name.

    ALL reaches existing accounts, later.
    """
    own_detector(call, DetectorId)
    require_usable(call, texts.NOT_ADMINISTRATOR)
    if (AutoEnable is None) == (AutoEnableOrganizationMembers is None):
        raise texts.refusal(texts.GENERIC)
    if AutoEnableOrganizationMembers not in (None, "NEW", "ALL", "NONE"):
        raise texts.refusal(texts.GENERIC)
    asked = requested_features(Features, DataSources, "AutoEnable")
    state = state_of(call.world)
    check(asked, "AutoEnable", ORGANIZATION_FEATURES, missing(call.world, call.region))
    configuration = state.configuration(call.region)
    configuration.members = AutoEnableOrganizationMembers or ("NEW" if AutoEnable else "NONE")
    merge(configuration.features, asked, "AutoEnable", call.world.now())
    state.sweeps.pop(call.region, None)
    plan_sweep(call.world, call.region)


@operation("guardduty", "GetOrganizationStatistics")
def get_organization_statistics(call: Call) -> dict[str, Any]:
    """Counts over the organization; AWS computes them once a day [model], here they are always fresh."""
    require_usable(call, texts.NOT_ADMINISTRATOR)
    world, state = call.world, state_of(call.world)
    members = [account for account in state.members_of(call.region) if state.associated(account, call.region)]
    own = [detector for account in [*members, call.account] if (detector := state.detectors.get((account, call.region)))]
    enabled = [detector for detector in own if detector.enabled]
    counts = [
        {"Name": name, "EnabledAccountsCount": sum(_on(each.features, name) for each in enabled)} for name in ORGANIZATION_FEATURES
    ]
    statistics = {
        "TotalAccountsCount": len(world.organization.accounts),
        "MemberAccountsCount": len(members),
        "ActiveAccountsCount": sum(each.state == "ACTIVE" for each in world.organization.accounts.values()),
        "EnabledAccountsCount": len(enabled),
        "CountByFeature": counts,
    }
    return {"OrganizationDetails": {"UpdatedAt": world.now(), "OrganizationStatistics": statistics}}


def _on(features: Mapping[str, Any], name: str) -> bool:
    return name in features and features[name].value == "ENABLED"
