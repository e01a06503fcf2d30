"""Central configuration: when it may be on, and the configuration policies of the administrator's home Region."""

import uuid
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.organization import is_management
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

from .associating import current_administration
from .catalogue import standards
from .errors import GOVERNED, NOT_CENTRAL, NOT_HOME_REGION, conflict, invalid, missing, refusal
from .places import bounded, path_up
from .state import Association, Central, Policy, state_of
from .switching import require_hub

SELF_MANAGED = "SELF_MANAGED_SECURITY_HUB"


def start_central(call: Call) -> None:
    """Turn central configuration on: PENDING, then ENABLED. It needs a finding aggregator whose home Region is this one [model].

    NO_REGIONS is enough [docs]; the management account as administrator is refused [docs]. Codes assumed but for the Region's.
    """
    aggregator = state_of(call.world).aggregators.get(call.account)
    if aggregator is None:
        raise ApiError("ResourceNotFoundException", "A finding aggregator must be created before central configuration", 404)
    if aggregator.home != call.region:
        raise refusal(NOT_HOME_REGION)
    if is_management(call):
        raise ApiError("AccessDeniedException", "The management account cannot use central configuration", 403)
    state_of(call.world).central = Central(call.region, call.world.settling("PENDING", "ENABLED"))


def require_local_possible(call: Call) -> None:
    """Central configuration goes off only from the home Region and without policies and associations [docs]; code assumed."""
    central = state_of(call.world).central
    if central is not None and central.home != call.region:
        raise refusal(NOT_HOME_REGION)
    if central is not None and (central.policies or central.associations):
        raise conflict("All configuration policies must be disassociated and deleted before local configuration")


def leave_central(world: World) -> None:
    """Back to local configuration; accounts keep their settings and manage themselves [docs]."""
    state_of(world).central = None


def association_above(world: World, target: str) -> Association | None:
    """The association that decides for a target: its own, else that of the closest parent [docs]."""
    central = state_of(world).central
    if central is None:
        return None
    return next((central.associations[each] for each in path_up(world, target) if each in central.associations), None)


def governing_policy(world: World, account: str) -> Policy | None:
    """The configuration policy an account is under; None for self-managed accounts."""
    central, found = state_of(world).central, association_above(world, account)
    return central.policies.get(found.policy) if central is not None and found is not None else None


def governed_regions(world: World) -> set[str]:
    """The home Region and its linked Regions, as far as the administrator is designated there [docs]."""
    state = state_of(world)
    if state.central is None:
        return set()
    home = state.central.home
    administration = current_administration(world, home)
    aggregator = state.aggregators.get(administration.account) if administration is not None else None
    linked = {region for region in state.administrations if aggregator is not None and aggregator.links(region)}
    return {home} | linked


def refuse_governed(call: Call) -> None:
    """An account under a configuration policy cannot change its own hub and standards [seen]."""
    if call.region in governed_regions(call.world) and governing_policy(call.world, call.account) is not None:
        raise refusal(GOVERNED)


def require_central(call: Call) -> Central:
    """The caller as delegated administrator with central configuration on, in the home Region [seen]."""
    require_hub(call)
    administration, central = current_administration(call.world, call.region), state_of(call.world).central
    if administration is None or administration.account != call.account or central is None:
        raise refusal(NOT_CENTRAL)
    if call.region != central.home:
        raise refusal(NOT_HOME_REGION)
    return central


def find_policy(central: Central, identifier: str) -> Policy:
    """A policy by UUID or ARN [model]."""
    found = central.policies.get(identifier.rsplit("/", 1)[-1])
    if found is None:
        raise missing(f"Configuration policy {identifier} was not found")
    return found


def check_settings(call: Call, configuration: dict[str, Any]) -> dict[str, Any]:
    """The SecurityHub part of a policy: ServiceEnabled given, standards known, none without the service [model]; texts assumed."""
    settings: dict[str, Any] = configuration.get("SecurityHub", {})
    if "ServiceEnabled" not in settings:
        raise invalid("ConfigurationPolicy.SecurityHub.ServiceEnabled is required")
    unknown = sorted(set(settings.get("EnabledStandardIdentifiers", [])) - set(standards(call.partition, call.region)))
    if unknown:
        raise invalid(f"Unknown standards: {', '.join(unknown)}")
    if not settings["ServiceEnabled"] and settings.get("EnabledStandardIdentifiers"):
        raise invalid("EnabledStandardIdentifiers must be empty when ServiceEnabled is false")
    return settings


def _described(policy: Policy) -> dict[str, Any]:
    return {
        "Arn": policy.arn,
        "Id": policy.id,
        "Name": policy.name,
        "Description": policy.description,
        "CreatedAt": policy.created_at,
        "UpdatedAt": policy.updated_at,
        "ConfigurationPolicy": {"SecurityHub": policy.settings},
    }


@operation("securityhub", "CreateConfigurationPolicy")
def create_configuration_policy(
    call: Call,
    Name: str,
    ConfigurationPolicy: dict[str, Any],
    Description: str = "",
    Tags: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A policy of the home Region; a second one of the same name conflicts (assumed)."""
    central = require_central(call)
    settings = check_settings(call, ConfigurationPolicy)
    if any(each.name == Name for each in central.policies.values()):
        raise conflict(f"A configuration policy named {Name} already exists")
    key, now = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{call.account}/{Name}/{call.world.now()}")), call.world.now()
    arn = f"arn:{call.partition}:securityhub:{call.region}:{call.account}:configuration-policy/{key}"
    central.policies[key] = Policy(key, arn, Name, Description, settings, now, now)
    return _described(central.policies[key])


@operation("securityhub", "GetConfigurationPolicy")
def get_configuration_policy(call: Call, Identifier: str) -> dict[str, Any]:
    return _described(find_policy(require_central(call), Identifier))


@operation("securityhub", "ListConfigurationPolicies")
def list_configuration_policies(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    central = require_central(call)
    listed = [
        {
            "Arn": each.arn,
            "Id": each.id,
            "Name": each.name,
            "Description": each.description,
            "UpdatedAt": each.updated_at,
            "ServiceEnabled": each.settings["ServiceEnabled"],
        }
        for each in central.policies.values()
    ]
    shown, token = page(listed, NextToken, bounded(MaxResults, 100), 100)
    return {"ConfigurationPolicySummaries": shown, "NextToken": token}


@operation("securityhub", "DeleteConfigurationPolicy")
def delete_configuration_policy(call: Call, Identifier: str) -> None:
    """Refused while a target has it [docs]."""
    central = require_central(call)
    found = find_policy(central, Identifier)
    if any(each.policy == found.id for each in central.associations.values()):
        raise conflict("The configuration policy is associated and must be disassociated first")
    del central.policies[found.id]
