"""Reading GuardDuty: administrator lists as the management account, the rest as the delegated account, Regions side by side."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation
from runbook_lib.base.privacy import masked
from runbook_lib.plan import batches
from runbook_lib.services.designation import STEP
from runbook_lib.services.guardduty.spec import DESIGNATION, NAME, SPEC
from runbook_lib.services.guardduty.state import Destination, Detector, Features, OrganizationConfiguration, RegionState, State
from runbook_lib.services.guardduty.texts import spreading
from runbook_lib.services.guardduty.wanted import items_of
from runbook_lib.services.population import Population
from runbook_lib.services.regional import observe_regions
from runbook_lib.services.view import View


def observe(view: View, reader: Reader) -> State:
    """Everything `assess` needs of GuardDuty."""
    return observe_regions(DESIGNATION, view, reader, _region)


def _region(
    population: Population, region: str, administrators: Observation[Mapping[str, str]], acting: bool, reader: Reader
) -> RegionState:
    own: list[Callable[[], Observation[Detector | None]]] = [partial(_own, population.delegated, region, reader)]
    if population.management in population.members.get(region, ()):
        own.append(partial(_own, population.management, region, reader))
    delegated, *others = reader.parallel(own)
    management: Observation[Detector | None] = others[0] if others else Known(None)
    detector = delegated.value if isinstance(delegated, Known) else None
    later = NotYet(STEP)
    if not acting or detector is None:
        absent: Observation[Any] = later if isinstance(delegated, Known) else delegated
        destinations = absent if detector is None else _destinations(population.delegated, region, detector.id, reader)
        return RegionState(administrators, management, delegated, absent, absent, Features(), destinations)
    place = (population.delegated, region, detector.id, reader)
    reads: list[Callable[[], Any]] = [partial(_as_administrator, *place), partial(_destinations, *place)]
    (configuration, members, features), destinations = reader.parallel(reads)
    return RegionState(administrators, management, delegated, configuration, members, features, destinations)


def _own(account: str, region: str, reader: Reader) -> Observation[Detector | None]:
    try:
        return Known(read_detector(account, region, reader))
    except CallFailed as error:
        return unread(error)


_FOUND: WeakKeyDictionary[Reader, dict[tuple[str, str], str]] = WeakKeyDictionary()
"""Reader (one run) → (account, Region) → the detector id that was read last."""


def detector_id(account: str, region: str, reader: Reader) -> str:
    """The id of the account's only detector in the Region; empty when there is none."""
    ids = [one for page in reader.pages(NAME, "ListDetectors", account, region) for one in page.get("DetectorIds") or ()]
    found = str(ids[0]) if ids else ""
    _FOUND.setdefault(reader, {})[account, region] = found
    return found


def detector_found(account: str, region: str, reader: Reader) -> str:
    """The same, as this run has found it already: an id stays as long as the detector."""
    return _FOUND.get(reader, {}).get((account, region)) or detector_id(account, region, reader)


def forget_detectors(reader: Reader) -> None:
    """Something went wrong with an id: read it again next time."""
    _FOUND.pop(reader, None)


def read_detector(account: str, region: str, reader: Reader) -> Detector | None:
    """One account's own detector, or None. Raises CallFailed.

    There is one in an account and Region. What this run found is asked for by its id; where that fails, it is listed anew.
    """
    if known := _FOUND.get(reader, {}).get((account, region)):
        try:
            return _detector(account, region, known, reader)
        except CallFailed:
            _FOUND[reader].pop((account, region), None)
    found = detector_id(account, region, reader)
    return _detector(account, region, found, reader) if found else None


def _detector(account: str, region: str, found: str, reader: Reader) -> Detector:
    answer = reader.read(NAME, "GetDetector", account, region, DetectorId=found)
    listed = answer.get("Features") or ()
    return Detector(
        found,
        answer["Status"] == "ENABLED",
        str(answer.get("FindingPublishingFrequency", "")),
        frozenset(item for item, status in items_of(listed, "Status").items() if status == "ENABLED"),
        frozenset(item for item, owner in items_of(listed, "ManagedBy").items() if owner == "GUARDDUTY_POLICY"),
    )


