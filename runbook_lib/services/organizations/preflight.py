"""What settings and scope say of the organization, and AWS contradicts or is known to block."""

from collections.abc import Iterator, Sequence

from runbook_lib.aws.endpoints import sts_region
from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.documents import Path, nearest
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.organization import Organization
from runbook_lib.plan import Scope
from runbook_lib.services.offers import not_offered
from runbook_lib.services.population import ENABLED
from runbook_lib.services.registry import by_name
from runbook_lib.services.remarks import SCOPE, Remark, Severity
from runbook_lib.services.waves import wave_objections
from runbook_lib.settings import Settings

READS = frozenset({"organizations:DescribeOrganizationalUnit"})


def objections(organization: Organization, settings: Settings) -> tuple[Remark, ...]:
    """What AWS contradicts by what is read of the organization anyway; accounts that are not shown contradict nothing. Pure."""
    if not organization.listed:
        return identity(organization, settings)
    waves = [_wrong(each.path, each.value or "", each.message) for each in wave_objections(organization, settings)]
    return (*identity(organization, settings), *_excluded_accounts(organization, settings), *waves)


def preflight(organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
    """All remarks about the organization; reads only what is named and not seen: organizational units without accounts."""
    return (
        *objections(organization, settings),
        *_unlisted(organization),
        *_excluded_units(organization, settings, reader),
        *_scope(organization, settings, scope),
        *_regions(organization, settings),
    )


def _wrong(path: Path, value: str, message: str) -> Remark:
    return Remark(Severity.CONTRADICTED, path, value, message)


def _unchecked(path: Path, value: str, _: str) -> Remark:
    return Remark(Severity.UNCHECKED, path, value, "The organization's accounts are not known here: nothing is planned for this.")


def identity(organization: Organization, settings: Settings) -> tuple[Remark, ...]:
    """Whether it is the organization that settings name, with its two accounts. Pure."""
    wanted, found = settings.organization, list[Remark]()
    if organization.id != wanted.id:
        message = f"The credentials lead into organization {organization.id}. Write that id, or use other credentials."
        found.append(_wrong(("organization", "id"), wanted.id, message))
    if organization.management_account != wanted.management_account:
        message = f"AWS names {organization.management_account} as the management account of {organization.id}. Write that id."
        found.append(_wrong(("organization", "management_account"), wanted.management_account, message))
    path: Path = ("organization", "delegated_account")
    delegated = organization.accounts.get(wanted.delegated_account)
    if delegated is None:
        message = f"This is not an account of organization {organization.id}. Name the security account as Organizations lists it."
        found.append(_wrong(path, wanted.delegated_account, message))
    elif not delegated.active:
        message = f"This account is {delegated.state.value}, and only an active one can administer. Reactivate it, or name another."
        found.append(_wrong(path, wanted.delegated_account, message))
    return tuple(found)


def _unlisted(organization: Organization) -> Iterator[Remark]:
    if not organization.listed:
        message = (
            "Only the management and the delegated account are counted: AWS shows the list of accounts to the management account, "
            "and to another one once it administers a service. Whoever holds the management account's door plans with --door "
            "management; take over from them with --handover."
        )
        yield Remark(Severity.UNCHECKED, ("organization", "id"), organization.id, message)


def _excluded_accounts(organization: Organization, settings: Settings) -> Iterator[Remark]:
    for position, exclusion in enumerate(settings.exclusions):
        if exclusion.account and exclusion.account not in organization.accounts:
            message = f"This is not an account of organization {organization.id}. Correct the id, or remove the exclusion."
            yield _wrong(("exclusions", position, "account"), exclusion.account, message)


def _units(organization: Organization) -> set[str]:
    """Roots and organizational units that have an account somewhere below."""
    return {unit for account in organization.accounts.values() for unit in account.organizational_units}


def _excluded_units(organization: Organization, settings: Settings, reader: Reader) -> Iterator[Remark]:
    """A unit that no account is below may be empty, or not exist."""
    seen, region = _units(organization), sts_region(settings)
    for position, exclusion in enumerate(settings.exclusions):
        unit = exclusion.organizational_unit
        if unit and unit not in seen and (remark := _unit(organization, unit, ("exclusions", position), region, reader)):
            yield remark


def _unit(organization: Organization, unit: str, path: Path, region: str, reader: Reader) -> Remark | None:
    path = (*path, "organizational_unit")
    gone = f"Organization {organization.id} has no such organizational unit or root. Correct the id, or remove the exclusion."
    if unit.startswith("r-"):
        return _wrong(path, unit, gone)
    management = organization.management_account
    try:
        reader.read("organizations", "DescribeOrganizationalUnit", management, region, OrganizationalUnitId=unit)
    except CallFailed as failure:
        if failure.code == "OrganizationalUnitNotFoundException":
            return _wrong(path, unit, gone)
        found = unread(failure)
        return Remark(Severity.UNCHECKED, path, unit, f"No account is below it, and {found.reason}. {found.next_step}")
    return None


def _scope(organization: Organization, settings: Settings, scope: Scope) -> Iterator[Remark]:
    """A part that names nothing there is would be a plan with nothing in it, which looks like nothing to do."""
    units, asked = _units(organization), sorted({region for _, _, region in _asked(settings)})
    said = _wrong if organization.listed else _unchecked
    for position, account in enumerate(scope.accounts):
        if account not in organization.accounts:
            yield said((SCOPE, "accounts", position), account, f"This is not an account of organization {organization.id}.")
    for position, unit in enumerate(scope.organizational_units):
        if unit not in units:
            message = f"No account of organization {organization.id} is below such an organizational unit."
            yield said((SCOPE, "organizational_units", position), unit, message)
    for position, region in enumerate(scope.regions):
        if region not in asked:
            message = f"Settings ask for no service in this Region; they name {', '.join(asked)}.{nearest(region, asked)}"
            yield _wrong((SCOPE, "regions", position), region, message)


def _asked(settings: Settings) -> Iterator[tuple[Path, str, str]]:
    """Where settings ask for a service in a Region: path, service, Region; excluded Regions are left out."""
    out = {
        (service, each.region) for each in settings.exclusions if each.region for service in by_name() if each.leaves_out(service)
    }
    for service, section in settings.sections().items():
        for position, region in enumerate(section.regions):
            if (service, region) not in out:
                yield (by_name()[service].section, "regions", position), service, region


def _regions(organization: Organization, settings: Settings) -> Iterator[Remark]:
    """Regions that are not enabled block their own steps and nothing else, so they are told and do not refuse the plan."""
    both = {"management": organization.management_account, "delegated": organization.delegated_account}
    for kind, account in both.items():
        opted = organization.regions.get(account)
        if isinstance(opted, Unknown):
            where: Path = ("organization", f"{kind}_account")
            yield Remark(Severity.UNCHECKED, where, account, f"Which Regions it has enabled: {opted.reason}. {opted.next_step}")
    for path, service, region in _asked(settings):
        if not by_name()[service].exists_in(region):
            message = f"{not_offered(by_name()[service])}. Nothing is asked or planned there; the rest goes on without it."
            yield Remark(Severity.NOTED, path, region, message)
            continue
        lacking = [f"the {kind} account {account}" for kind, account in both.items() if _closed(organization, account, region)]
        if lacking:
            where_ = " and ".join(lacking)
            message = f"Not enabled in {where_}. Enable it there (minutes to hours), or remove it; the rest goes on without it."
            yield Remark(Severity.BLOCKED, path, region, message)


def _closed(organization: Organization, account: str, region: str) -> bool:
    opted = organization.regions.get(account)
    return isinstance(opted, Known) and opted.value.get(region) not in ENABLED
