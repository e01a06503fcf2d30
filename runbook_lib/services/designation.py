"""The delegated administrator of one service, for every service alike: who is it, what stands in the way, which calls make it so.

Two things are needed. Organizations registers the account once (RegisterDelegatedAdministrator), and the service designates it in
each Region (Enable…AdminAccount); the account must be the same in all Regions of a service, and no call replaces another one in
place. Everything else a service plans in a Region waits for this.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown, when_known
from runbook_lib.coverage import Cells, Gap
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, BackOut, Condition, Wait
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_error, outcomes, text
from runbook_lib.services.population import Population
from runbook_lib.services.spec import Designation

LANE = "designation"
REGISTER = "RegisterDelegatedAdministrator"
ASPECT = "administrator"
USABLE = Condition("administrator usable", ASPECT)
STEP = "the delegated administrator has been designated and AWS lets it act"


Administrators = Mapping[str, Observation[Mapping[str, str]]]
"""Region → (account id → status, in AWS's words) as the service lists it for the management account."""


def read_administrators(spec: Designation, organization: Organization, regions: Iterable[str], reader: Reader) -> Administrators:
    """The service's own administrator list of every Region, read as the management account, Regions side by side."""
    ordered = sorted(set(regions))
    if not spec.list_operation:
        return dict.fromkeys(ordered, when_known(registered(spec, organization), lambda ids: dict.fromkeys(sorted(ids), "ENABLED")))

    def one(region: str) -> Observation[Mapping[str, str]]:
        try:
            return Known(listed(spec, organization.management_account, region, reader))
        except CallFailed as error:
            return unread(error)

    return dict(zip(ordered, reader.parallel([partial(one, region) for region in ordered]), strict=True))


def listed(spec: Designation, management: str, region: str, reader: Reader) -> dict[str, str]:
    """Account → status, as the service lists its administrators in one Region. Raises CallFailed."""
    pages = reader.pages(spec.service, spec.list_operation, management, region)
    entries = [entry for page in pages for entry in page.get(spec.list_key) or ()]
    return {entry[spec.account_field]: text(entry.get(spec.status_field)) if spec.status_field else "ENABLED" for entry in entries}


def designated(administrators: Administrators, region: str, account: str) -> bool:
    """Whether the service lists this account, alone and enabled, as its administrator in the Region."""
    seen = administrators.get(region)
    return isinstance(seen, Known) and set(seen.value) == {account} and seen.value[account].upper() == "ENABLED"


def registered(spec: Designation, organization: Organization) -> Observation[frozenset[str]]:
    """The accounts that Organizations lists as delegated administrators of the service's principal."""
    missing = Unknown("NotRead", f"the delegated administrators of {spec.principal} in Organizations were not read")
    return organization.delegated_administrators.get(spec.principal, missing)


def as_seen(found: Observation[Mapping[str, str]] | None) -> str:
    """An administrator list as tables and steps show it."""
    if not isinstance(found, Known):
        return "not read"
    return ", ".join(f"{account} {status}" for account, status in sorted(found.value.items())) or "none"


def designation_steps(
    spec: Designation, cells: Cells, population: Population, prepared: Mapping[str, tuple[str, ...]]
) -> tuple[list[Action], dict[str, Wait]]:
    """The designating Actions, and per Region the Wait that every later step of the delegated account has in its `after`.

    `cells` may be all cells of the service. `prepared` holds, per Region, the ids of the steps that have to come before the
    designation (the delegated account's own hub or detector).
    """
    mine = [cell for cell in cells if cell.aspect == ASPECT and cell.in_scope]
    actions = [_register(spec, population) for cell in mine if cell.item == "organizations" and cell.gap is Gap.TO_DO]
    first = tuple(action.id for action in actions)
    waits = {}
    for cell in sorted((each for each in mine if each.item == "service"), key=lambda each: each.region):
        before = tuple(prepared.get(cell.region, ()))
        if cell.gap is Gap.TO_DO:
            enabling = [_enable(spec, population, cell.region, first + before)] if spec.enable_operation else []
            actions += enabling
            after = tuple(each.id for each in enabling) or first + before
            waits[cell.region] = _usable(spec, population, cell.region, after)
        elif cell.gap is Gap.IN_PROGRESS:
            waits[cell.region] = _usable(spec, population, cell.region, before)
    return actions, waits


def _register(spec: Designation, population: Population) -> Action:
    parameters = {"AccountId": population.delegated, "ServicePrincipal": spec.principal}
    return Action(
        "organizations",
        REGISTER,
        population.management,
        population.regions[0],
        parameters,
        f"Organizations has to know {population.delegated} as the delegated administrator of {spec.title}",
        frozenset({population.delegated}),
        "not registered",
        "registered in Organizations",
        BackOut(spec.deregistering, "DeregisterDelegatedAdministrator", parameters),
        "management",
        lane=LANE,
    )


def _enable(spec: Designation, population: Population, region: str, after: tuple[str, ...]) -> Action:
    parameters = {spec.enable_parameter: population.delegated} if spec.enable_parameter else {}
    return Action(
        spec.service,
        spec.enable_operation,
        population.management,
        region,
        parameters,
        f"{spec.title} has no administrator in {region}",
        frozenset({population.delegated}),
        "no administrator",
        f"{population.delegated} administers {spec.title}",
        BackOut(spec.disabling, spec.disable_operation, parameters),
        "management",
        after=after,
        lane=LANE,
        inside_accounts=spec.inside_accounts,
    )


def _usable(spec: Designation, population: Population, region: str, after: tuple[str, ...]) -> Wait:
    return Wait(
        spec.service,
        spec.usable_operation,
        population.delegated,
        region,
        USABLE,
        f"AWS lets {population.delegated} act as {spec.title} administrator in {region}",
        300,
        "delegated",
        after=after,
    )


def judge_registration(action: Action, answer: Mapping[str, object] | CallFailed) -> list[Outcome]:
    """RegisterDelegatedAdministrator: "already registered" does not say which account, so it is confirmed by a read."""
    if isinstance(answer, CallFailed):
        return judge_error(action, answer, confirm={"AccountAlreadyRegisteredException"})
    return outcomes(action, Verdict.APPLIED)


def check_designation(spec: Designation, action: Action, reader: Reader) -> Progress:
    """How far RegisterDelegatedAdministrator or the service's Enable…AdminAccount has come."""
    if action.operation == REGISTER:
        pages = reader.pages(
            "organizations", "ListDelegatedAdministrators", action.account, action.region, ServicePrincipal=spec.principal
        )
        found = {each["Id"]: "ENABLED" for page in pages for each in page.get("DelegatedAdministrators") or ()}
    else:
        found = listed(spec, action.account, action.region, reader)
    named = spec.enable_parameter if action.operation == spec.enable_operation else "AccountId"
    account = action.parameters[named] if named else next(iter(action.affects))
    others = sorted(set(found) - {account})
    seen = as_seen(Known(found))
    if others:
        return Progress(frozenset(), {"": f"another account is the administrator: {', '.join(others)}"}, seen)
    return Progress(frozenset({""}) if found.get(account, "").upper() == "ENABLED" else frozenset(), {}, seen)


def check_usable(read: Callable[[], object], spreading: Callable[[CallFailed], bool]) -> Progress:
    """Whether the delegated account can act: `read` succeeds; `spreading` tells the refusals that AWS answers until it can."""
    try:
        read()
    except CallFailed as error:
        if spreading(error):
            return Progress(frozenset(), {}, error.message)
        raise
    return Progress(frozenset({""}), {}, "the administrator can act")
