"""What of the response is there and ours, Region by Region, whatever settings want: read for leaving it. Reads only."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.population import ENABLED
from runbook_lib.services.response import policies
from runbook_lib.services.response.automation import READS as AUTOMATION_READS
from runbook_lib.services.response.automation import Rule as AutomationRule
from runbook_lib.services.response.automation import seen_in
from runbook_lib.services.response.counted import READS as COUNTS_READS
from runbook_lib.services.response.counted import read_counting
from runbook_lib.services.response.named import MISSING, read_policy
from runbook_lib.services.response.names import EVENTS, FUNCTIONS, HUB, IAM, MACHINES, QUEUES, ROLE_PATH, TAG, TAGGED, TOPICS
from runbook_lib.services.response.observe import (
    as_rule,
    custom_actions,
    hears_security_hub,
    listed_rules,
    read_role,
    read_targets,
    tags_of,
)
from runbook_lib.services.response.state import ActionTarget, ChannelRole, Rule
from runbook_lib.services.view import View

READS = frozenset({
    f"{HUB}:DescribeActionTargets", f"{EVENTS}:ListRules", f"{EVENTS}:ListTargetsByRule", f"{EVENTS}:ListRuleNamesByTarget",
    f"{QUEUES}:ListQueues", f"{QUEUES}:ListQueueTags", f"{QUEUES}:GetQueueUrl", f"{QUEUES}:GetQueueAttributes",
    f"{TOPICS}:ListTopics", f"{TOPICS}:ListTagsForResource", f"{TOPICS}:GetTopicAttributes",
    f"{FUNCTIONS}:GetPolicy", f"{IAM}:ListRoles", f"{IAM}:GetRole", f"{IAM}:GetRolePolicy",
    f"{MACHINES}:ListStateMachines",
}) | AUTOMATION_READS | COUNTS_READS  # fmt: skip


@dataclass(frozen=True)
class Ours:
    """One Region of the delegated account."""

    rules: Observation[Mapping[str, Rule]]
    """Rules of ours, with everything that they send to."""
    strangers: tuple[Rule, ...]
    """Enabled rules of others that hear Security Hub, without their targets."""
    actions: Observation[Mapping[str, ActionTarget]]
    """Every custom action, whoever made it; NotYet where Security Hub is off."""
    destinations: Observation[Mapping[str, tuple[str, ...]]]
    """ARN of each queue and topic of ours → the rules of others that send to it."""
    roles: Observation[Mapping[str, ChannelRole]]
    """Roles that were made for channels, by name; they have no Region, and are told in the first that is asked for."""

    lets_in: Observation[Mapping[str, frozenset[str]]]
    """ARN of each function that a rule of ours sends to → the ids of our statements in its policy."""
    counting: Observation[tuple[str, ...]]
    """What counts messages of channels with a ceiling: state machines and the table, each as its kind and name."""
    automation: Observation[Mapping[str, AutomationRule]]
    """ARN → automation rule, whoever made it; NotYet where Security Hub is off."""

    def listening(self, action: str) -> tuple[str, ...]:
        """The rules of others that answer to a custom action."""
        return tuple(each.name for each in self.strangers if action in actions_of([each]))


def actions_of(rules: Iterable[Rule]) -> frozenset[str]:
    """The ARNs of the custom actions that rules answer to, by their patterns."""
    named = [each for rule in rules for each in (rule.pattern or {}).get("resources") or ()]
    return frozenset(each for each in named if isinstance(each, str) and ":action/custom/" in each)


def observe(view: View, reader: Reader) -> Mapping[str, Ours]:
    """Every Region that is asked for and in which the delegated account can act, side by side."""
    regions = [region for region in view.population.regions if _acts(view, region)]
    jobs = [partial(_region, view.delegated, each, reader, first=each == regions[0]) for each in regions]
    return dict(zip(regions, reader.parallel(jobs), strict=True))


def _region(account: str, region: str, reader: Reader, *, first: bool) -> Ours:
    jobs: list[Callable[[], Any]] = [
        partial(_tried, partial(_rules, account, region, reader)),
        partial(custom_actions, account, region, reader),
        partial(_tried, partial(_roles, account, region, reader)) if first else partial(Known, {}),
        partial(_tried, partial(read_counting, account, region, reader)),
        partial(seen_in, account, region, reader),
    ]
    rules, actions, roles, counting, automated = reader.parallel(jobs)
    if not isinstance(rules, Known):
        return Ours(rules, (), actions, rules, roles, rules, counting, automated)
    own = {name: rule for name, rule in rules.value.items() if rule.ours}
    others = tuple(rule for rule in rules.value.values() if not rule.ours and rule.enabled and hears_security_hub(rule.pattern))
    destinations = _tried(partial(_destinations, account, region, frozenset(own), reader))
    lets_in = _tried(partial(_lets_in, account, region, own.values(), reader))
    return Ours(Known(own), others, actions, destinations, roles, lets_in, counting, automated)


def functions_of(rule: Rule) -> tuple[str, ...]:
    """The functions that a rule sends to."""
    arns = {str(each.get("Arn", "")) for each in rule.targets.values()}
    return tuple(sorted(arn for arn in arns if arn.split(":")[2:3] == [FUNCTIONS]))


def _lets_in(account: str, region: str, rules: Iterable[Rule], reader: Reader) -> dict[str, frozenset[str]]:
    arns = sorted({arn for rule in rules for arn in functions_of(rule)})
    read = reader.parallel([partial(read_policy, each, account, region, reader) for each in arns])
    return {arn: policies.ours_in(policy) for arn, policy in zip(arns, read, strict=True)}


def _roles(account: str, region: str, reader: Reader) -> dict[str, ChannelRole]:
    pages = reader.pages(IAM, "ListRoles", account, region, PathPrefix=ROLE_PATH)
    names = [each["RoleName"] for page in pages for each in page.get("Roles") or ()]
    read = reader.parallel([partial(read_role, each, account, region, reader) for each in names])
    return {name: role for name, role in zip(names, read, strict=True) if role is not None and role.ours}


def _tried(read: Callable[[], Any]) -> Observation[Any]:
    try:
        return Known(read())
    except CallFailed as error:
        return unread(error)


def _rules(account: str, region: str, reader: Reader) -> dict[str, Rule]:
    found = {each["Name"]: as_rule(each, {}) for each in listed_rules(account, region, reader)}
    own = [name for name, rule in found.items() if rule.ours]
    targets = reader.parallel([partial(read_targets, name, account, region, reader) for name in own])
    return {**found, **{name: replace(found[name], targets=sent) for name, sent in zip(own, targets, strict=True)}}


def _destinations(account: str, region: str, own: frozenset[str], reader: Reader) -> dict[str, tuple[str, ...]]:
    """Queues and topics that have our tag, each with the rules of others that send to it."""
    urls = [url for page in reader.pages(QUEUES, "ListQueues", account, region) for url in page.get("QueueUrls") or ()]
    topics = [each["TopicArn"] for page in reader.pages(TOPICS, "ListTopics", account, region) for each in page.get("Topics") or ()]
    jobs = [partial(_queue, url, account, region, reader) for url in urls]
    jobs += [partial(_topic, arn, account, region, reader) for arn in topics]
    arns = [arn for arn in reader.parallel(jobs) if arn]
    senders = reader.parallel([partial(_senders, arn, account, region, reader) for arn in arns])
    return {arn: tuple(sorted(set(names) - own)) for arn, names in zip(arns, senders, strict=True)}


def _queue(url: str, account: str, region: str, reader: Reader) -> str:
    """The ARN of a queue of ours; "" for any other."""
    try:
        tags = reader.read(QUEUES, "ListQueueTags", account, region, QueueUrl=url).get("Tags") or {}
        if tags.get(TAG) != TAGGED:
            return ""
        asked = reader.read(QUEUES, "GetQueueAttributes", account, region, QueueUrl=url, AttributeNames=["QueueArn"])
    except CallFailed as error:
        if error.code in MISSING:
            return ""
        raise
    return str(asked["Attributes"]["QueueArn"])


def _topic(arn: str, account: str, region: str, reader: Reader) -> str:
    """The ARN of a topic of ours; "" for any other."""
    try:
        listed = reader.read(TOPICS, "ListTagsForResource", account, region, ResourceArn=arn).get("Tags") or ()
    except CallFailed as error:
        if error.code in MISSING:
            return ""
        raise
    return arn if tags_of(listed).get(TAG) == TAGGED else ""


def _senders(arn: str, account: str, region: str, reader: Reader) -> list[str]:
    pages = reader.pages(EVENTS, "ListRuleNamesByTarget", account, region, TargetArn=arn)
    return [name for page in pages for name in page.get("RuleNames") or ()]


def active_routes(view: View, reader: Reader) -> Mapping[str, tuple[str, ...]]:
    """Region → the rules of ours that are enabled, in every Region of the organization in which the delegated account can act."""
    asked = [each for each in sorted(view.organization.enabled_regions) if _acts(view, each)]
    found = reader.parallel([partial(listed_rules, view.delegated, each, reader) for each in asked])
    active = {
        region: tuple(sorted(rule.name for rule in (as_rule(each, {}) for each in listed) if rule.ours and rule.enabled))
        for region, listed in zip(asked, found, strict=True)
    }
    return {region: names for region, names in active.items() if names}


Listeners = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Region → rule → the ARNs of its targets."""


