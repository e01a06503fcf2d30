"""Reading what else tells people of the same causes: the newer Security Hub (V2), and AWS Security Incident Response."""

from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.answers import text
from runbook_lib.services.response.names import HUB
from runbook_lib.services.response.state import Beside
from runbook_lib.settings.response import ResponseSection

INCIDENTS = "security-ir"
READS = frozenset({
    f"{HUB}:DescribeSecurityHubV2", f"{HUB}:ListAutomationRulesV2", f"{HUB}:ListConnectorsV2", f"{INCIDENTS}:ListMemberships",
})  # fmt: skip
OFF = frozenset({"ResourceNotFoundException", "SecurityIncidentResponseNotActiveException"})
"""Error codes of what is not on [model]."""


def beside(section: ResponseSection, account: str, region: str, reader: Reader) -> Observation[Beside]:
    """What there is in a Region; the membership of Incident Response where settings say where it is."""
    try:
        since = _since(account, region, reader)
        rules, connectors = _of_newer(account, region, reader) if since else ((), ())
        place = section.incident_response_region
        return Known(Beside(since, rules, connectors, _memberships(account, place, reader) if place else None))
    except CallFailed as error:
        return unread(error)


def _since(account: str, region: str, reader: Reader) -> str:
    """Since when V2 is on; "" where it is off."""
    try:
        return text(reader.read(HUB, "DescribeSecurityHubV2", account, region).get("SubscribedAt")) or "some day"
    except CallFailed as error:
        if error.code in OFF:
            return ""
        raise


def _of_newer(account: str, region: str, reader: Reader) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The names of V2's automation rules, and its connectors with their status."""
    rules = [each for page in reader.pages(HUB, "ListAutomationRulesV2", account, region) for each in page.get("Rules") or ()]
    found = [each for page in reader.pages(HUB, "ListConnectorsV2", account, region) for each in page.get("Connectors") or ()]
    connectors = {text(each.get("Name")): _status(each) for each in found}
    return tuple(sorted(text(each.get("RuleName")) for each in rules)), tuple(sorted(connectors.items()))


def _status(connector: Any) -> str:
    summary = connector.get("ProviderSummary") or {}
    return f"{text(summary.get('ProviderName'))}, {text(summary.get('ConnectorStatus'))}"


def _memberships(account: str, region: str, reader: Reader) -> tuple[str, ...]:
    """The statuses of the account's memberships."""
    try:
        pages = reader.pages(INCIDENTS, "ListMemberships", account, region)
        return tuple(sorted(text(each.get("membershipStatus")) for page in pages for each in page.get("items") or ()))
    except CallFailed as error:
        if error.code in OFF:
            return ()
        raise
