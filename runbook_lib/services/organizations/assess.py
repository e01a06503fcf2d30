"""The prerequisites as one table: pass, fail or unknown, each with the next step. Pure."""

from collections.abc import Iterator

from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.organization import ALL_FEATURES, Organization
from runbook_lib.services.obstacles import ENABLE_ALL_FEATURES, MANAGEMENT_OWNER
from runbook_lib.services.offers import not_offered, offered
from runbook_lib.services.organizations.observe import State, managed
from runbook_lib.services.population import ENABLED
from runbook_lib.services.recording import OWNER, TURN_ON, Recorded
from runbook_lib.services.registry import by_name
from runbook_lib.services.spec import EVALUATING, GLOBAL
from runbook_lib.services.view import view_of
from runbook_lib.settings import Settings

CONTROLS = "the owner of Organizations policies"
CONFIG_RECORDS = "AWS Config records"
MEMBERS = "members"
"""Item of the cells about AWS Config in the accounts besides the delegated one: told, and in the way of nothing."""


def principals(settings: Settings) -> tuple[str, ...]:
    """Service principals that need trusted access, in the order in which they are turned on."""
    return tuple(principal for service in managed(settings) for principal in by_name()[service].principals)


def assess(state: State, organization: Organization, settings: Settings) -> Cells:
    """Every prerequisite, once."""
    return (
        *_organization(organization),
        *trusted_access(organization, settings),
        *_administrators(state, organization),
        *_regions(organization, settings),
        *_usable(state, organization),
        *_in_charge(state, organization),
        *_offers(organization, settings),
        *_roles(state),
        *_recorders(state, organization, settings),
        *_elsewhere_recorded(state, organization, settings),
    )


def _cell(aspect: str, account: str, status: Status, reason: str, **more: object) -> Cell:
    region = str(more.pop("region", GLOBAL))
    return Cell("organizations", region, aspect, frozenset({account}), status, reason, **more)  # type: ignore[arg-type] # names above


def _organization(organization: Organization) -> Iterator[Cell]:
    management = organization.management_account
    for account, arn in sorted(organization.callers.items()):
        yield _cell("caller", account, Status.COVERED, f"acting as {arn}", observed=arn)
    if organization.feature_set == ALL_FEATURES:
        yield _cell("all features", management, Status.COVERED, "the organization has all features enabled")
    else:
        reason = f"the organization's feature set is {organization.feature_set}"
        yield _blocked("all features", management, reason, ENABLE_ALL_FEATURES, MANAGEMENT_OWNER)


def _blocked(aspect: str, account: str, reason: str, next_step: str, who: str, region: str = GLOBAL, item: str = "") -> Cell:
    status = Status.GAP
    return _cell(aspect, account, status, reason, gap=Gap.BLOCKED, next_step=next_step, who=who, region=region, item=item)


def _unread(aspect: str, account: str, observation: Unknown | NotYet, region: str = GLOBAL, item: str = "") -> Cell:
    code, reason, step = (
        (observation.code, observation.reason, observation.next_step)
        if isinstance(observation, Unknown)
        else ("NotYet", f"can be read after: {observation.step}", "")
    )
    who = "whoever grants the runbook's roles their permissions"
    return _cell(aspect, account, Status.UNKNOWN, reason, code=code, next_step=step, who=who, region=region, item=item)


def trusted_access(organization: Organization, settings: Settings) -> Iterator[Cell]:
    for principal in principals(settings):
        account, trusted = organization.management_account, organization.trusted_access
        if not isinstance(trusted, Known):
            yield _unread("trusted access", account, trusted, item=principal)
        elif principal in trusted.value:
            yield _cell("trusted access", account, Status.COVERED, "trusted access is on", item=principal, observed="on")
        elif organization.feature_set != ALL_FEATURES:
            reason = f"Organizations trusts no service while its feature set is {organization.feature_set}"
            yield _blocked("trusted access", account, reason, ENABLE_ALL_FEATURES, MANAGEMENT_OWNER, item=principal)
        else:
            yield _cell(
                "trusted access",
                account,
                Status.GAP,
                "trusted access is off",
                item=principal,
                gap=Gap.TO_DO,
                observed="off",
                desired="on",
                next_step="apply this plan",
            )


