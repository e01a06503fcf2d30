"""Reading Security Hub: administrator lists and hub as the management account, everything else as the delegated account.

An answer that says "not there yet" (no hub, no administrator, designation still spreading) is told from one that could not be
read. Regions are read side by side.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from runbook_lib.aws.errors import CallFailed, has, unread
from runbook_lib.aws.other_door import elsewhere
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation
from runbook_lib.plan import batches
from runbook_lib.services.designation import STEP, designated, read_administrators
from runbook_lib.services.obstacles import region_bar
from runbook_lib.services.population import Population
from runbook_lib.services.recording import READS as RECORDING
from runbook_lib.services.recording import Recording, read_recording
from runbook_lib.services.registry import specs
from runbook_lib.services.securityhub.lately import evaluated_lately
from runbook_lib.services.securityhub.spec import DESIGNATION, NAME, SPEC
from runbook_lib.services.securityhub.state import (
    HUB_STEP,
    NOT_OBSERVED,
    Aggregator,
    Configuration,
    Standards,
    State,
    item_of_arn,
    standards_in,
)
from runbook_lib.services.spec import ServiceSpec
from runbook_lib.services.view import View
from runbook_lib.settings import Settings

T = TypeVar("T")
READING = frozenset(
    {
        "DescribeHub",
        "DescribeOrganizationConfiguration",
        "ListMembers",
        "GetMembers",
        "GetEnabledStandards",
        "DescribeStandards",
        "ListFindingAggregators",
        "GetFindingAggregator",
        "GetFindings",
        "ListEnabledProductsForImport",
        *RECORDING,
    }
)


def not_there(error: CallFailed) -> bool:
    """Whether AWS says that the hub is off, or that the account is no administrator (yet)."""
    return error.code in ("InvalidAccessException", "ResourceNotFoundException") and has(
        error, "not subscribed", "not an administrator"
    )


def observed(read: Callable[[], T]) -> Observation[T]:
    """The value of a read; NotYet where the hub or the designation is missing."""
    try:
        return Known(read())
    except CallFailed as error:
        if not_there(error):
            return NotYet(HUB_STEP if has(error, "not subscribed") else STEP)
        return unread(error)


def hub(reader: Reader, account: str, region: str) -> bool:
    """Whether Security Hub is on in an account and Region. Raises CallFailed where that cannot be read."""
    try:
        reader.read(NAME, "DescribeHub", account, region)
    except CallFailed as error:
        if not_there(error):
            return False
        raise
    return True


def configuration(reader: Reader, account: str, region: str) -> Configuration:
    """The organization configuration, read as the administrator."""
    answer = reader.read(NAME, "DescribeOrganizationConfiguration", account, region)
    central = answer.get("OrganizationConfiguration") or {}
    return Configuration(
        bool(answer.get("AutoEnable", False)),
        answer.get("AutoEnableStandards", "DEFAULT"),
        bool(answer.get("MemberAccountLimitReached", False)),
        central.get("ConfigurationType", "LOCAL"),
        central.get("Status", "ENABLED"),
    )


def members(reader: Reader, account: str, region: str) -> dict[str, str]:
    """Every account that the administrator lists, in whatever status."""
    pages = reader.pages(NAME, "ListMembers", account, region, OnlyAssociated=False)
    return {each["AccountId"]: each.get("MemberStatus", "") for page in pages for each in page.get("Members") or ()}


def named_members(reader: Reader, account: str, region: str, named: Iterable[str]) -> dict[str, str]:
    """The same of these accounts alone, in batches side by side; one that Security Hub does not answer for is left out."""
    cut = batches(named, SPEC.batches["GetMembers"])
    answers = reader.parallel([partial(reader.read, NAME, "GetMembers", account, region, AccountIds=list(each)) for each in cut])
    return {each["AccountId"]: each.get("MemberStatus", "") for answer in answers for each in answer.get("Members") or ()}


def standards(reader: Reader, account: str, region: str) -> Standards:
    """The standards enabled in one account."""
    pages = reader.pages(NAME, "GetEnabledStandards", account, region)
    return standards_in(each for page in pages for each in page.get("StandardsSubscriptions") or ())


def products(reader: Reader, account: str, region: str) -> frozenset[str]:
    """The products whose findings the account's hub takes in: what its subscriptions' ARNs end with [model]."""
    pages = reader.pages(NAME, "ListEnabledProductsForImport", account, region)
    arns = (arn for page in pages for arn in page.get("ProductSubscriptions") or ())
    return frozenset(arn.partition(":product-subscription/")[2] for arn in arns)


def offered(reader: Reader, account: str, region: str) -> dict[str, bool]:
    """The standards that AWS offers in the Region, and whether it switches them on by default."""
    pages = reader.pages(NAME, "DescribeStandards", account, region)
    return {
        item_of_arn(each["StandardsArn"]): bool(each.get("EnabledByDefault", False))
        for page in pages
        for each in page.get("Standards") or ()
    }


def read_aggregator(reader: Reader, account: str, region: str) -> Aggregator | None:
    """The account's finding aggregator, listed in any Region and read in its own home Region; None: there is none."""
    pages = reader.pages(NAME, "ListFindingAggregators", account, region)
    arns = [each["FindingAggregatorArn"] for page in pages for each in page.get("FindingAggregators") or ()]
    if not arns:
        return None
    home = Aggregator(arns[0], "", frozenset()).home
    answer = reader.read(NAME, "GetFindingAggregator", account, home, FindingAggregatorArn=arns[0])
    return Aggregator(arns[0], answer.get("RegionLinkingMode", ""), frozenset(answer.get("Regions") or ()))


