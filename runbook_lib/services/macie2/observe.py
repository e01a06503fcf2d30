"""Reading Macie: administrator lists as the management account, the rest as the delegated account, Regions side by side.

No member is asked from inside: its administrator lists how Macie stands in it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation
from runbook_lib.services.designation import STEP
from runbook_lib.services.macie2.spec import DESIGNATION, NAME
from runbook_lib.services.macie2.state import (
    Destination,
    OrganizationConfiguration,
    Publication,
    RegionState,
    Session,
    State,
)
from runbook_lib.services.macie2.texts import not_enabled, not_yet
from runbook_lib.services.population import Population
from runbook_lib.services.regional import observe_regions
from runbook_lib.services.view import View

T = TypeVar("T")
ON_FIRST = "Macie is on in the delegated account"


def observe(view: View, reader: Reader) -> State:
    """Everything that the aspects need of Macie."""
    return observe_regions(DESIGNATION, view, reader, _region)


def _region(
    population: Population, region: str, administrators: Observation[Mapping[str, str]], acting: bool, reader: Reader
) -> RegionState:
    delegated = population.delegated
    sessions = [partial(_try, partial(read_session, delegated, region, reader))]
    if population.management in population.members.get(region, ()):
        sessions.append(partial(_try, partial(read_session, population.management, region, reader)))
    own, *others = reader.parallel(sessions)
    management: Observation[Session] = others[0] if others else Known(Session())
    if isinstance(own, Known) and not own.value.status:
        later: Observation[Any] = NotYet(STEP)
        off: Observation[Any] = NotYet(ON_FIRST)
        return RegionState(administrators, own, management, later, later, later, later, off, off)
    reads: list[Callable[[], Any]] = [partial(read_publication, delegated, region, reader)]
    reads.append(partial(read_destination, delegated, region, reader))
    if acting:
        reads += [partial(each, delegated, region, reader) for each in (read_organization, read_members)]
        reads += [partial(each, delegated, region, reader) for each in (read_discovery, read_discovering)]
    publication, destination, *acted = reader.parallel([partial(_try, each) for each in reads])
    organization, members, discovery, discovering = acted or [NotYet(STEP)] * 4
    return RegionState(administrators, own, management, organization, members, discovery, discovering, publication, destination)


def _try(read: Callable[[], T]) -> Observation[T]:
    """A read as an observation; NotYet where Macie does not let the designated account act yet."""
    try:
        return Known(read())
    except CallFailed as error:
        return NotYet(STEP) if not_yet(error) else unread(error)


def read_session(account: str, region: str, reader: Reader) -> Session:
    """Macie in an account itself. Raises CallFailed, but not for one in which Macie is off."""
    try:
        answer = reader.read(NAME, "GetMacieSession", account, region)
    except CallFailed as error:
        if not_enabled(error):
            return Session()
        raise
    return Session(str(answer.get("status", "")), str(answer.get("findingPublishingFrequency", "")))


def read_organization(delegated: str, region: str, reader: Reader) -> OrganizationConfiguration:
    """Raises CallFailed."""
    answer = reader.read(NAME, "DescribeOrganizationConfiguration", delegated, region)
    return OrganizationConfiguration(answer.get("autoEnable") is True, answer.get("maxAccountLimitReached") is True)


def read_members(delegated: str, region: str, reader: Reader) -> dict[str, str]:
    """Account → relationship status, of associated and of former members. Raises CallFailed.

    The filter is a string in this API. E-mail addresses are empty in it for accounts of the organization, and nobody reads them.
    """
    pages = reader.pages(NAME, "ListMembers", delegated, region, onlyAssociated="false")
    return {each["accountId"]: str(each["relationshipStatus"]) for page in pages for each in page.get("members") or ()}


def read_member(delegated: str, account: str, region: str, reader: Reader) -> str:
    """The relationship status of one account, "none" where it is no member. Raises CallFailed."""
    try:
        answer = reader.read(NAME, "GetMember", delegated, region, id=account)
    except CallFailed as error:
        if error.code == "ResourceNotFoundException":
            return "none"
        raise
    return str(answer.get("relationshipStatus", "none"))


def read_discovery(delegated: str, region: str, reader: Reader) -> str:
    """DISABLED, or the value for members. Raises CallFailed."""
    answer = reader.read(NAME, "GetAutomatedDiscoveryConfiguration", delegated, region)
    return str(answer.get("autoEnableOrganizationMembers") or "NONE") if answer.get("status") == "ENABLED" else "DISABLED"


def read_discovering(delegated: str, region: str, reader: Reader) -> dict[str, str]:
    """Account → whether automated discovery is ENABLED or DISABLED. Raises CallFailed."""
    pages = reader.pages(NAME, "ListAutomatedDiscoveryAccounts", delegated, region)
    return {each["accountId"]: str(each["status"]) for page in pages for each in page.get("items") or ()}


def read_publication(delegated: str, region: str, reader: Reader) -> Publication:
    """Raises CallFailed."""
    answer = reader.read(NAME, "GetFindingsPublicationConfiguration", delegated, region)
    found = answer.get("securityHubConfiguration") or {}
    policy, sensitive = found.get("publishPolicyFindings", True), found.get("publishClassificationFindings", False)
    return Publication(policy is True, sensitive is True)


def read_destination(delegated: str, region: str, reader: Reader) -> Destination | None:
    """Raises CallFailed."""
    answer = reader.read(NAME, "GetClassificationExportConfiguration", delegated, region)
    found = (answer.get("configuration") or {}).get("s3Destination")
    if not found:
        return None
    return Destination(str(found["bucketName"]), str(found.get("keyPrefix") or ""), str(found["kmsKeyArn"]))