def _administrators(state: State, organization: Organization) -> Iterator[Cell]:
    """Nobody else may be delegated: neither in Organizations, nor in any service in any Region."""
    us = organization.delegated_account
    registered: list[tuple[str, str, Observation[frozenset[str]]]] = [
        (GLOBAL, principal, found) for principal, found in sorted(organization.delegated_administrators.items())
    ]
    listed = [(region, by_name()[service].title, found) for (service, region), found in sorted(state.administrators.items())]
    for region, item, found in registered + listed:
        where = "registered in Organizations" if region == GLOBAL else f"administrator in {region}"
        if not isinstance(found, Known):
            yield _unread("nobody else delegated", us, found, region, item)
        elif others := sorted(found.value - {us}):
            reason = f"another account is {where} for {item}: {', '.join(others)}"
            step = "have that delegation removed by its owner (a change of its own: it unlinks all members), or name it in settings"
            yield _blocked("nobody else delegated", us, reason, step, f"the owner of account {others[0]}", region, item)
        else:
            reason = f"{us} is {where} already" if us in found.value else f"no account is {where}"
            yield _cell("nobody else delegated", us, Status.COVERED, reason, region=region, item=item)


def _regions(organization: Organization, settings: Settings) -> Iterator[Cell]:
    for region in sorted({region for regions in managed(settings).values() for region in regions}):
        for account in (organization.management_account, organization.delegated_account):
            opted = organization.regions.get(account, Unknown("NotRead", "the account's Regions were not read"))
            if not isinstance(opted, Known):
                yield _unread("Region enabled", account, opted, region)
            elif opted.value.get(region) in ENABLED:
                yield _cell("Region enabled", account, Status.COVERED, f"{region} is {opted.value[region]}", region=region)
            else:
                reason = f"{region} is {opted.value.get(region, 'unknown to the account')} in account {account}"
                step = f"enable {region} in account {account} (it takes minutes to hours), or take it out of settings"
                yield _blocked("Region enabled", account, reason, step, f"the administrator of account {account}", region)


def _usable(state: State, organization: Organization) -> Iterator[Cell]:
    us = organization.delegated_account
    for (service, region), found in sorted(state.usable.items()):
        item = by_name()[service].title
        if isinstance(found, Known):
            yield _cell("delegated account may read", us, Status.COVERED, f"{item} answers", region=region, item=item)
        else:
            # The management account is exempt from SCPs and could designate where the administrator may do nothing.
            yield _unread("delegated account may read", us, found, region, item)


def _in_charge(state: State, organization: Organization) -> Iterator[Cell]:
    us = organization.delegated_account
    for (service, region), found in sorted(state.central.items()):
        spec = by_name()[service]
        if not isinstance(found, Known):
            yield _unread("central configuration", us, found, region)
        elif found.value.startswith("CENTRAL") or found.value.endswith("DISABLED"):
            reason = f"{spec.title} is configured elsewhere here ({found.value}): what this runbook sets would be refused"
            step = f"keep central configuration (and leave {spec.section} out of settings), or go back to local configuration first"
            yield _blocked("central configuration", us, reason, step, CONTROLS, region)
        else:
            yield _cell("central configuration", us, Status.COVERED, f"configuration is {found.value}", region=region)
    for service, policies in sorted(state.policies.items()):
        item = by_name()[service].title
        if not isinstance(policies, Known):
            yield _unread("Organizations policy", organization.management_account, policies, item=item)
        elif policies.value:
            reason = f"{policies.value} Organizations policies of {item} exist: where attached they override what is set here"
            step = f"leave {item} to the policy (take it out of settings), or detach the policy"
            yield _blocked("Organizations policy", organization.management_account, reason, step, CONTROLS, item=item)
        else:
            reason = f"no Organizations policy governs {item}"
            yield _cell("Organizations policy", organization.management_account, Status.COVERED, reason, item=item)


