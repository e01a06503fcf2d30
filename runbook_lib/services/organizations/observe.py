"""What the prerequisites need to know and the Organization value does not already say. Reads only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.organization import Organization
from runbook_lib.settings import Settings

SERVICE_LINKED_ROLES: Mapping[str, tuple[str, ...]] = {
    "securityhub": ("AWSServiceRoleForSecurityHub",),
    "guardduty": ("AWSServiceRoleForAmazonGuardDuty", "AWSServiceRoleForAmazonGuardDutyMalwareProtection"),
    "inspector2": ("AWSServiceRoleForAmazonInspector2", "AWSServiceRoleForAmazonInspector2Agentless"),
}
"""Made by AWS when a service is first enabled in an account; the caller then needs iam:CreateServiceLinkedRole."""

POLICY_TYPES: Mapping[str, str] = {
    "securityhub": "SECURITYHUB_CSPM_POLICY",
    "guardduty": "GUARDDUTY_POLICY",
    "inspector2": "INSPECTOR_POLICY",
}
"""Organizations policies that, where attached, override the services' own settings (Organizations API model, 2026)."""

ADMINISTRATOR_LISTS: Mapping[str, tuple[str, str, str]] = {
    "securityhub": ("ListOrganizationAdminAccounts", "AdminAccounts", "AccountId"),
    "guardduty": ("ListOrganizationAdminAccounts", "AdminAccounts", "AdminAccountId"),
    "inspector2": ("ListDelegatedAdminAccounts", "delegatedAdminAccounts", "accountId"),
}
"""Service → operation, list and id member: each service spells its answer differently."""

READS = frozenset(
    {
        "iam:GetRole",
        "organizations:ListPolicies",
        "config:DescribeConfigurationRecorderStatus",
        "securityhub:DescribeHub",
        "guardduty:ListDetectors",
        "inspector2:BatchGetAccountStatus",
        "securityhub:DescribeOrganizationConfiguration",
        *(f"{service}:{operation}" for service, (operation, _, _) in ADMINISTRATOR_LISTS.items()),
    }
)


@dataclass(frozen=True)
class State:
    """Facts by (service, Region), (account, role) or (account, Region); each known, or the reason why not."""

    administrators: Mapping[tuple[str, str], Observation[frozenset[str]]]
    usable: Mapping[tuple[str, str], Observation[bool]]
    """Whether the delegated account may read the service in the Region at all."""
    central: Mapping[str, Observation[str]]
    """Region → Security Hub's configuration type and status, where the delegated account is administrator already."""
    policies: Mapping[str, Observation[int]]
    """Service → how many Organizations policies of its type exist."""
    roles: Mapping[tuple[str, str], Observation[bool]]
    recorders: Mapping[str, Observation[bool]]
    """Region → whether AWS Config records in the delegated account."""


def managed(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """The services that settings manage, in the runbook's order, with their Regions."""
    parts = {"securityhub": settings.security_hub, "guardduty": settings.guardduty, "inspector2": settings.inspector}
    return {service: tuple(sorted(part.regions)) for service, part in parts.items() if part is not None}


def observe(organization: Organization, settings: Settings, reader: Reader) -> State:
    """Read everything, side by side; a failed read is an Unknown in its own place."""
    services = managed(settings)
    places = [(service, region) for service, regions in services.items() for region in regions]
    accounts = (organization.management_account, organization.delegated_account)
    roles = [(account, role) for account in accounts for service in services for role in SERVICE_LINKED_ROLES[service]]
    regions = sorted({region for _, region in places})
    home = regions[0]
    hub_regions = services.get("securityhub", ())
    management, delegated = accounts
    groups: list[list[Callable[[], Observation[Any]]]] = [
        [partial(_administrators, reader, management, *place) for place in places],
        [partial(_usable, reader, delegated, *place) for place in places],
        [partial(_policies, reader, management, home, service) for service in services],
        [partial(_role, reader, account, home, role) for account, role in roles],
        [partial(_recorder, reader, delegated, region) for region in hub_regions],
    ]
    answers = iter(reader.parallel([job for group in groups for job in group]))
    administrators, usable, policies, linked, recorders = ([next(answers) for _ in group] for group in groups)
    found = dict(zip(places, administrators, strict=True))
    here = [r for r in hub_regions if found["securityhub", r] == Known(frozenset({organization.delegated_account}))]
    central = reader.parallel(partial(_central, reader, organization.delegated_account, region) for region in here)
    return State(
        administrators=found,
        usable=dict(zip(places, usable, strict=True)),
        central=dict(zip(here, central, strict=True)),
        policies=dict(zip(services, policies, strict=True)),
        roles=dict(zip(roles, linked, strict=True)),
        recorders=dict(zip(hub_regions, recorders, strict=True)),
    )


def _administrators(reader: Reader, account: str, service: str, region: str) -> Observation[frozenset[str]]:
    operation, listed, member = ADMINISTRATOR_LISTS[service]
    try:
        pages = list(reader.pages(service, operation, account, region))
    except CallFailed as error:
        return unread(error)
    return Known(frozenset(str(each[member]) for page in pages for each in page.get(listed, ())))


def _usable(reader: Reader, account: str, service: str, region: str) -> Observation[bool]:
    harmless: Mapping[str, tuple[str, dict[str, Any]]] = {
        "securityhub": ("DescribeHub", {}),
        "guardduty": ("ListDetectors", {}),
        "inspector2": ("BatchGetAccountStatus", {"accountIds": [account]}),
    }
    operation, parameters = harmless[service]
    try:
        reader.read(service, operation, account, region, **parameters)
    except CallFailed as error:
        # Security Hub answers so where the hub is simply off: the service was reached and allowed.
        if error.code == "InvalidAccessException" and "not subscribed" in error.message:
            return Known(value=True)
        return unread(error)
    return Known(value=True)


def _central(reader: Reader, account: str, region: str) -> Observation[str]:
    try:
        answer = reader.read("securityhub", "DescribeOrganizationConfiguration", account, region)
    except CallFailed as error:
        return unread(error)
    found = answer.get("OrganizationConfiguration") or {}
    return Known(f"{found.get('ConfigurationType', 'LOCAL')} {found.get('Status', 'ENABLED')}")


def _policies(reader: Reader, account: str, region: str, service: str) -> Observation[int]:
    try:
        pages = list(reader.pages("organizations", "ListPolicies", account, region, Filter=POLICY_TYPES[service]))
    except CallFailed as error:
        return unread(error)
    return Known(sum(len(page.get("Policies", ())) for page in pages))


def _role(reader: Reader, account: str, region: str, role: str) -> Observation[bool]:
    try:
        reader.read("iam", "GetRole", account, region, RoleName=role)
    except CallFailed as error:
        return Known(value=False) if error.code == "NoSuchEntity" else unread(error)
    return Known(value=True)


def _recorder(reader: Reader, account: str, region: str) -> Observation[bool]:
    try:
        answer = reader.read("config", "DescribeConfigurationRecorderStatus", account, region)
    except CallFailed as error:
        return unread(error)
    return Known(any(each.get("recording") for each in answer.get("ConfigurationRecordersStatus", ())))
