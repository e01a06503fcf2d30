"""Routes held against findings that were there: how many messages each channel would have had, before anybody is woken at night.

A finding counts once, on the day of its last update, so the numbers are the least: each update while it is NEW is a message again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.aws.models import service_model
from runbook_lib.aws.reader import Reader
from runbook_lib.base.documents import DocumentError, Finding, short
from runbook_lib.base.documents.json_text import read_json
from runbook_lib.organization import Organization
from runbook_lib.services.response import patterns
from runbook_lib.services.response.classes import class_of
from runbook_lib.services.response.names import HUB, NAME
from runbook_lib.services.response.wanted import accounts_of, homes
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
    by_route: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Findings by day and route."""
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
        fitting = [name for name, (pattern, _) in routes.items() if patterns.fits(pattern, finding)]
        made.by_route.update((day, name) for name in fitting)
        told = {channel for name in fitting for channel in routes[name][1]}
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
    return accounts_of(view_of(organization, settings, NAME), wanted)


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
    """The findings of a file: a list, or what `aws securityhub get-findings` prints. Raises DocumentError.

    What a finding says has the types of AWS's own model; fields that the model does not know are nobody's to judge.
    """
    read = read_json(text, str(path))
    listed = read.get("Findings") if isinstance(read, dict) else read
    if not isinstance(listed, list) or not all(isinstance(each, dict) and "ProductArn" in each for each in listed):
        message = "This is not a list of findings; write one, or what aws securityhub get-findings prints."
        raise DocumentError(Finding(str(path), 0, "Findings", "", message))
    shape = service_model(HUB).shape_for("AwsSecurityFinding")
    for number, finding in enumerate(listed):
        for place, value, kind in _odd(finding, shape, f"Findings[{number}]"):
            message = f"AWS's findings have a {kind} here; export them again."
            raise DocumentError(Finding(str(path), 0, place, short(repr(value)), message))
    return listed


TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (dict,), "map": (dict,), "list": (list,), "string": (str,), "timestamp": (str,), "integer": (int,), "long": (int,),
    "double": (int, float), "float": (int, float), "boolean": (bool,),
}  # fmt: skip
"""Type of AWS's model → what JSON has for it."""


def _odd(value: Any, shape: Any, place: str) -> Iterator[tuple[str, Any, str]]:
    """Each value that has another type than the model's: its place, itself, and the model's type."""
    kind = shape.type_name
    if type(value) not in TYPES[kind]:
        yield place, value, kind
    elif kind == "structure":
        for name in sorted(value.keys() & shape.members.keys()):
            yield from _odd(value[name], shape.members[name], f"{place}.{name}")
    elif kind == "list":
        for number, each in enumerate(value):
            yield from _odd(each, shape.member, f"{place}[{number}]")
    elif kind == "map":
        for name, each in value.items():
            yield from _odd(each, shape.value, f"{place}.{short(name)}")
