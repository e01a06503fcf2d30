"""Which account, OU or root has which configuration policy, and what a policy does in the accounts under it."""

from collections.abc import Container
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.organization import member_active, region_enabled
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

from .associating import current_administration
from .catalogue import standards
from .central import (
    SELF_MANAGED,
    association_above,
    check_settings,
    find_policy,
    governed_regions,
    governing_policy,
    require_central,
)
from .errors import invalid, missing
from .membership import enrol
from .places import bounded, path_up
from .state import Association, Central, Policy, state_of
from .switching import find_hub, subscribe, switch_on, unsubscribe

TARGETS = {"AccountId": "ACCOUNT", "OrganizationalUnitId": "ORGANIZATIONAL_UNIT", "RootId": "ROOT"}


def _target(world: World, target: dict[str, str]) -> tuple[str, str]:
    """Id and type of a target that exists; exactly one member [model]."""
    if len(target) != 1:
        raise invalid("Target must have exactly one of AccountId, OrganizationalUnitId and RootId")
    [(member, key)] = target.items()
    organization = world.organization
    known: dict[str, Container[str]] = {
        "AccountId": organization.accounts,
        "OrganizationalUnitId": organization.units,
        "RootId": {organization.root},
    }
    if key not in known[member]:
        raise missing(f"Target {key} was not found")
    return key, TARGETS[member]


def _shown(world: World, target: str, target_type: str) -> dict[str, Any] | None:
    """What decides for a target: APPLIED to itself or INHERITED from a parent [model]. A read is one poll."""
    found = association_above(world, target)
    if found is None:
        return None
    return {
        "ConfigurationPolicyId": found.policy,
        "TargetId": target,
        "TargetType": target_type,
        "AssociationType": "APPLIED" if found.target == target else "INHERITED",
        "UpdatedAt": found.updated_at,
        "AssociationStatus": found.status.read(),
    }


def _accounts_under(world: World, target: str) -> list[str]:
    return [account for account in world.organization.accounts if target in path_up(world, account)]


def apply_policy(world: World, account: str) -> None:
    """Bring an account in line with the policy it is under, in home and linked Regions: existing accounts too [docs]."""
    policy = governing_policy(world, account)
    if policy is None or not member_active(world, account):
        return
    for region in sorted(governed_regions(world)):
        if region_enabled(world, account, region):
            _apply_in(world, account, region, policy)


def _apply_in(world: World, account: str, region: str, policy: Policy) -> None:
    if not policy.settings["ServiceEnabled"]:
        state_of(world).hubs.pop((account, region), None)
        return
    if account == world.organization.management and find_hub(world, account, region) is None:
        return  # the management account's hub is never switched on for it [docs]
    hub = switch_on(world, account, region, default_standards=False)
    offered = standards(world.partition, region)
    wanted = {each.replace(f":{_home(world)}:", f":{region}:") for each in policy.settings.get("EnabledStandardIdentifiers", [])}
    for arn in sorted(wanted - set(hub.standards)):
        subscribe(world, account, region, offered[arn])
    for arn in set(hub.standards) - wanted:
        unsubscribe(world, account, region, hub, hub.standards[arn])
    administration = current_administration(world, region)
    if administration is not None and administration.account != account:
        enrol(world, administration.account, region, account)


def _home(world: World) -> str:
    central = state_of(world).central
    return central.home if central is not None else ""


