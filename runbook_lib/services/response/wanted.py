"""What settings want in one Region: destinations with who sends to them, rules with pattern and targets, custom actions. Pure."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from runbook_lib.services.response import patterns, policies
from runbook_lib.services.response.counting import TABLE, Counting, allowed
from runbook_lib.services.response.kinds import EVENT_BUS, QUEUE, STATE_MACHINE, Kind, Named, of_channel
from runbook_lib.services.response.names import (
    CHANNEL_ROLE,
    CONSOLES,
    COUNTING_ROLE,
    DIGEST,
    HUB,
    IAM,
    KEPT_BACK,
    MACHINE,
    MARK,
    OLDEST,
    RETRIES,
    ROLE_PATH,
    SYSTEMS,
    TABLES,
)
from runbook_lib.services.view import View
from runbook_lib.settings import Settings
from runbook_lib.settings.response import (
    RULE_PREFIX,
    Automation,
    Channel,
    CustomAction,
    Destination,
    ResponseSection,
    Route,
    Selection,
)

UNDELIVERED = "undelivered"
"""The item of the queue that keeps what could not be delivered, beside the channels' ids."""
FINDING = "$.detail.findings[0]"
"""The one finding of an event [docs]."""
PATHS = {
    "finding": "$.detail.findings[0].Id",
    "product": "$.detail.findings[0].ProductArn",
    "severity": "$.detail.findings[0].Severity.Label",
    "account": "$.detail.findings[0].AwsAccountId",
    "region": "$.detail.findings[0].Region",
}
"""What a message says: ids and labels, which hold no quotes (values are put in as they are), and nothing of what was found."""

PLACEHOLDERS = {**PATHS, "resource": "$.detail.findings[0].Resources[0].Id"}
"""What parameters of a document may be of a finding."""
ROLE_PARAMETER = "AutomationAssumeRole"
"""The parameter by which every document is told its role [docs]."""


@dataclass(frozen=True)
class WantedDestination:
    """A channel, or where undelivered events are kept, and the rules that send to it."""

    item: str
    kind: Kind
    arn: str
    made: bool
    rules: tuple[str, ...]
    named: Named | None = None
    """As settings name what is there."""
    role: "WantedRole | None" = None
    """What EventBridge delivers by where the channel's own policy cannot let it in."""
    shadow_until: dt.date | None = None
    """The last day on which its messages are kept back; of the queue that keeps them the same."""
    keeps_for: str = ""
    """The channel that a queue keeps messages of; empty for what is a channel itself."""
    ceiling: int | None = None
    """How many messages a day it is sent; of the queue that keeps the rest the same."""
    through: str = ""
    """ARN of the state machine that counts its messages and sends them on; empty where a rule sends by itself."""

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    @property
    def what(self) -> str:
        return self.kind.what

    @property
    def statement(self) -> dict[str, Any]:
        return policies.statement(self.kind.name, self.arn, self.rules)


@dataclass(frozen=True)
class WantedRole:
    """A role for one channel, which its user alone may use, and for that channel alone."""

    item: str
    arn: str
    trust: Mapping[str, Any]
    policy: Mapping[str, Any]
    user: str = "EventBridge"
    """Who assumes it, as people call it."""
    own: bool = False
    """Whether settings name it: then it is somebody's, and is read alone."""
    rules: tuple[str, ...] = ()
    """ARNs of the rules that it is assumed for."""

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class WantedRule:
    """A rule of EventBridge."""

    route: str
    arn: str
    pattern: patterns.Pattern
    targets: tuple[dict[str, Any], ...]
    nobody: str = ""
    """Why its pattern could fit nothing; empty where it could fit something."""
    acting: tuple[str, ...] = ()
    """The channels behind which something may change the finding by itself."""
    shadowed: Mapping[str, str] = field(default_factory=dict)
    """Channel in shadow → its own ARN, to which the rule does not send yet."""
    members: frozenset[str] = frozenset()
    """Every account of the organization."""

    def gone(self, pattern: patterns.Pattern) -> frozenset[str]:
        """The accounts of a pattern that are in the organization no longer."""
        return patterns.named_accounts(pattern) - self.members

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

    @property
    def channels(self) -> frozenset[str]:
        """The ARNs of the channels that it is for, those in shadow too."""
        return self.destinations | frozenset(self.shadowed.values())


