"""What a drill sends on its way: for each route one harmless finding, marked as a drill, that the route has to fit. Pure.

A finding can be imported by its own account alone, as that account's own product [model]: a drill sends findings of the delegated
account. What it cannot send, it says: a route that wants another product's findings, or other accounts', is *not tried*.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.plan import Reference
from runbook_lib.services.response import patterns
from runbook_lib.services.response.names import DRILLED, HUB, NAME
from runbook_lib.services.response.wanted import Wanted, accounts_of
from runbook_lib.settings.response import FindingFilter

JUST_NOW, NOW = f"{NAME}:just-now", f"{NAME}:now"
"""Kinds of the References to the times that a finding begins and is ended with: an update has to be newer than what is there."""
USUAL_TYPE = "Software and Configuration Checks/Runbook/Drill"
SEVERITIES = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
ACTIVE, ARCHIVED = "ACTIVE", "ARCHIVED"
LATEST = "2099-12-31T23:59:59Z"
"""A time that every route takes which asks how old a finding is: a drill's is made when it is sent."""


@dataclass(frozen=True)
class Trial:
    """One route that is tried. `untried` says why nothing can be sent for it; "" where something can."""

    drill: str
    route: str
    home: str
    origin: str
    """The Region in which its finding arises: a linked one where there is one, so that gathering is tried too."""
    channels: tuple[str, ...]
    pressed: str = ""
    """The custom action that somebody has to press; empty where findings go by themselves."""
    finding: Mapping[str, Any] | None = None
    untried: str = ""

    @property
    def id(self) -> str:
        return f"{DRILLED}{self.drill}/{self.route}"


def trials(wanted: Wanted, drill: str) -> tuple[Trial, ...]:
    """A trial for every route of one home Region."""
    return tuple(_trial(wanted, drill, route) for route in sorted(wanted.section.routes))


def _trial(wanted: Wanted, drill: str, name: str) -> Trial:
    route = wanted.section.routes[name]
    asked = route.findings
    if asked is None:
        trial = Trial(drill, name, wanted.region, wanted.region, route.to, pressed=route.custom_action or "")
        return _with_finding(trial, wanted, "INFORMATIONAL", USUAL_TYPE)
    regions = _origins(wanted, asked)
    trial = Trial(drill, name, wanted.region, regions[0] if regions else wanted.region, route.to)
    if why := _untried(wanted, asked, regions):
        return replace(trial, untried=why)
    severity = min(asked.severities or SEVERITIES[:1], key=SEVERITIES.index)
    return _with_finding(trial, wanted, severity, _type(asked))


def _origins(wanted: Wanted, asked: FindingFilter) -> list[str]:
    """Regions in which the finding may arise, linked ones first."""
    hub = wanted.view.settings.sections()[HUB].regions
    gathered = sorted(set(hub) - {wanted.region}) if wanted.view.settings.home_region else []
    return [each for each in (*gathered, wanted.region) if asked.regions is None or each in asked.regions]


def _untried(wanted: Wanted, asked: FindingFilter, regions: list[str]) -> str:
    accounts = accounts_of(wanted.view, asked)
    if asked.products:
        return f"it wants findings of {', '.join(asked.products)}, which a drill cannot make"
    if asked.controls:
        return "it wants findings of controls, which a drill cannot make"
    if accounts is not None and wanted.view.delegated not in accounts:
        return "the delegated account is none of its accounts, and a finding can be imported by its own account alone"
    if "NEW" not in asked.workflow_statuses:
        return "a finding that comes in is NEW, which it does not want"
    return "" if regions else "Security Hub is managed in none of its Regions"


def _type(asked: FindingFilter) -> str:
    """A finding type of three parts that begins as the route wants."""
    if not asked.types:
        return USUAL_TYPE
    parts = [each for each in asked.types[0].split("/") if each]
    return asked.types[0] if len(parts) >= 3 else "/".join([*parts, "Runbook", "Drill"][:3])


def _with_finding(trial: Trial, wanted: Wanted, severity: str, kind: str) -> Trial:
    account, partition = wanted.view.delegated, wanted.view.organization.partition
    finding = {
        "SchemaVersion": "2018-10-08", "Id": trial.id, "GeneratorId": "runbook-drill", "AwsAccountId": account,
        "ProductArn": f"arn:{partition}:securityhub:{trial.origin}:{account}:product/{account}/default",
        "Types": [kind], "Severity": {"Label": severity},
        "Title": f"[DRILL] {trial.drill}: {trial.route}",
        "Description": "Nothing happened. The runbook tries whether findings reach those who answer for them.",
        "Resources": [{"Type": "Other", "Id": f"{DRILLED}{trial.drill}"}],
    }  # fmt: skip
    return Trial(
        trial.drill,
        trial.route,
        trial.home,
        trial.origin,
        trial.channels,
        trial.pressed,
        finding,
        _ambiguous(trial, wanted, finding),
    )


def as_sent(trial: Trial, state: str) -> dict[str, Any]:
    """The finding of a trial as it is imported: at first active, in the end archived."""
    finding = trial.finding or {}
    when = Reference(JUST_NOW if state == ACTIVE else NOW, finding["AwsAccountId"], trial.origin)
    return {**finding, "CreatedAt": when, "UpdatedAt": when, "RecordState": state}


def _ambiguous(trial: Trial, wanted: Wanted, finding: Mapping[str, Any]) -> str:
    """Why an arrival would prove nothing of a press: another route sends the same finding there by itself."""
    if not trial.pressed:
        return ""
    seen = {**finding, "RecordState": ACTIVE, "Workflow": {"Status": "NEW"}, "Region": trial.origin, "CreatedAt": LATEST}
    rules = {rule.route: rule for rule in wanted.rules}
    for name, route in sorted(wanted.section.routes.items()):
        if route.findings and set(route.to) & set(trial.channels) and patterns.fits(rules[name].pattern, seen):
            return f"the route {name} sends every finding to the same channel, so an arrival would prove nothing of a press"
    return ""
