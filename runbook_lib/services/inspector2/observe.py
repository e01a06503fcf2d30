"""Reading Inspector: administrator lists as the management account, the rest as the delegated account, Regions side by side."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.base.privacy import masked
from runbook_lib.plan import batches
from runbook_lib.services.designation import STEP
from runbook_lib.services.inspector2 import policies
from runbook_lib.services.inspector2.spec import DESIGNATION, NAME, SPEC
from runbook_lib.services.inspector2.state import (
    SCAN_TYPES,
    SETTLING,
    Configuration,
    OrganizationConfiguration,
    RegionState,
    Scans,
    State,
)
from runbook_lib.services.inspector2.texts import POLICY, no_access_yet
from runbook_lib.services.population import Population
from runbook_lib.services.regional import observe_regions
from runbook_lib.services.view import View
from runbook_lib.settings.sections.inspector2 import InspectorSection

T = TypeVar("T")


def observe(view: View, reader: Reader) -> State:
    """Everything `assess` needs of Inspector."""
    section = view.settings.sections().get(NAME)
    asked = isinstance(section, InspectorSection) and section.existing_accounts
    jobs: list[Callable[[], Any]] = [partial(observe_regions, DESIGNATION, view, reader, _region)]
    jobs += [partial(policies.read, view, reader)] if asked and view.population.regions else []
    state, *read = reader.parallel(jobs)
    regions = {region: replace(seen, policies=read[0]) for region, seen in state.regions.items()} if read else state.regions
    return State(regions, state.others)


def _region(
    population: Population, region: str, administrators: Observation[Mapping[str, str]], acting: bool, reader: Reader
) -> RegionState:
    delegated = population.delegated
    first: list[Callable[[], Any]] = [partial(_own, delegated, region, reader)]
    if acting:
        first.append(partial(_try, partial(read_organization, delegated, region, reader)))
    own, *acted = reader.parallel(first)
    organization: Observation[OrganizationConfiguration] = acted[0] if acted else NotYet(STEP)
    if isinstance(organization, NotYet):
        return RegionState(administrators, own, organization, organization, Scans(), organization)
    reads: list[Callable[[], Any]] = [
        partial(_try, partial(_members_and_scans, population, region, reader)),
        partial(_try, partial(read_configuration, delegated, region, reader)),
    ]
    seen, configuration = reader.parallel(reads)
    members: Observation[Mapping[str, str]] = Known(seen.value[0]) if isinstance(seen, Known) else seen
    scans = seen.value[1] if isinstance(seen, Known) else Scans()
    return RegionState(administrators, own, organization, members, scans, configuration)


def _members_and_scans(population: Population, region: str, reader: Reader) -> tuple[dict[str, str], Scans]:
    """Members page by page, and meanwhile the scans of those that are associated. Raises CallFailed when the list breaks off.

    Where the whole organization is looked at, whom to ask is not taken from its accounts, which may not be listed yet.
    """
    members: dict[str, str] = {}
    broken: list[CallFailed] = []
    part, size = population.members.get(region, frozenset()), SPEC.batches["BatchGetAccountStatus"]

    def as_listed() -> Iterator[Callable[[], Scans]]:
        asked: list[str] = []
        try:
            for page in _member_pages(population.delegated, region, reader):
                members.update(page)
                associated = [account for account, status in page.items() if status == "ENABLED"]
                asked += [account for account in associated if population.whole or account in part]
                while len(asked) >= size:
                    yield partial(_scan_batch, population.delegated, region, tuple(asked[:size]), reader)
                    del asked[:size]
        except CallFailed as error:
            broken.append(error)
        else:
            if asked:
                yield partial(_scan_batch, population.delegated, region, tuple(asked), reader)

    read = reader.parallel(as_listed())
    if broken:
        raise broken[0]
    return members, _together(read)


def _together(found: Iterable[Scans]) -> Scans:
    """All batches as one observation, whatever their order."""
    statuses: dict[str, dict[str, set[str]]] = {scan_type: {} for scan_type in SCAN_TYPES}
    governed: dict[str, set[str]] = {}
    unassociated: set[str] = set()
    unknown: list[tuple[str, str, frozenset[str]]] = []
    for each in found:
        for scan_type, columns in each.statuses.items():
            for status, accounts in columns.items():
                statuses[scan_type].setdefault(status, set()).update(accounts)
        for scan_type, accounts in each.governed.items():
            governed.setdefault(scan_type, set()).update(accounts)
        unassociated |= each.unassociated
        unknown += each.unread
    return Scans(
        {scan_type: {status: frozenset(ids) for status, ids in sorted(columns.items())} for scan_type, columns in statuses.items()},
        {scan_type: frozenset(ids) for scan_type, ids in sorted(governed.items())},
        frozenset(unassociated),
        tuple(sorted(unknown, key=lambda each: (each[0], each[1], sorted(each[2])))),
    )


def _own(delegated: str, region: str, reader: Reader) -> Observation[Scans]:
    """What the delegated account scans in itself, which it may always ask."""
    scans = read_scans(delegated, region, [delegated], reader)
    for code, reason, _ in scans.unread:
        return Unknown(code, reason, "Make the read possible, then plan again.")
    if scans.unassociated:
        return Unknown("ACCESS_DENIED", f"Inspector does not let {delegated} ask about itself in {region}", "Read its permissions.")
    return Known(scans)


def _try(read: Callable[[], T]) -> Observation[T]:
    """A read as an observation; NotYet where AWS does not let the designated account act yet."""
    try:
        return Known(read())
    except CallFailed as error:
        return NotYet(STEP) if no_access_yet(error) else unread(error)


def read_organization(delegated: str, region: str, reader: Reader) -> OrganizationConfiguration:
    """Auto-enable flags. Raises CallFailed."""
    answer = reader.read(NAME, "DescribeOrganizationConfiguration", delegated, region)
    flags = {name: on is True for name, on in (answer.get("autoEnable") or {}).items()}
    return OrganizationConfiguration(flags, answer.get("maxAccountLimitReached") is True)


def read_members(delegated: str, region: str, reader: Reader) -> Mapping[str, str]:
    """Account → relationship status, of associated and of former members. Raises CallFailed."""
    return {account: status for page in _member_pages(delegated, region, reader) for account, status in page.items()}


def _member_pages(delegated: str, region: str, reader: Reader) -> Iterator[dict[str, str]]:
    for page in reader.pages(NAME, "ListMembers", delegated, region, onlyAssociated=False):
        yield {member["accountId"]: str(member["relationshipStatus"]) for member in page.get("members") or ()}


def read_configuration(delegated: str, region: str, reader: Reader) -> Configuration:
    """EC2 scan mode and ECR re-scan duration. Raises CallFailed."""
    answer = reader.read(NAME, "GetConfiguration", delegated, region)
    mode = (answer.get("ec2Configuration") or {}).get("scanModeState") or {}
    rescan = (answer.get("ecrConfiguration") or {}).get("rescanDurationState") or {}
    return Configuration(
        str(mode.get("scanMode", "")),
        str(mode.get("scanModeStatus", "")),
        str(rescan.get("rescanDuration", "")),
        str(rescan.get("status", "")),
    )


def read_scans(delegated: str, region: str, accounts: Iterable[str], reader: Reader) -> Scans:
    """What is scanned in the accounts, in batches side by side; a batch or an account that cannot be read is kept as such."""
    cut = batches(accounts, SPEC.batches["BatchGetAccountStatus"])
    return _together(reader.parallel([partial(_scan_batch, delegated, region, batch, reader) for batch in cut]))


def _scan_batch(delegated: str, region: str, batch: tuple[str, ...], reader: Reader) -> Scans:
    statuses: dict[str, dict[str, set[str]]] = {scan_type: {} for scan_type in SCAN_TYPES}
    governed: dict[str, set[str]] = {}
    unknown: list[tuple[str, str, frozenset[str]]] = []
    try:
        answer = reader.read(NAME, "BatchGetAccountStatus", delegated, region, accountIds=list(batch))
    except CallFailed as error:
        failed = unread(error)
        return Scans(unread=((failed.code, failed.reason, frozenset(batch)),))
    for entry in answer.get("accounts") or ():
        _column(entry, statuses, governed)
    unassociated = _failures(answer, batch, unknown)
    return Scans(
        {scan_type: {status: frozenset(ids) for status, ids in columns.items()} for scan_type, columns in statuses.items()},
        {scan_type: frozenset(ids) for scan_type, ids in governed.items()},
        frozenset(unassociated),
        tuple(unknown),
    )


def _column(entry: Mapping[str, Any], statuses: dict[str, dict[str, set[str]]], governed: dict[str, set[str]]) -> None:
    """Put one account into the columns. An account that is on with every resource off has been switched on a moment ago."""
    resources = entry.get("resourceState") or {}
    found = {scan_type: resources.get(name) or {} for scan_type, name in SCAN_TYPES.items()}
    seen = {scan_type: str(resource.get("status", "DISABLED")) for scan_type, resource in found.items()}
    account = (entry.get("state") or {}).get("status")
    if account in ("ENABLED", "ENABLING") and set(seen.values()) == {"DISABLED"}:
        seen = dict.fromkeys(seen, SETTLING)
    for scan_type, resource in found.items():
        statuses[scan_type].setdefault(seen[scan_type], set()).add(entry["accountId"])
        if resource.get("errorCode") == POLICY:
            governed.setdefault(scan_type, set()).add(entry["accountId"])


def _failures(answer: Mapping[str, Any], batch: tuple[str, ...], unknown: list[tuple[str, str, frozenset[str]]]) -> set[str]:
    """The accounts that are not associated yet; all others without an answer go to `unknown`."""
    failed = {each["accountId"]: each for each in answer.get("failedAccounts") or ()}
    answered = {each["accountId"] for each in answer.get("accounts") or ()}
    unassociated = {account for account, each in failed.items() if each.get("errorCode") == "ACCESS_DENIED"}
    for account in sorted(set(batch) - answered - unassociated):
        said = failed.get(account, {})
        code = str(said.get("errorCode", "NoAnswer"))
        text = masked(str(said.get("errorMessage", "Inspector did not answer for the account")))
        unknown.append((code, text, frozenset({account})))
    return unassociated