@dataclass(frozen=True)
class Wanted:
    """Everything that is wanted in one Region of the delegated account."""

    view: View
    section: ResponseSection
    region: str

    @cached_property
    def destinations(self) -> tuple[WantedDestination, ...]:
        """Channels that a route uses, where undelivered events are kept, and what keeps the messages of channels in shadow.

        The same whatever day it is, so that what is read does not depend on it.
        """
        rules = {route: self._rule_arn(route) for route in sorted(self.section.routes)}
        digests = [self.digest_arn(item) for item, channel in self.section.channels.items() if channel.daily_ceiling is not None]
        found = [self._destination(UNDELIVERED, QUEUE, self.section.undelivered, [*rules.values(), *digests])]
        for item, channel in sorted(self.section.channels.items()):
            kind, named = of_channel(channel)
            senders = sorted(arn for route, arn in rules.items() if item in self.section.routes[route].to)
            if senders:
                found += self._with_kept(item, channel, self._channel(item, kind, named, senders), senders)
        return tuple(found)

    def _with_kept(self, item: str, channel: Channel, there: WantedDestination, senders: Sequence[str]) -> list[WantedDestination]:
        """A channel, and the queue that has its messages while it is in shadow, or beyond its ceiling."""
        limits: dict[str, Any] = {"shadow_until": channel.shadow_until, "ceiling": channel.daily_ceiling}
        if channel.daily_ceiling is not None:
            machine = f"{self._arn('states')}:stateMachine:{MACHINE}{item}"
            starts = self._role(item, policies.use_of(STATE_MACHINE.action, machine), [*senders, self.digest_arn(item)])
            there = replace(there, through=machine, role=starts)
        if channel.shadow_until is None and channel.daily_ceiling is None:
            return [there]
        kept = self._destination(f"{item} (kept back)", QUEUE, Destination(make=f"{KEPT_BACK}{item}"), senders)
        return [replace(there, **limits), replace(kept, keeps_for=item, **limits)]

    def digest_arn(self, item: str) -> str:
        """The rule that asks for a channel's digest."""
        return f"{self._arn('events')}:rule/{DIGEST}{item}"

    def in_shadow(self, destination: WantedDestination) -> bool:
        """Whether the messages of a channel are kept back today; a day that is not known ends nothing."""
        until = destination.shadow_until
        return until is not None and (self.view.day is None or self.view.day <= until)

    def keeps(self, queue: WantedDestination) -> bool:
        """Whether a queue of kept messages may get any today."""
        return queue.ceiling is not None or self.in_shadow(queue)

    def arrival(self, item: str) -> WantedDestination:
        """Where the messages for a channel, or what could not be delivered, arrive today."""
        there = next(each for each in self.destinations if each.item == item)
        if not self.in_shadow(there):
            return there
        return next(each for each in self.destinations if each.keeps_for == item)

    def _channel(self, item: str, kind: Kind, named: Named, senders: Sequence[str]) -> WantedDestination:
        if isinstance(named, Destination):
            return self._destination(item, kind, named, senders)
        arn = self._document(named) if isinstance(named, Automation) else named.arn
        passed = named.role if isinstance(named, Automation) else ""
        role = self._role(item, policies.use_of(kind.action, arn, passed), senders) if kind.action else None
        if role and (own := self.section.channels[item].role):
            role = replace(role, arn=own, own=True)
        return WantedDestination(item, kind, arn, made=False, rules=tuple(senders), named=named, role=role)

    def _document(self, named: Automation) -> str:
        """A rule starts a document by its definition and a version; AWS's own belong to no account [issues: aws-cli#6994]."""
        account = "" if named.document.startswith("AWS") else self.view.delegated
        place = f"arn:{self.view.organization.partition}:{SYSTEMS}:{self.region}:{account}"
        return f"{place}:automation-definition/{named.document}:{named.version}"

    def _role(self, item: str, policy: Mapping[str, Any], senders: Sequence[str]) -> WantedRole:
        role = f"arn:{self.view.organization.partition}:{IAM}::{self.view.delegated}:role{ROLE_PATH}{CHANNEL_ROLE}{item}"
        return WantedRole(item, role, policies.trust(senders, self.view.delegated), policy, rules=tuple(senders))

    @cached_property
    def roles(self) -> tuple[WantedRole, ...]:
        """The roles by which channels are used, and those of what counts for them."""
        found = [each.role for each in self.destinations if each.role]
        return (*found, *(self.counting_role(each) for each in self.destinations if each.through))

    @property
    def digests(self) -> frozenset[str]:
        """The names of the rules that ask for digests."""
        return frozenset(f"{DIGEST}{each.item}" for each in self.destinations if each.through)

    def counting_role(self, channel: WantedDestination) -> WantedRole:
        """The role of the state machine that counts a channel's messages: its table, the channel, and the queue of the rest."""
        delegated, partition = self.view.delegated, self.view.organization.partition
        arn = f"arn:{partition}:{IAM}::{delegated}:role{ROLE_PATH}{CHANNEL_ROLE}{channel.item}{COUNTING_ROLE}"
        asked = allowed(self.counting(channel), f"{self._arn(TABLES)}:table/{TABLE}")
        trust = policies.trust([channel.through], delegated, "states.amazonaws.com")
        return WantedRole(f"{channel.item} (counting)", arn, trust, policies.uses(asked), "Step Functions")

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

    def _destination(self, item: str, kind: Kind, named: Destination, rules: Iterable[str]) -> WantedDestination:
        arn = named.arn or f"{self._arn(kind.name)}:{named.make}"
        return WantedDestination(item, kind, arn, named.make is not None, tuple(sorted(rules)))

    def _rule(self, name: str, route: Route) -> WantedRule:
        there = {each.item: each for each in self.destinations}
        targets = tuple(self._target(channel, self.arrival(channel), there[UNDELIVERED].arn) for channel in sorted(route.to))
        pattern, nobody = self._pattern(route)
        acting = tuple(channel for channel in sorted(route.to) if there[channel].kind.acts)
        shadowed = {channel: there[channel].arn for channel in sorted(route.to) if self.in_shadow(there[channel])}
        return WantedRule(name, self._rule_arn(name), pattern, targets, nobody, acting, shadowed, self._members)

    @cached_property
    def _members(self) -> frozenset[str]:
        return frozenset(self.view.organization.accounts)

    def _pattern(self, route: Route) -> tuple[patterns.Pattern, str]:
        if route.findings is None:
            return patterns.of_action(self.action_arn(route.custom_action or "")), ""
        accounts = accounts_of(self.view, route.findings)
        nobody = "no active account is below its organizational units" if accounts is not None and not accounts else ""
        return patterns.of_findings(route.findings, accounts), nobody

    def _target(self, item: str, channel: WantedDestination, undelivered: str) -> dict[str, Any]:
        return {
            "Id": item,
            "Arn": channel.through or channel.arn,
            **({"RoleArn": channel.role.arn} if channel.role else {}),
            **({"InputPath": FINDING} if channel.through else self._said(channel)),
            **lasting(undelivered),
        }

    def _said(self, channel: WantedDestination) -> dict[str, Any]:
        """What a channel is given: a message of ids and labels; a document parameters; a bus the event as it is [model]."""
        if channel.kind is EVENT_BUS:
            return {}
        if isinstance(channel.named, Automation):
            return {"InputTransformer": _parameters(channel.named)}
        said = ",".join(f'"{name}":<{name}>' for name in PATHS)
        return {"InputTransformer": {"InputPathsMap": dict(PATHS), "InputTemplate": f'{{{said},"link":"{self.link}"}}'}}

    @property
    def link(self) -> str:
        """Where people look at findings."""
        console = CONSOLES[self.view.organization.partition]
        return f"https://{self.region}.{console}/securityhub/home?region={self.region}#/findings"

    def counting(self, channel: WantedDestination) -> Counting:
        """What is counted for a channel that has a ceiling."""
        kept = next(each for each in self.destinations if each.keeps_for == channel.item)
        said = {f"{name}.$": path.replace(FINDING, "$") for name, path in PATHS.items()}
        return Counting(channel.item, channel.ceiling or 0, channel.arn, kept.arn, {**said, "link": self.link})


