"""Which accounts and Regions a service is asked about, decided once for all services.

From the organization, the settings (Regions per service, management account in or out, exclusions) and the notebook's scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cell, Cells, Status
from runbook_lib.organization import Account, Organization
from runbook_lib.plan import Scope
from runbook_lib.services.offers import not_offered
from runbook_lib.services.registry import by_name
from runbook_lib.services.spec import ServiceSpec
from runbook_lib.settings import Exclusion, Settings
from runbook_lib.settings.sections.service import ServiceSection

ENABLED = ("ENABLED", "ENABLED_BY_DEFAULT", "DISABLING")


@dataclass(frozen=True)
class Population:
    """Who is asked about in which Region.

    `regions` are asked for; `other_regions` are enabled in some account but not asked for (read and shown, never planned). Regions
    in which AWS does not offer the service are neither: nothing there can be asked.
    `members` are the accounts to be member accounts per Region: active, opted in, not excluded, in scope; never the delegated
    account; the management account where settings include it. `aside` says for all other accounts, per Region, why not.
    """

    management: str
    delegated: str
    regions: tuple[str, ...]
    other_regions: tuple[str, ...]
    members: Mapping[str, frozenset[str]]
    aside: Mapping[str, tuple["Aside", ...]]
    whole: bool
    """False when the notebook's scope names a section: settings that reach beyond it (auto-enable) wait for the whole."""
    excluded: frozenset[str]
    """Accounts excluded anywhere for this service."""

    @property
    def accounts(self) -> frozenset[str]:
        """Every account asked about in any Region, the delegated account included."""
        return frozenset({self.delegated}.union(*self.members.values()))


@dataclass(frozen=True)
class Aside:
    """Accounts that are not asked about in one Region: which status, and why."""

    accounts: frozenset[str]
    status: Status
    reason: str
    code: str = ""
    in_scope: bool = True


def population(organization: Organization, settings: Settings, service: str, scope: Scope = Scope()) -> Population:  # noqa: B008 a frozen value
    """Decide, for one service, every account × Region: member, or aside with a reason.

    The prerequisites are asked for wherever any service is, and leave out what is left out of all services.
    """
    sections = settings.sections()
    section = sections.get(service)
    spec = by_name().get(service)
    enabling = spec is not None
    asked = (section.regions if section else ()) if enabling else {region for each in sections.values() for region in each.regions}
    about = (service,) if enabling else tuple(sections)
    exclusions = [exclusion for exclusion in settings.exclusions if all(map(exclusion.leaves_out, about))]
    return _population(organization, section, spec, frozenset(asked), exclusions, scope)


def everybody(organization: Organization, settings: Settings, service: str, scope: Scope = Scope()) -> Population:  # noqa: B008 a frozen value
    """Every account in every Region that is enabled, whatever settings want of the service: who may be there has to be asked.

    What settings exclude is left out all the same.
    """
    exclusions = [exclusion for exclusion in settings.exclusions if exclusion.leaves_out(service)]
    return _population(organization, None, by_name().get(service), frozenset(organization.enabled_regions), exclusions, scope)


def _population(
    organization: Organization,
    section: ServiceSection | None,
    spec: ServiceSpec | None,
    asked: frozenset[str],
    exclusions: list[Exclusion],
    scope: Scope,
) -> Population:
    out_regions = {exclusion.region: exclusion for exclusion in exclusions if exclusion.region}
    every = sorted(set(asked) | set(organization.enabled_regions))
    there = [region for region in every if spec is None or spec.exists_in(region)]
    regions = tuple(r for r in there if r in asked and r not in out_regions and (not scope.regions or r in scope.regions))
    members: dict[str, frozenset[str]] = {}
    aside: dict[str, tuple[Aside, ...]] = {}
    for region in every:
        inside, outside = set[str](), dict[tuple[Status, str, str, bool], set[str]]()
        for account in organization.accounts.values():
            why = _not_offered(spec, region) or _aside(organization, section, exclusions, scope, account, region)
            if why is None:
                inside.add(account.id)
            else:
                outside.setdefault(why, set()).add(account.id)
        members[region] = frozenset(inside - {organization.delegated_account})
        aside[region] = tuple(
            Aside(frozenset(accounts), status, reason, code, in_scope)
            for (status, reason, code, in_scope), accounts in sorted(outside.items())
        )
    return Population(
        management=organization.management_account,
        delegated=organization.delegated_account,
        regions=regions,
        other_regions=tuple(r for r in there if r not in regions and r in organization.enabled_regions),
        members=members,
        aside=aside,
        whole=scope.whole,
        excluded=frozenset(a.id for a in organization.accounts.values() if _exclusion(exclusions, a)),
    )


