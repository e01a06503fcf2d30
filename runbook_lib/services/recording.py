"""Where AWS Config records, told from whatever can be seen: services that evaluate by it do nothing where it does not.

Three doors, the cheap and sure one first. An organization aggregator in the delegated account holds a configuration
item of every recorder, which says whether it records (AWS::Config::ConfigurationRecorder, `configuration.Recording` [code: AWS's
schema of the type]); it is asked once per Region. A recorder's own status is asked for inside the delegated account, and inside
members whose role settings name, where the aggregator does not tell. What neither tells, a service may still show by its own work
(`evaluated`). What nothing tells is unknown, never "not there".
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.services.view import View

CONFIG = "config"
READS = frozenset(
    f"{CONFIG}:{operation}"
    for operation in (
        "DescribeConfigurationAggregatorSourcesStatus",
        "DescribeConfigurationAggregators",
        "DescribeConfigurationRecorderStatus",
        "SelectAggregateResourceConfig",
    )
)
QUERY = (
    "SELECT accountId, awsRegion, configuration.Recording "
    "WHERE resourceType = 'AWS::Config::ConfigurationRecorder' AND awsRegion = '{region}'"
)
"""What the aggregator is asked about one Region."""
RECORDING, NOT_RECORDING, EVALUATED, NOT_READ = "recording", "not recording", "evaluated lately", "not read"
TURN_ON = (
    "Turn on AWS Config recording in the account and Region (it has its own costs), or exclude the account from this aspect with a "
    "reason; this runbook never does it."
)
MAKE_VISIBLE = (
    "Set up an organization aggregator of AWS Config in the delegated account, or name a role under access.members; "
    "then look again."
)
OWNER = "the owner of AWS Config"


class Recorded(NamedTuple):
    """What is known of one account and Region. `records` is None where nothing tells."""

    records: bool | None
    observed: str
    reason: str
    code: str = ""
    next_step: str = ""


@dataclass(frozen=True)
class Aggregator:
    """An aggregator of the whole organization: where it stands, and from which Regions it collects (None: all)."""

    name: str
    region: str
    regions: frozenset[str] | None

    def collects(self, region: str) -> bool:
        return self.regions is None or region in self.regions


Column = Observation[Mapping[str, bool]]
"""Account → whether a recorder of it records, of those that have one."""
WHOLE = ("", "")
"""Region and account of what is said of the organization as a source."""
NO_AGGREGATOR: Known[Aggregator | None] = Known(None)
NOTHING_LATE: Known[Mapping[tuple[str, str], str]] = Known({})


@dataclass(frozen=True)
class Recording:
    """What was read about AWS Config. A Region or account that is missing was not asked about."""

    aggregator: Observation[Aggregator | None] = NO_AGGREGATOR
    recorders: Mapping[str, Column] = field(default_factory=dict)
    """Region → what the aggregator says."""
    late: Observation[Mapping[tuple[str, str], str]] = NOTHING_LATE
    """(Region, account) → AWS's words, where the aggregator's data did not arrive or is not the latest."""
    own: Mapping[str, Mapping[str, Observation[bool]]] = field(default_factory=dict)
    """Region → account → whether a recorder records, read inside the account."""
    evaluated: Mapping[str, Observation[frozenset[str]]] = field(default_factory=dict)
    """Region → accounts that a service evaluated there of late."""

    def told(self, region: str) -> bool:
        """Whether the aggregator tells of every account in a Region."""
        late = self.late.value if isinstance(self.late, Known) else None
        here = isinstance(self.recorders.get(region), Known) and late is not None
        return here and not any(place in ("", region) for place, _ in late or ())

    def of(self, account: str, region: str) -> Recorded:
        """What is known of one account and Region, from the surest that tells."""
        own = self.own.get(region, {}).get(account)
        if isinstance(own, Known):
            return _said(records=own.value, where="in the account")
        aggregated = self._aggregated(account, region)
        if aggregated.records is not None:
            return aggregated
        evaluated = self.evaluated.get(region)
        if isinstance(evaluated, Known) and account in evaluated.value:
            return Recorded(True, EVALUATED, "controls that need AWS Config were evaluated here lately")
        unseen = [each for each in (own, evaluated) if isinstance(each, Unknown)]
        reasons = (aggregated.reason, *(each.reason for each in unseen))
        code = next((each.code for each in unseen), aggregated.code)
        return aggregated._replace(reason="; ".join(dict.fromkeys(reasons)), code=code)

    def _aggregated(self, account: str, region: str) -> Recorded:
        if not isinstance(self.aggregator, Known):
            assert isinstance(self.aggregator, Unknown)
            return _nothing(self.aggregator.code, self.aggregator.reason, self.aggregator.next_step)
        if self.aggregator.value is None:
            reason = "nothing tells whether AWS Config records: the delegated account has no organization aggregator"
            return _nothing("NoAggregator", reason)
        name, column = self.aggregator.value.name, self.recorders.get(region)
        if column is None:
            return _nothing("NotCollected", f"the organization's aggregator {name} collects nothing from {region}")
        for seen in (column, self.late):
            if isinstance(seen, Unknown):
                return _nothing(seen.code, seen.reason, seen.next_step)
        assert isinstance(column, Known)
        assert isinstance(self.late, Known)
        if words := self.late.value.get((region, account)) or self.late.value.get(WHOLE):
            step = f"Find out why its data does not reach aggregator {name}, and whether AWS Config records there; then look again."
            return _nothing(words.split()[0], f"the aggregator's data of the account is not the latest: {words}", step)
        return _said(records=column.value.get(account, False), where="as the organization's aggregator has it")


def _said(*, records: bool, where: str) -> Recorded:
    words = "AWS Config records" if records else "no configuration recorder records"
    return Recorded(records, RECORDING if records else NOT_RECORDING, f"{words}, {where}")


def _nothing(code: str, reason: str, next_step: str = "") -> Recorded:
    return Recorded(None, NOT_READ, reason, code, next_step or MAKE_VISIBLE)


def read_recording(view: View, reader: Reader, regions: Sequence[str]) -> Recording:
    """Ask the aggregator about these Regions, the delegated account for itself, and members where the aggregator does not tell.

    The aggregator is looked for in every Region that settings name, in whatever part is looked at; in the home Region first. Of
    the members it is only told whether they record: a look that decides about a stage asks the delegated account alone.
    """
    delegated = view.delegated
    if not view.reads_told:
        return Recording(own=_recorders(reader, [(delegated, region) for region in regions]))
    named = {region for section in view.settings.sections().values() for region in section.regions}
    order = sorted(named, key=lambda region: (region != view.settings.home_region, region))
    jobs: list[Callable[[], Any]] = [
        partial(_aggregator, reader, delegated, order),
        partial(_recorders, reader, [(delegated, region) for region in regions]),
    ]
    aggregator, own = reader.parallel(jobs)
    found = Recording(aggregator=aggregator, own=own)
    if isinstance(aggregator, Known) and aggregator.value:
        found = _with_aggregated(found, reader, delegated, aggregator.value, regions)
    untold = [region for region in regions if not found.told(region)]
    inside = _recorders(reader, [(account, region) for region in untold for account in _entered(view, reader, found, region)])
    merged = {region: {**own.get(region, {}), **inside.get(region, {})} for region in regions}
    return replace(found, own=merged)


def _entered(view: View, reader: Reader, found: Recording, region: str) -> Iterable[str]:
    """The members of which the aggregator does not tell, and into which settings name a door; the management account has one."""
    members = view.population.members.get(region, frozenset())
    if view.settings.access.members is None:
        members &= {view.management}
    return [account for account in sorted(members) if reader.reaches(account) and found.of(account, region).records is None]


def _with_aggregated(found: Recording, reader: Reader, account: str, aggregator: Aggregator, regions: Sequence[str]) -> Recording:
    asked = [region for region in regions if aggregator.collects(region)]
    jobs: list[Callable[[], Any]] = [partial(_late, reader, account, aggregator)]
    jobs += [partial(_column, reader, account, aggregator, region) for region in asked]
    late, *columns = reader.parallel(jobs)
    return replace(found, recorders=dict(zip(asked, columns, strict=True)), late=late)


def _aggregator(reader: Reader, account: str, regions: Sequence[str]) -> Observation[Aggregator | None]:
    """The first aggregator of the whole organization, Region after Region; one that leaves resource types out is passed over."""
    failed: Unknown | None = None
    for region in regions:
        try:
            pages = list(reader.pages(CONFIG, "DescribeConfigurationAggregators", account, region))
        except CallFailed as error:
            failed = failed or unread(error)
            continue
        for each in (each for page in pages for each in page.get("ConfigurationAggregators") or ()):
            source = each.get("OrganizationAggregationSource")
            if source and not each.get("AggregatorFilters"):
                named = None if source.get("AllAwsRegions") else frozenset(source.get("AwsRegions") or ())
                return Known(Aggregator(each["ConfigurationAggregatorName"], region, named))
    return failed or Known(None)


def _column(reader: Reader, account: str, aggregator: Aggregator, region: str) -> Column:
    parameters = {"ConfigurationAggregatorName": aggregator.name, "Expression": QUERY.format(region=region)}
    found: dict[str, bool] = {}
    try:
        for page in reader.pages(CONFIG, "SelectAggregateResourceConfig", account, aggregator.region, **parameters):
            for row in map(json.loads, page.get("Results") or ()):
                recording = bool((row.get("configuration") or {}).get("Recording"))
                found[row["accountId"]] = found.get(row["accountId"], False) or recording
    except CallFailed as error:
        return unread(error)
    return Known(found)


def _late(reader: Reader, account: str, aggregator: Aggregator) -> Observation[Mapping[tuple[str, str], str]]:
    parameters: dict[str, Any] = {"ConfigurationAggregatorName": aggregator.name, "UpdateStatus": ["FAILED", "OUTDATED"]}
    operation, found = "DescribeConfigurationAggregatorSourcesStatus", dict[tuple[str, str], str]()
    try:
        for page in reader.pages(CONFIG, operation, account, aggregator.region, **parameters):
            for each in page.get("AggregatedSourceStatusList") or ():
                words = (each.get("LastUpdateStatus", ""), each.get("LastErrorCode", ""))
                whole = each.get("SourceType") == "ORGANIZATION"
                place = WHOLE if whole else (each.get("AwsRegion", ""), each.get("SourceId", ""))
                found[place] = " ".join(filter(None, words)) or "no status"
    except CallFailed as error:
        return unread(error)
    return Known(found)


def _recorders(reader: Reader, places: Sequence[tuple[str, str]]) -> dict[str, dict[str, Observation[bool]]]:
    """Region → account → whether a recorder records, each read inside its account."""
    read = reader.parallel([partial(recorder, reader, account, region) for account, region in places])
    found: dict[str, dict[str, Observation[bool]]] = {}
    for (account, region), seen in zip(places, read, strict=True):
        found.setdefault(region, {})[account] = seen
    return found


def recorder(reader: Reader, account: str, region: str) -> Observation[bool]:
    """Whether a configuration recorder of the account records in the Region."""
    try:
        answer = reader.read(CONFIG, "DescribeConfigurationRecorderStatus", account, region)
    except CallFailed as error:
        return unread(error)
    return Known(any(each.get("recording") for each in answer.get("ConfigurationRecordersStatus", ())))