def lasting(undelivered: str) -> dict[str, Any]:
    """What every target has: how long it is tried, and where that is kept which could not be delivered."""
    return {
        "RetryPolicy": {"MaximumRetryAttempts": RETRIES, "MaximumEventAgeInSeconds": OLDEST},
        "DeadLetterConfig": {"Arn": undelivered},
    }


def _parameters(named: Automation) -> dict[str, Any]:
    """The input of a document: each parameter a list of texts, of which a placeholder is a value of the finding [issues]."""
    asked = {**named.parameters, ROLE_PARAMETER: named.role}
    used = {value[1:-1] for value in asked.values() if value[1:-1] in PLACEHOLDERS and value == f"{{{value[1:-1]}}}"}
    said = [
        f"{json.dumps(name)}:[{f'<{value[1:-1]}>' if value[1:-1] in used else json.dumps(value)}]"
        for name, value in sorted(asked.items())
    ]
    return {"InputPathsMap": {each: PLACEHOLDERS[each] for each in sorted(used)}, "InputTemplate": f"{{{','.join(said)}}}"}


def accounts_of(view: View, wanted: Selection) -> frozenset[str] | None:
    """The accounts that are named, and those below units that are named, as the organization is now; None: every account."""
    if not (wanted.accounts or wanted.organizational_units):
        return None
    units = set(wanted.organizational_units or ())
    below = {
        account.id
        for account in view.organization.accounts.values()
        if account.active and units.intersection(account.organizational_units)
    }
    return frozenset(wanted.accounts or ()) | below


def regions_of(settings: Settings) -> tuple[str, ...]:
    """Where rules are: where findings are, and nowhere where settings have no response."""
    return homes(settings) if settings.response else ()


def hub_regions(settings: Settings) -> tuple[str, ...]:
    """All of Security Hub's Regions; nowhere where settings have no response."""
    found = settings.sections().get(HUB)
    return tuple(sorted(found.regions)) if found and settings.response else ()


def homes(settings: Settings) -> tuple[str, ...]:
    """Where findings are: Security Hub's home Region, or each of its Regions where they are gathered in none."""
    if HUB not in settings.sections():
        return ()
    return (settings.home_region,) if settings.home_region else tuple(sorted(settings.sections()[HUB].regions))