def _as_administrator(
    delegated: str, region: str, detector: str, reader: Reader
) -> tuple[Observation[OrganizationConfiguration], Observation[Mapping[str, str]], Features]:
    """Organization configuration, members and their features; NotYet where AWS does not let the designated account act yet."""
    configuration: Observation[OrganizationConfiguration]
    try:
        configuration = Known(read_configuration(delegated, region, detector, reader))
    except CallFailed as error:
        configuration = NotYet(STEP) if spreading(error) else unread(error)
    if isinstance(configuration, NotYet):
        return configuration, configuration, Features()
    try:
        members, features = _members_and_features(delegated, region, detector, reader)
    except CallFailed as error:
        return configuration, NotYet(STEP) if spreading(error) else unread(error), Features()
    return configuration, Known(members), features


def _members_and_features(delegated: str, region: str, detector: str, reader: Reader) -> tuple[dict[str, str], Features]:
    """Members page by page, and meanwhile the features of those that are enabled. Raises CallFailed when the list breaks off."""
    members: dict[str, str] = {}
    broken: list[CallFailed] = []
    size = SPEC.batches["GetMemberDetectors"]

    def as_listed() -> Iterator[Callable[[], FeatureBatch]]:
        enabled: list[str] = []
        try:
            for page in _member_pages(delegated, region, detector, reader):
                members.update(page)
                enabled += [account for account, status in page.items() if status == "Enabled"]
                while len(enabled) >= size:
                    yield partial(_feature_batch, delegated, region, detector, tuple(enabled[:size]), reader)
                    del enabled[:size]
        except CallFailed as error:
            broken.append(error)
        else:
            if enabled:
                yield partial(_feature_batch, delegated, region, detector, tuple(enabled), reader)

    read = reader.parallel(as_listed())
    if broken:
        raise broken[0]
    return members, _together(read)


def read_configuration(delegated: str, region: str, detector: str, reader: Reader) -> OrganizationConfiguration:
    """Auto-enable of the organization and of each item, from all pages. Raises CallFailed."""
    first: dict[str, Any] = {}
    items: dict[str, str] = {}
    for page in reader.pages(NAME, "DescribeOrganizationConfiguration", delegated, region, DetectorId=detector):
        first = first or page
        items.update(items_of(page.get("Features") or (), "AutoEnable"))
    auto_enable = str(first.get("AutoEnableOrganizationMembers") or ("NEW" if first.get("AutoEnable") is True else "NONE"))
    return OrganizationConfiguration(auto_enable, items, first.get("MemberAccountLimitReached") is True)


def read_members(delegated: str, region: str, detector: str, reader: Reader) -> dict[str, str]:
    """Account → relationship status, of associated and of former members. Raises CallFailed."""
    pages = _member_pages(delegated, region, detector, reader)
    return {account: status for page in pages for account, status in page.items()}


def read_named(delegated: str, region: str, detector: str, accounts: Iterable[str], reader: Reader) -> dict[str, str]:
    """The same of these accounts alone, in batches side by side; one that GuardDuty does not answer for is left out."""
    cut = batches(accounts, SPEC.batches["GetMembers"])
    asked = [
        partial(reader.read, NAME, "GetMembers", delegated, region, DetectorId=detector, AccountIds=list(each)) for each in cut
    ]
    return {
        member["AccountId"]: str(member["RelationshipStatus"])
        for answer in reader.parallel(asked)
        for member in answer.get("Members") or ()
    }


def _member_pages(delegated: str, region: str, detector: str, reader: Reader) -> Iterator[dict[str, str]]:
    """OnlyAssociated is a string in this API, and its default is documented nowhere: it is always sent."""
    for page in reader.pages(NAME, "ListMembers", delegated, region, DetectorId=detector, OnlyAssociated="false"):
        yield {member["AccountId"]: str(member["RelationshipStatus"]) for member in page.get("Members") or ()}