def listeners(sources: frozenset[str], view: View, reader: Reader) -> Listeners:
    """Enabled rules of others that hear a service, by the sources of its events, in the Regions that are asked for."""
    regions = [each for each in view.population.regions if _acts(view, each)]
    found = reader.parallel([partial(_listeners, sources, view.delegated, each, reader) for each in regions])
    return {region: rules for region, rules in zip(regions, found, strict=True) if rules}


def _listeners(sources: frozenset[str], account: str, region: str, reader: Reader) -> dict[str, tuple[str, ...]]:
    rules = [as_rule(each, {}) for each in listed_rules(account, region, reader)]
    others = [each.name for each in rules if each.enabled and not each.ours and not each.managed_by and _hears(each, sources)]
    sent = reader.parallel([partial(read_targets, each, account, region, reader) for each in others])
    return {
        name: tuple(sorted(str(each["Arn"]) for each in targets.values())) for name, targets in zip(others, sent, strict=True)
    }  # fmt: skip


def _hears(rule: Rule, sources: frozenset[str]) -> bool:
    """By its source alone; what is not a plain word or a beginning is taken for hearing: better named once too often."""
    if rule.pattern is None:
        return False
    for each in rule.pattern.get("source") or [{}]:
        if isinstance(each, str):
            if each in sources:
                return True
        elif "prefix" not in each or any(source.startswith(str(each["prefix"])) for source in sources):
            return True
    return False


def _acts(view: View, region: str) -> bool:
    opted = view.organization.regions.get(view.delegated)
    return not isinstance(opted, Known) or opted.value.get(region) in ENABLED