@operation("securityhub", "UpdateConfigurationPolicy")
def update_configuration_policy(
    call: Call,
    Identifier: str,
    Name: str | None = None,
    Description: str | None = None,
    UpdatedReason: str | None = None,
    ConfigurationPolicy: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Changes name, description or settings; new settings reach the accounts under the policy [docs]."""
    central = require_central(call)
    found = find_policy(central, Identifier)
    if ConfigurationPolicy is not None:
        found.settings = check_settings(call, ConfigurationPolicy)
    found.name, found.description = Name or found.name, Description or found.description
    found.updated_at = call.world.now()
    for account in list(call.world.organization.accounts):
        if governing_policy(call.world, account) is found:
            apply_policy(call.world, account)
    return {
        "Arn": found.arn,
        "Id": found.id,
        "Name": found.name,
        "Description": found.description,
        "CreatedAt": found.created_at,
        "UpdatedAt": found.updated_at,
        "ConfigurationPolicy": {"SecurityHub": found.settings},
    }


@operation("securityhub", "StartConfigurationPolicyAssociation")
def start_configuration_policy_association(
    call: Call,
    ConfigurationPolicyIdentifier: str,
    Target: dict[str, str],
) -> dict[str, Any]:
    """Give a target a policy or self-management; PENDING, then SUCCESS [model]."""
    central = require_central(call)
    key, kind = _target(call.world, Target)
    given = ConfigurationPolicyIdentifier
    policy = SELF_MANAGED if given == SELF_MANAGED else find_policy(central, given).id
    status = call.world.settling("PENDING", "SUCCESS")
    central.associations[key] = Association(policy, key, kind, status, call.world.now())
    for account in _accounts_under(call.world, key):
        apply_policy(call.world, account)
    return _shown(call.world, key, kind) or {}


@operation("securityhub", "StartConfigurationPolicyDisassociation")
def start_configuration_policy_disassociation(
    call: Call, ConfigurationPolicyIdentifier: str, Target: dict[str, str] | None = None
) -> None:
    """Take it away; the target inherits from above, or keeps its settings and manages itself [model]."""
    central = require_central(call)
    key, _ = _target(call.world, Target or {})
    policy = _policy_id(central, ConfigurationPolicyIdentifier)
    found = central.associations.get(key)
    if found is None or found.policy != policy:
        raise missing("The target is not associated with the configuration policy")
    del central.associations[key]
    for account in _accounts_under(call.world, key):
        apply_policy(call.world, account)


def _policy_id(central: Central, identifier: str) -> str:
    return SELF_MANAGED if identifier == SELF_MANAGED else find_policy(central, identifier).id


@operation("securityhub", "GetConfigurationPolicyAssociation")
def get_configuration_policy_association(call: Call, Target: dict[str, str]) -> dict[str, Any]:
    require_central(call)
    key, kind = _target(call.world, Target)
    found = _shown(call.world, key, kind)
    if found is None:
        raise missing(f"No configuration policy association was found for {key}")
    return found


@operation("securityhub", "ListConfigurationPolicyAssociations")
def list_configuration_policy_associations(
    call: Call,
    NextToken: str | None = None,
    MaxResults: int | None = None,
    Filters: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Applied and inherited associations of the root, every OU and every account that has one."""
    require_central(call)
    organization = call.world.organization
    targets = [(organization.root, "ROOT")]
    targets += [(each, "ORGANIZATIONAL_UNIT") for each in organization.units]
    targets += [(each, "ACCOUNT") for each in organization.accounts]
    listed = [found for key, kind in targets if (found := _shown(call.world, key, kind)) is not None]
    for member, value in (Filters or {}).items():
        wanted = value.rsplit("/", 1)[-1] if member == "ConfigurationPolicyId" else value
        listed = [each for each in listed if each[member] == wanted]
    shown, token = page(listed, NextToken, bounded(MaxResults, 100), 100)
    return {"ConfigurationPolicyAssociationSummaries": shown, "NextToken": token}


@operation("securityhub", "BatchGetConfigurationPolicyAssociations")
def batch_get_configuration_policy_associations(
    call: Call, ConfigurationPolicyAssociationIdentifiers: list[dict[str, Any]]
) -> dict[str, Any]:
    """Several at once; what cannot be read comes back unprocessed."""
    require_central(call)
    found, unprocessed = [], []
    for each in ConfigurationPolicyAssociationIdentifiers:
        try:
            found.append(get_configuration_policy_association(call, each.get("Target", {})))
        except ApiError as error:
            unprocessed.append(
                {
                    "ConfigurationPolicyAssociationIdentifiers": each,
                    "ErrorCode": str(error.status),
                    "ErrorReason": error.message,
                }
            )
    return {"ConfigurationPolicyAssociations": found, "UnprocessedConfigurationPolicyAssociations": unprocessed}