def observe(view: View, reader: Reader) -> State:
    """Read everything that `assess` needs; nothing where the Region is known to be closed to one of the two accounts."""
    organization, settings, population = view.organization, view.settings, view.population
    administrators = read_administrators(DESIGNATION, organization, (*population.regions, *population.other_regions), reader)
    open_regions = [region for region in population.regions if region_bar(view, region) is None]
    others = [region for region in population.other_regions if designated(administrators, region, population.delegated)]
    jobs: list[Callable[[], Any]] = [
        partial(_delegated, reader, population.delegated, r, r in open_regions, _unlisted(administrators[r], population.delegated))
        for r in open_regions + others
    ]
    jobs += [
        partial(_management_hubs, population, reader, open_regions),
        partial(_member_standards, settings, population, reader, open_regions),
        partial(_aggregator, settings, population, reader, open_regions),
        partial(_recording, view, reader, open_regions),
    ]
    *columns_read, management_hubs, of_members, aggregator, recorded = reader.parallel(jobs)
    read = dict(zip(open_regions + others, columns_read, strict=True))
    own = {region: {population.delegated: columns["standards"]} for region, columns in read.items() if "standards" in columns}
    return State(
        administrators=administrators,
        delegated_hubs=_column(read, "hub"),
        management_hubs=management_hubs,
        configurations=_column(read, "configuration"),
        members=_column(read, "members"),
        offered=_column(read, "offered"),
        standards={region: {**own[region], **of_members.get(region, {})} for region in own},
        aggregator=aggregator,
        products=_products(view, reader, read, management_hubs),
        recording=_evaluated(recorded, view, reader, read),
    )


def foundation(view: View, reader: Reader) -> State:
    """What later phases build on: whether the administrator can act; where it cannot, whether its own hub is on.

    Where its door is somebody else's, whether it is designated at all.
    """
    regions, account = view.population.regions, view.delegated
    read = reader.parallel([partial(observed, partial(configuration, reader, account, region)) for region in regions])
    usable = dict(zip(regions, read, strict=True))
    lacking = [region for region in regions if not isinstance(usable[region], Known)]
    hubs = reader.parallel([partial(observed, partial(hub, reader, account, region)) for region in lacking])
    untold = [region for region in lacking if elsewhere(usable[region])]
    return State(
        administrators=read_administrators(DESIGNATION, view.organization, untold, reader) if untold else {},
        delegated_hubs=dict(zip(lacking, hubs, strict=True)),
        configurations=usable,
    )