@dataclass
class FeatureBatch:
    """What one GetMemberDetectors told: who was read, who has an item on, where a policy owns it, whom it failed for."""

    read: set[str] = field(default_factory=set)
    on: dict[str, set[str]] = field(default_factory=dict)
    governed: dict[str, set[str]] = field(default_factory=dict)
    unread: list[tuple[str, str, frozenset[str]]] = field(default_factory=list)


def read_features(delegated: str, region: str, detector: str, accounts: Iterable[str], reader: Reader) -> Features:
    """Existing members' items, in batches; a batch or an account that cannot be read is kept as such."""
    cut = batches(accounts, SPEC.batches["GetMemberDetectors"])
    return _together(_feature_batch(delegated, region, detector, batch, reader) for batch in cut)


def _feature_batch(delegated: str, region: str, detector: str, accounts: tuple[str, ...], reader: Reader) -> FeatureBatch:
    found = FeatureBatch()
    try:
        answer = reader.read(NAME, "GetMemberDetectors", delegated, region, DetectorId=detector, AccountIds=list(accounts))
    except CallFailed as error:
        failed = unread(error)
        found.unread.append((failed.code, failed.reason, frozenset(accounts)))
        return found
    for member in _configurations(answer):
        account, features = member["AccountId"], member.get("Features") or ()
        found.read.add(account)
        for item, status in items_of(features, "Status").items():
            if status == "ENABLED":
                found.on.setdefault(item, set()).add(account)
        for item, owner in items_of(features, "ManagedBy").items():
            if owner == "GUARDDUTY_POLICY":
                found.governed.setdefault(item, set()).add(account)
    found.unread += _left_out(answer, frozenset(accounts) - found.read)
    return found


def _together(found: Iterable[FeatureBatch]) -> Features:
    """All batches as one observation, whatever their order."""
    whole = FeatureBatch()
    for each in found:
        whole.read |= each.read
        whole.unread += each.unread
        for item, accounts in each.on.items():
            whole.on.setdefault(item, set()).update(accounts)
        for item, accounts in each.governed.items():
            whole.governed.setdefault(item, set()).update(accounts)
    ordered = sorted(whole.unread, key=lambda each: (each[0], each[1], sorted(each[2])))
    return Features(frozenset(whole.read), _frozen(whole.on), _frozen(whole.governed), tuple(ordered))


def _configurations(answer: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    listed: Iterable[Mapping[str, Any]] = answer.get("MemberDataSourceConfigurations") or ()
    return listed


def _left_out(answer: Mapping[str, Any], missing: frozenset[str]) -> list[tuple[str, str, frozenset[str]]]:
    """Accounts of a batch that came back unprocessed or not at all."""
    said = {each["AccountId"]: masked(str(each["Result"])) for each in answer.get("UnprocessedAccounts") or ()}
    silent = "GetMemberDetectors did not answer for the account"
    return [("Unprocessed", said.get(account, silent), frozenset({account})) for account in sorted(missing)]


def _frozen(columns: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {item: frozenset(accounts) for item, accounts in sorted(columns.items()) if accounts}


def _destinations(delegated: str, region: str, detector: str, reader: Reader) -> Observation[tuple[Destination, ...]]:
    try:
        return Known(read_destinations(delegated, region, detector, reader))
    except CallFailed as error:
        return unread(error)


def read_destinations(delegated: str, region: str, detector: str, reader: Reader) -> tuple[Destination, ...]:
    """Where the delegated account exports findings to. Raises CallFailed."""
    found = []
    for page in reader.pages(NAME, "ListPublishingDestinations", delegated, region, DetectorId=detector):
        for listed in page.get("Destinations") or ():
            answer = reader.read(
                NAME,
                "DescribePublishingDestination",
                delegated,
                region,
                DetectorId=detector,
                DestinationId=listed["DestinationId"],
            )
            properties = answer.get("DestinationProperties") or {}
            found.append(
                Destination(
                    listed["DestinationId"],
                    str(answer["Status"]),
                    str(properties.get("DestinationArn", "")),
                    str(properties.get("KmsKeyArn", "")),
                )
            )
    return tuple(sorted(found, key=lambda each: each.id))