def excluded_from(organization: Organization, settings: Settings, service: str, aspect: str, account: str, region: str) -> str:
    """Why settings leave an account out of one aspect of a service in a Region; empty where they do not."""
    listed = organization.accounts.get(account)
    named = [each for each in settings.exclusions if each.leaves_out_of(service, aspect)]
    found = _exclusion(named, listed, region) if named and listed else None
    return _excluded(found) if found else ""


def _excluded(exclusion: Exclusion) -> str:
    return f"excluded until {exclusion.expires}: {exclusion.reason} ({exclusion.owner})"


Why = tuple[Status, str, str, bool]
"""Why an account is not asked about: status, reason, error code, whether in scope."""


def _exclusion(exclusions: list[Exclusion], account: Account, region: str = "") -> Exclusion | None:
    for exclusion in exclusions:
        if exclusion.account == account.id or exclusion.organizational_unit in account.organizational_units:
            return exclusion
        if region and exclusion.region == region:
            return exclusion
    return None


def _aside(
    organization: Organization,
    section: ServiceSection | None,
    exclusions: list[Exclusion],
    scope: Scope,
    account: Account,
    region: str,
) -> Why | None:
    """Why an account is not asked about in a Region; None when it is a member there."""
    return (
        _left_out(organization, section, exclusions, account, region)
        or _not_opted_in(organization, account, region)
        or _beyond_scope(organization, scope, account, region)
    )


def _not_offered(spec: ServiceSpec | None, region: str) -> Why | None:
    return None if spec is None or spec.exists_in(region) else (Status.NOT_APPLICABLE, not_offered(spec), "", True)


def _left_out(
    organization: Organization, section: ServiceSection | None, exclusions: list[Exclusion], account: Account, region: str
) -> Why | None:
    if not account.active:
        return Status.NOT_APPLICABLE, f"the account is {account.state.value}", "", True
    if named := _exclusion(exclusions, account, region):
        return Status.EXCLUDED, _excluded(named), "", True
    if account.id == organization.management_account and section is not None and not section.asks_management:
        return Status.EXCLUDED, "settings leave the management account out of this service", "", True
    return None


def _not_opted_in(organization: Organization, account: Account, region: str) -> Why | None:
    opted = organization.regions.get(account.id)
    if isinstance(opted, Known) and opted.value.get(region) not in ENABLED:
        return Status.NOT_APPLICABLE, "the Region is not enabled in the account", "", True
    if isinstance(opted, Unknown) and not _default_for_members(organization, account, region):
        return Status.UNKNOWN, f"could not read whether the Region is enabled in the account: {opted.reason}", opted.code, True
    return None


def _default_for_members(organization: Organization, account: Account, region: str) -> bool:
    """Whether a member needs no look: a Region that is enabled by default is so in every account (Account Management guide)."""
    own = organization.regions.get(organization.management_account)
    default = isinstance(own, Known) and own.value.get(region) == "ENABLED_BY_DEFAULT"
    return default and account.id not in (organization.management_account, organization.delegated_account)


def _beyond_scope(organization: Organization, scope: Scope, account: Account, region: str) -> Why | None:
    beyond: Why = (Status.GAP, "outside the notebook's scope", "", False)
    if scope.regions and region not in scope.regions:
        return beyond
    if account.id == organization.delegated_account or not (scope.accounts or scope.organizational_units):
        return None
    named = account.id in scope.accounts or set(account.organizational_units).intersection(scope.organizational_units)
    return None if named else beyond


def aside_cells(service: str, aspect: str, population: Population, region: str) -> Cells:
    """The cells of the accounts that are not asked about in a Region, for one aspect."""
    return tuple(
        Cell(service, region, aspect, each.accounts, each.status, each.reason, code=each.code, in_scope=each.in_scope)
        for each in population.aside.get(region, ())
    )