def _column(read: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    return {region: columns[name] for region, columns in sorted(read.items()) if name in columns}


def _unlisted(listed: Observation[Mapping[str, str]], account: str) -> bool:
    """Whether the administrator list was read, and the account is not in it."""
    return isinstance(listed, Known) and account not in listed.value


def _delegated(reader: Reader, account: str, region: str, whole: bool, no_administrator: bool) -> dict[str, Observation[Any]]:
    """One Region as the delegated account; without `whole` only what shows who is a member.

    Where its hub is off, or it is no administrator, AWS refuses what needs that, so it is not asked.
    """
    own = observed(partial(hub, reader, account, region))
    reads: dict[str, Callable[[], Observation[Any]]] = {"members": partial(_members, reader, account, region, own)}
    if whole:
        reads["configuration"] = partial(observed, partial(configuration, reader, account, region))
        reads["standards"] = partial(observed, partial(standards, reader, account, region))
        reads["offered"] = partial(observed, partial(offered, reader, account, region))
    later: dict[str, Observation[Any]] = {}
    if own == Known(False):
        later = dict.fromkeys(reads.keys() - {"offered"}, NotYet(HUB_STEP))
    elif no_administrator:
        later = dict.fromkeys(reads.keys() & {"members", "configuration"}, NotYet(STEP))
    asked = [name for name in reads if name not in later]
    return {"hub": own, **later, **dict(zip(asked, reader.parallel([reads[name] for name in asked]), strict=True))}


def _members(reader: Reader, account: str, region: str, own_hub: Observation[bool]) -> Observation[dict[str, str]]:
    """ListMembers without a hub answers BadRequest "no such resource found" or InternalException [seen]: then it is NotYet."""
    try:
        return Known(members(reader, account, region))
    except CallFailed as error:
        quirk = error.code == "InternalException" or (error.code == "BadRequestException" and has(error, "no such resource found"))
        if not_there(error) or (quirk and own_hub == Known(False)):
            return NOT_OBSERVED
        return unread(error)


def _management_hubs(population: Population, reader: Reader, regions: list[str]) -> dict[str, Observation[bool]]:
    included = [region for region in regions if population.management in population.members[region]]
    hubs = reader.parallel([partial(observed, partial(hub, reader, population.management, region)) for region in included])
    return dict(zip(included, hubs, strict=True))


def _member_standards(
    settings: Settings, population: Population, reader: Reader, regions: list[str]
) -> dict[str, dict[str, Observation[Standards]]]:
    """Standards of members are readable only from inside each account, so only where settings manage them and name a role."""
    part = settings.security_hub
    if part is None or part.existing_account_standards is None or settings.access.members is None:
        return {}
    places = [(region, account) for region in regions for account in sorted(population.members[region]) if reader.reaches(account)]
    read = reader.parallel([partial(observed, partial(standards, reader, account, region)) for region, account in places])
    found: dict[str, dict[str, Observation[Standards]]] = {}
    for (region, account), standing in zip(places, read, strict=True):
        found.setdefault(region, {})[account] = standing
    return found


def _recording(view: View, reader: Reader, regions: list[str]) -> Recording:
    """Where AWS Config records; nobody is asked where settings want no standard, and nothing is planned for it."""
    part = view.settings.security_hub
    if part is None or not part.evaluates or not regions or not view.reads_told:
        return Recording()
    return read_recording(view, reader, regions)


def _products(
    view: View, reader: Reader, read: Mapping[str, Mapping[str, Any]], management: Mapping[str, Observation[bool]]
) -> dict[str, dict[str, Observation[frozenset[str]]]]:
    """Whose findings are taken in by each hub that is on and into whose account there is a door; nothing is planned for it."""
    places: list[tuple[str, str]] = []
    for region, columns in sorted(read.items()) if view.reads_told else ():
        if region not in view.population.regions or not senders(view.settings, region):
            continue
        if columns["hub"] == Known(value=True):
            places.append((region, view.delegated))
        if management.get(region) == Known(value=True):
            places.append((region, view.management))
        if view.settings.access.members is not None and isinstance(listed := columns["members"], Known):
            inside = view.population.members[region] - {view.management}
            on = (account for account in sorted(inside) if listed.value.get(account) == "Enabled")
            places += [(region, account) for account in on if reader.reaches(account)]
    seen = reader.parallel([partial(observed, partial(products, reader, account, region)) for region, account in places])
    found: dict[str, dict[str, Observation[frozenset[str]]]] = {}
    for (region, account), each in zip(places, seen, strict=True):
        found.setdefault(region, {})[account] = each
    return found


def senders(settings: Settings, region: str) -> list[ServiceSpec]:
    """The services that settings turn on in a Region, and whose findings Security Hub takes in there."""
    sections = settings.sections()
    return [spec for spec in specs() if spec.product and spec.name in sections and region in sections[spec.name].regions]


def _evaluated(found: Recording, view: View, reader: Reader, read: Mapping[str, Mapping[str, Any]]) -> Recording:
    """The same, with what findings show of Regions of which the aggregator does not tell everything."""
    part = view.settings.security_hub
    asked = [region for region in found.own if not found.told(region) and read[region]["hub"] == Known(value=True)]
    if part is None or not asked:
        return found
    places = {part.home_region: asked} if part.home_region else {region: [region] for region in asked}
    shown = reader.parallel([partial(evaluated_lately, reader, view.delegated, at, regions) for at, regions in places.items()])
    return replace(found, evaluated={region: seen for each in shown for region, seen in each.items()})


def _aggregator(settings: Settings, population: Population, reader: Reader, regions: list[str]) -> Observation[Aggregator | None]:
    part = settings.security_hub
    home = part.aggregation.home_region if part and part.aggregation else ""
    at = home if home in regions else next(iter(regions), "")
    return observed(partial(read_aggregator, reader, population.delegated, at)) if at else NOT_OBSERVED
