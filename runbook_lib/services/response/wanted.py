"""What settings want in one Region: destinations with who sends to them, rules with pattern and targets, custom actions. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from runbook_lib.services.response import patterns, policies
from runbook_lib.services.response.names import CONSOLES, HUB, MARK, OLDEST, QUEUES, RETRIES, TOPICS
from runbook_lib.services.view import View
from runbook_lib.settings import Settings
from runbook_lib.settings.response import RULE_PREFIX, CustomAction, FindingFilter, ResponseSection, Route
from runbook_lib.settings.response import Destination as Named

UNDELIVERED = "undelivered"
"""The item of the queue that keeps what could not be delivered, beside the channels' ids."""
PATHS = {
    "finding": "$.detail.findings[0].Id",
    "product": "$.detail.findings[0].ProductArn",
    "severity": "$.detail.findings[0].Severity.Label",
    "account": "$.detail.findings[0].AwsAccountId",
    "region": "$.detail.findings[0].Region",
}
"""What a message says: ids and labels, which hold no quotes (values are put in as they are), and nothing of what was found."""


@dataclass(frozen=True)
class WantedDestination:
    """A queue or topic, and the rules that send to it."""

    item: str
    kind: str
    arn: str
    made: bool
    rules: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    @property
    def what(self) -> str:
        return "queue" if self.kind == QUEUES else "topic"

    @property
    def statement(self) -> dict[str, Any]:
        return policies.statement(self.kind, self.arn, self.rules)


@dataclass(frozen=True)
class WantedRule:
    """A rule of EventBridge."""

    route: str
    arn: str
    pattern: patterns.Pattern
    targets: tuple[dict[str, Any], ...]
    nobody: str = ""
    """Why its pattern could fit nothing; empty where it could fit something."""

    @property
    def name(self) -> str:
        return f"{RULE_PREFIX}{self.route}"

    @property
    def description(self) -> str:
        return f"{MARK}: route {self.route} of its settings."

    @property
    def destinations(self) -> frozenset[str]:
        """The ARNs that it sends to."""
        return frozenset(each["Arn"] for each in self.targets)


@dataclass(frozen=True)
class Wanted:
    """Everything that is wanted in one Region of the delegated account."""

    view: View
    section: ResponseSection
    region: str

    @cached_property
    def destinations(self) -> tuple[WantedDestination, ...]:
        """Channels that a route uses, and where undelivered events are kept."""
        rules = {route: self._rule_arn(route) for route in sorted(self.section.routes)}
        found = [self._destination(UNDELIVERED, QUEUES, self.section.undelivered, rules.values())]
        for item, channel in sorted(self.section.channels.items()):
            kind, named = (QUEUES, channel.queue) if channel.queue else (TOPICS, channel.topic)
            senders = [arn for route, arn in rules.items() if item in self.section.routes[route].to]
            if named and senders:
                found.append(self._destination(item, kind, named, senders))
        return tuple(found)

    @cached_property
    def rules(self) -> tuple[WantedRule, ...]:
        return tuple(self._rule(name, route) for name, route in sorted(self.section.routes.items()))

    @property
    def actions(self) -> Mapping[str, CustomAction]:
        return self.section.custom_actions

    def action_arn(self, action: str) -> str:
        """The ARN that AWS gives a custom action [docs: event example]."""
        return f"{self._arn(HUB)}:action/custom/{action}"

    def takers(self, action: str) -> tuple[str, ...]:
        """The routes that a custom action sets off."""
        return tuple(name for name, route in sorted(self.section.routes.items()) if route.custom_action == action)

    def _arn(self, service: str) -> str:
        return f"arn:{self.view.organization.partition}:{service}:{self.region}:{self.view.delegated}"

    def _rule_arn(self, route: str) -> str:
        return f"{self._arn('events')}:rule/{RULE_PREFIX}{route}"

    def _destination(self, item: str, kind: str, named: Named, rules: Iterable[str]) -> WantedDestination:
        arn = named.arn or f"{self._arn(kind)}:{named.make}"
        return WantedDestination(item, kind, arn, named.make is not None, tuple(sorted(rules)))

    def _rule(self, name: str, route: Route) -> WantedRule:
        arns = {each.item: each.arn for each in self.destinations}
        targets = tuple(self._target(channel, arns[channel], arns[UNDELIVERED]) for channel in sorted(route.to))
        pattern, nobody = self._pattern(route)
        return WantedRule(name, self._rule_arn(name), pattern, targets, nobody)

    def _pattern(self, route: Route) -> tuple[patterns.Pattern, str]:
        if route.findings is None:
            return patterns.of_action(self.action_arn(route.custom_action or "")), ""
        accounts = self.accounts(route.findings)
        nobody = "no active account is below its organizational units" if accounts is not None and not accounts else ""
        return patterns.of_findings(route.findings, accounts), nobody

    def accounts(self, wanted: FindingFilter) -> frozenset[str] | None:
        """The accounts that are named, and those below units that are named, as the organization is now."""
        if not (wanted.accounts or wanted.organizational_units):
            return None
        units = set(wanted.organizational_units or ())
        below = {
            account.id
            for account in self.view.organization.accounts.values()
            if account.active and units.intersection(account.organizational_units)
        }
        return frozenset(wanted.accounts or ()) | below

    def _target(self, channel: str, arn: str, undelivered: str) -> dict[str, Any]:
        link = f"https://{self.region}.{CONSOLES[self.view.organization.partition]}/securityhub/home?region={self.region}#/findings"
        said = ",".join(f'"{name}":<{name}>' for name in PATHS)
        return {
            "Id": channel,
            "Arn": arn,
            "InputTransformer": {"InputPathsMap": dict(PATHS), "InputTemplate": f'{{{said},"link":"{link}"}}'},
            "RetryPolicy": {"MaximumRetryAttempts": RETRIES, "MaximumEventAgeInSeconds": OLDEST},
            "DeadLetterConfig": {"Arn": undelivered},
        }


def regions_of(settings: Settings) -> tuple[str, ...]:
    """Where rules are: where findings are, and nowhere where settings have no response."""
    return homes(settings) if settings.response else ()


def homes(settings: Settings) -> tuple[str, ...]:
    """Where findings are: Security Hub's home Region, or each of its Regions where they are gathered in none."""
    if HUB not in settings.sections():
        return ()
    return (settings.home_region,) if settings.home_region else tuple(sorted(settings.sections()[HUB].regions))
