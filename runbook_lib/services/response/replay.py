"""Routes held against findings that were there: how many messages each channel would have had, before anybody is woken at night.

A finding counts once, on the day of its last update, so the numbers are the least: each update while it is NEW is a message again.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.documents import DocumentError, Finding, short
from runbook_lib.organization import Organization
from runbook_lib.services.response import patterns
from runbook_lib.services.response.classes import class_of
from runbook_lib.services.response.names import HUB, NAME
from runbook_lib.services.response.wanted import Wanted, homes
from runbook_lib.services.view import view_of
from runbook_lib.settings import Settings
from runbook_lib.settings.response import FindingFilter

UNKNOWN = "unknown"
"""The class of a finding that fits none."""
NOWHERE = "(no channel)"
"""Where findings go that fit no route."""


@dataclass
class Replay:
    """Messages by day, channel and class, and what could not be told."""

    messages: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    findings: int = 0
    untold: list[str] = field(default_factory=list)
    """Routes that were left out, each with the reason."""

    def by(self, *places: int) -> Counter[tuple[str, ...]]:
        """The messages by day (0), channel (1), class (2), or several of these."""
        sums: Counter[tuple[str, ...]] = Counter()
        for key, number in self.messages.items():
            sums[tuple(key[place] for place in places)] += number
        return sums


def replay(settings: Settings, findings: Iterable[Mapping[str, Any]], organization: Organization | None) -> Replay:
    """Hold every route of findings against every finding. Without an organization, routes that name units are left out."""
    made = Replay()
    routes = dict(_routes(settings, organization, made))
    for finding in findings:
        made.findings += 1
        day, kind = str(finding.get("UpdatedAt", ""))[:10], str(class_of(finding, settings) or UNKNOWN)
        told = {channel for pattern, channels in routes.values() if patterns.fits(pattern, finding) for channel in channels}
        for channel in told or {NOWHERE}:
            made.messages[day, channel, kind] += 1
    return made


def _routes(
    settings: Settings, organization: Organization | None, made: Replay
) -> Iterator[tuple[str, tuple[patterns.Pattern, tuple[str, ...]]]]:
    section = settings.response
    for name, route in sorted(section.routes.items()) if section else ():
        if route.findings is None:
            continue
        if organization is None and route.findings.organizational_units:
            made.untold.append(f"{name} names organizational units, and from a file the organization is not known")
            continue
        yield name, (patterns.of_findings(route.findings, _accounts(settings, organization, route.findings)), route.to)


def _accounts(settings: Settings, organization: Organization | None, wanted: FindingFilter) -> Iterable[str] | None:
    if organization is None or settings.response is None:
        return wanted.accounts
    return Wanted(view_of(organization, settings, NAME), settings.response, "").accounts(wanted)


def read_findings(settings: Settings, days: int, reader: Reader) -> Iterator[Mapping[str, Any]]:
    """The active findings that were updated in the last days. Raises CallFailed."""
    filters = {
        "UpdatedAt": [{"DateRange": {"Value": days, "Unit": "DAYS"}}],
        "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
    }
    for region in homes(settings):
        pages = reader.pages(HUB, "GetFindings", settings.organization.delegated_account, region, Filters=filters)
        yield from (finding for page in pages for finding in page.get("Findings") or ())


def read_finding(settings: Settings, identity: str, reader: Reader) -> Iterator[Mapping[str, Any]]:
    """The findings of one id. Raises CallFailed."""
    filters = {"Id": [{"Value": identity, "Comparison": "EQUALS"}]}
    for region in homes(settings):
        pages = reader.pages(HUB, "GetFindings", settings.organization.delegated_account, region, Filters=filters)
        yield from (finding for page in pages for finding in page.get("Findings") or ())


def findings_of(text: str, path: Path) -> list[Mapping[str, Any]]:
    """The findings of a file: a list, or what `aws securityhub get-findings` prints. Raises DocumentError."""
    try:
        read = json.loads(text)
    except ValueError as error:
        raise DocumentError(Finding(str(path), 0, "", "", f"This is not JSON: {short(str(error))}.")) from None
    listed = read.get("Findings") if isinstance(read, dict) else read
    if not isinstance(listed, list) or not all(isinstance(each, dict) and "ProductArn" in each for each in listed):
        message = "This is not a list of findings; write one, or what aws securityhub get-findings prints."
        raise DocumentError(Finding(str(path), 0, "Findings", "", message))
    return listed
