"""organizations: trusted access and delegated administrators (aws-behaviour 1 and 3.2)."""

from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.organizations import OrganizationsState, account, describe, pages
from runbook_lib.rehearsal.organization import deregister_delegated, require_management, require_management_or_delegated
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.simulated import simulated

KNOWN = frozenset(principal for each in simulated() for principal in (each.principal, *each.trusted)) | frozenset(
    f"{name}.amazonaws.com"
    for name in (
        "account",
        "auditmanager",
        "backup",
        "cloudtrail",
        "config",
        "config-multiaccountsetup",
        "controltower",
        "detective",
        "fms",
        "health",
        "member.org.stacksets.cloudformation",
        "ram",
        "servicecatalog",
        "ssm",
        "sso",
        "tagpolicies.tag",
    )
)
"""Service principals that Organizations recognizes; a choice from its user guide."""


GOVERNING = {each.principal: each.policy_types for each in simulated() if each.policy_types}
"""Policy types by the service that they govern (aws-behaviour 8). A type is enabled by its call, or by a policy of it."""


@operation("organizations", "EnableAWSServiceAccess")
def enable_service_access(call: Call, ServicePrincipal: str) -> None:
    """Repeating it changes nothing and succeeds."""
    _check(call, ServicePrincipal)
    call.world.organization.trusted.setdefault(ServicePrincipal, call.world.now())


@operation("organizations", "DisableAWSServiceAccess")
def disable_service_access(call: Call, ServicePrincipal: str) -> None:
    """Refused while a policy type of the service is enabled.

    What becomes of its delegated administrators nobody has written down: variant "trusted access with delegations", "ends them"
    (they are deregistered with it), "refused", or "kept" (they stay registered, and the service's administrators stay).
    """
    _check(call, ServicePrincipal)
    registered = sorted(call.world.organization.delegated.get(ServicePrincipal, {}))
    becomes = call.world.variants.get("trusted access with delegations", "ends them")
    if registered and becomes == "refused":
        raise _constraint(
            "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE", "You must first deregister the delegated administrator."
        )
    if GOVERNING.get(ServicePrincipal, frozenset()) & call.world.of(OrganizationsState).enabled_types:
        text = "You must disable the policy type of this service before you disable its trusted access."
        raise _constraint("POLICY_TYPE_ENABLED_FOR_THIS_SERVICE", text)
    call.world.organization.trusted.pop(ServicePrincipal, None)
    for each in registered if becomes == "ends them" else ():
        deregister_delegated(call.world, ServicePrincipal, each)


@operation("organizations", "ListAWSServiceAccessForOrganization")
def list_service_access(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    trusted = sorted(call.world.organization.trusted.items())
    found = [{"ServicePrincipal": principal, "DateEnabled": since} for principal, since in trusted]
    return pages(found, "EnabledServicePrincipals", NextToken, MaxResults)


@operation("organizations", "RegisterDelegatedAdministrator")
def register(call: Call, AccountId: str, ServicePrincipal: str) -> None:
    """Registers in Organizations only: no service has an administrator by it (aws-behaviour 1.2)."""
    _check(call, ServicePrincipal)
    organization = call.world.organization
    found = account(call, AccountId)
    if found.id == organization.management:
        raise _constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You can't register the management account of the organization as a delegated administrator.",
        )
    if found.state != "ACTIVE":
        raise _constraint(
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            "You can't register a suspended account as a delegated administrator.",
        )
    if ServicePrincipal not in organization.trusted:
        raise _constraint(
            "SERVICE_ACCESS_NOT_ENABLED", "You must enable trusted access for the service before you register an administrator."
        )
    registered = organization.delegated.setdefault(ServicePrincipal, {})
    if found.id in registered:
        text = "The provided account is already a delegated administrator for your organization."
        raise ApiError("AccountAlreadyRegisteredException", text)
    if registered:
        raise _constraint(
            "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED",
            "You have exceeded the allowed maximum number of delegated administrators for the service.",
        )
    registered[found.id] = call.world.now()


@operation("organizations", "DeregisterDelegatedAdministrator")
def deregister(call: Call, AccountId: str, ServicePrincipal: str) -> None:
    """The services drop the administrator in every Region."""
    _check(call, ServicePrincipal)
    found = account(call, AccountId)
    if found.id not in call.world.organization.delegated.get(ServicePrincipal, {}):
        raise _not_registered()
    deregister_delegated(call.world, ServicePrincipal, found.id)


@operation("organizations", "ListDelegatedAdministrators")
def list_administrators(
    call: Call, ServicePrincipal: str | None = None, NextToken: str | None = None, MaxResults: int | None = None
) -> dict[str, Any]:
    require_management_or_delegated(call)
    if ServicePrincipal is not None:
        _recognized(ServicePrincipal)
    since: dict[str, float] = {}
    for principal, registered in call.world.organization.delegated.items():
        if ServicePrincipal in (None, principal):
            for each, moment in registered.items():
                since[each] = min(moment, since.get(each, moment))
    found = []
    for each, moment in sorted(since.items()):
        described = describe(call.world, account(call, each))
        del described["Paths"]
        found.append({**described, "DelegationEnabledDate": moment})
    return pages(found, "DelegatedAdministrators", NextToken, MaxResults)


@operation("organizations", "ListDelegatedServicesForAccount")
def list_services(call: Call, AccountId: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    found = account(call, AccountId)
    delegated = sorted(call.world.organization.delegated.items())
    services = [
        {"ServicePrincipal": name, "DelegationEnabledDate": registered[found.id]}
        for name, registered in delegated
        if found.id in registered
    ]
    if not services:
        raise _not_registered()
    return pages(services, "DelegatedServices", NextToken, MaxResults)


def _check(call: Call, principal: str) -> None:
    """What every change of trusted access or delegation needs."""
    require_management(call)
    if call.world.organization.feature_set != "ALL":
        raise _constraint("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", "Your organization must have all features enabled.")
    _recognized(principal)


def _recognized(principal: str) -> None:
    if principal not in KNOWN:
        text = "You specified an unrecognized service principal."
        raise ApiError("InvalidInputException", text, Reason="UNRECOGNIZED_SERVICE_PRINCIPAL")


def _constraint(reason: str, text: str) -> ApiError:
    return ApiError("ConstraintViolationException", text, Reason=reason)


def _not_registered() -> ApiError:
    return ApiError(
        "AccountNotRegisteredException", "The provided account is not a registered delegated administrator for your organization."
    )