def _offers(organization: Organization, settings: Settings) -> Iterator[Cell]:
    """Which services, wanted features and scan types each Region has; what it lacks is left out there, and that is no failure."""
    us = organization.delegated_account
    for service, section in settings.sections().items():
        spec, features = by_name()[service], sorted(section.wanted_features)
        for region in sorted(section.regions):
            place = {"region": region, "item": spec.title}
            if not spec.exists_in(region):
                yield _cell("offered in the Region", us, Status.NOT_APPLICABLE, not_offered(spec), **place)
            elif not features:
                continue
            elif lacking := [feature for feature in features if not offered(service, feature, region)]:
                reason = f"the Region does not offer {', '.join(lacking)}; there it is left out and shown as not applicable"
                yield _cell("offered in the Region", us, Status.NOT_APPLICABLE, reason, **place)
            else:
                yield _cell("offered in the Region", us, Status.COVERED, f"offers {', '.join(features)}", **place)


def _roles(state: State) -> Iterator[Cell]:
    for (account, role), found in sorted(state.roles.items()):
        if not isinstance(found, Known):
            yield _unread("service-linked role", account, found, item=role)
        elif found.value:
            yield _cell("service-linked role", account, Status.COVERED, "the role exists", item=role)
        else:
            reason = "AWS makes it when the service is first enabled; the role used there needs iam:CreateServiceLinkedRole"
            yield _cell("service-linked role", account, Status.NOT_APPLICABLE, reason, item=role)


def _recorders(state: State, organization: Organization, settings: Settings) -> Iterator[Cell]:
    us = organization.delegated_account
    wanted = any(section.needs_config for section in settings.sections().values())
    for region, found in sorted(state.recorders.items()):
        if not wanted:
            yield _cell(CONFIG_RECORDS, us, Status.NOT_APPLICABLE, "settings ask for no standard", region=region)
        elif not isinstance(found, Known):
            yield _unread(CONFIG_RECORDS, us, found, region)
        elif found.value:
            yield _cell(CONFIG_RECORDS, us, Status.COVERED, "a configuration recorder is recording", region=region)
        else:
            reason = "no configuration recorder records here: standards would be on and evaluate nothing"
            step = "turn on AWS Config recording in this Region first (it has its own costs), or ask for no standards"
            yield _blocked(CONFIG_RECORDS, us, reason, step, "the owner of AWS Config", region)


def _elsewhere_recorded(state: State, organization: Organization, settings: Settings) -> Iterator[Cell]:
    """AWS Config where the accounts are: each member of a service that evaluates by it."""
    for name, section in settings.sections().items():
        if not (by_name()[name].evaluates_by_config and section.needs_config):
            continue
        view = view_of(organization, settings, name)
        for region in view.population.regions:
            verdicts: dict[tuple[Status, Recorded], set[str]] = {}
            for account in view.population.members[region]:
                recorded = state.recording.of(account, region)
                if why := view.excluded_from(name, EVALUATING, account, region):
                    verdicts.setdefault((Status.EXCLUDED, recorded._replace(reason=why)), set()).add(account)
                else:
                    verdicts.setdefault((_RECORDED[recorded.records], recorded), set()).add(account)
            for (status, recorded), accounts in sorted(verdicts.items(), key=lambda each: (each[0][0], each[0][1].reason)):
                yield _recorded(status, recorded, frozenset(accounts), region)


_RECORDED = {True: Status.COVERED, False: Status.GAP, None: Status.UNKNOWN}


def _recorded(status: Status, recorded: Recorded, accounts: frozenset[str], region: str) -> Cell:
    gap = Gap.NOT_EVALUATING if status is Status.GAP else None
    step = {Status.GAP: TURN_ON, Status.UNKNOWN: recorded.next_step}.get(status, "")
    return Cell(
        "organizations", region, CONFIG_RECORDS, accounts, status, recorded.reason, MEMBERS, gap, recorded.observed,
        "recording" if gap else "", recorded.code if status is Status.UNKNOWN else "", step, OWNER if step else "",
    )  # fmt: skip
