"""Reading what there is of the response: custom actions, rules with their targets, queues and topics. Reads only."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, has, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation
from runbook_lib.services.answers import text
from runbook_lib.services.obstacles import region_bar
from runbook_lib.services.response import automation, policies
from runbook_lib.services.response.around import READS as OF_OTHERS
from runbook_lib.services.response.around import beside
from runbook_lib.services.response.counted import READS as OF_COUNTS
from runbook_lib.services.response.counted import seen_of
from runbook_lib.services.response.keys import READS as OF_KEYS
from runbook_lib.services.response.keys import read_key
from runbook_lib.services.response.named import MISSING, read_named
from runbook_lib.services.response.named import READS as OF_NAMED
from runbook_lib.services.response.names import (
    EVENTS,
    HUB,
    IAM,
    IMPORTED,
    IMPORTED_V2,
    PRESSED,
    QUEUES,
    ROLE_POLICY,
    TAG,
    TAGGED,
    TOPICS,
)
from runbook_lib.services.response.own_roles import READS as OF_OWN_ROLES
from runbook_lib.services.response.own_roles import found_role, read_own_role
from runbook_lib.services.response.patterns import listens
from runbook_lib.services.response.state import ActionTarget, ChannelRole, Destination, RegionState, Rule, State
from runbook_lib.services.response.wanted import Wanted, WantedDestination, WantedRole, hub_regions, regions_of
from runbook_lib.services.view import View

READS = frozenset({
    f"{HUB}:DescribeActionTargets", f"{EVENTS}:ListRules", f"{EVENTS}:ListTargetsByRule", f"{EVENTS}:TestEventPattern",
    f"{QUEUES}:GetQueueUrl", f"{QUEUES}:GetQueueAttributes", f"{QUEUES}:ListQueueTags",
    f"{TOPICS}:GetTopicAttributes", f"{TOPICS}:ListTagsForResource",
    f"{IAM}:GetRole", f"{IAM}:GetRolePolicy",
}) | OF_NAMED | OF_KEYS | OF_COUNTS | OF_OWN_ROLES | OF_OTHERS | automation.READS  # fmt: skip
HUB_OFF = "not subscribed to AWS Security Hub"


def observe(view: View, reader: Reader) -> State:
    """Every Region that has rules, side by side."""
    section = view.settings.response
    regions = regions_of(view.settings)
    if section is None:
        return State({})
    everywhere = hub_regions(view.settings)
    jobs: list[Callable[[], Any]] = [partial(_region, Wanted(view, section, region), reader) for region in regions]
    jobs += [partial(_automation, view, region, reader) for region in everywhere]
    found = reader.parallel(jobs)
    there = dict(zip(everywhere, found[len(regions) :], strict=True))
    return State(dict(zip(regions, found[: len(regions)], strict=True)), there)


def _automation(view: View, region: str, reader: Reader) -> Observation[Any]:
    """Automation rules, where the delegated account can act at all."""
    if region_bar(view, region):
        return NotYet("the Region is usable")
    return automation.seen_in(view.delegated, region, reader)


def _region(wanted: Wanted, reader: Reader) -> RegionState:
    account, region = wanted.view.delegated, wanted.region
    jobs: list[Callable[[], Any]] = [partial(_rules, wanted, reader), partial(custom_actions, account, region, reader)]
    jobs += [partial(_destination, each, account, region, reader) for each in wanted.destinations]
    named = wanted.roles
    jobs += [partial(_role, each, account, region, reader) for each in named]
    jobs += [partial(seen_of, wanted, reader), partial(beside, wanted.section, account, region, reader)]
    rules, actions, *found, (machines, counts), others = reader.parallel(jobs)
    destinations, roles = found[: len(wanted.destinations)], found[len(wanted.destinations) :]
    return RegionState(
        actions, rules, dict(zip((each.arn for each in wanted.destinations), destinations, strict=True)),
        dict(zip((each.item for each in named), roles, strict=True)), machines, counts, others,
    )  # fmt: skip


def read_actions(account: str, region: str, reader: Reader) -> dict[str, ActionTarget]:
    """Id → custom action. Raises CallFailed."""
    listed = [
        each for page in reader.pages(HUB, "DescribeActionTargets", account, region) for each in page.get("ActionTargets") or ()
    ]
    found = [ActionTarget(each["ActionTargetArn"], text(each.get("Name")), text(each.get("Description"))) for each in listed]
    return {each.id: each for each in found}


def custom_actions(account: str, region: str, reader: Reader) -> Observation[Mapping[str, ActionTarget]]:
    """Custom actions; not yet where Security Hub is off."""
    try:
        return Known(read_actions(account, region, reader))
    except CallFailed as error:
        if has(error, HUB_OFF):
            return NotYet("Security Hub is on in the delegated account")
        return unread(error)


def read_rule(name: str, account: str, region: str, reader: Reader) -> Rule | None:
    """One rule with its targets. Raises CallFailed."""
    found = [each for each in listed_rules(account, region, reader, NamePrefix=name) if each["Name"] == name]
    return as_rule(found[0], read_targets(name, account, region, reader)) if found else None


def read_targets(rule: str, account: str, region: str, reader: Reader) -> dict[str, Mapping[str, Any]]:
    """Id → target of a rule. Raises CallFailed."""
    pages = reader.pages(EVENTS, "ListTargetsByRule", account, region, Rule=rule)
    return {each["Id"]: each for page in pages for each in page.get("Targets") or ()}


def listed_rules(account: str, region: str, reader: Reader, **parameters: Any) -> list[dict[str, Any]]:
    """The rules of the default bus, as AWS has them. Raises CallFailed."""
    pages = reader.pages(EVENTS, "ListRules", account, region, **parameters)
    return [each for page in pages for each in page.get("Rules") or ()]


def as_rule(found: Mapping[str, Any], targets: Mapping[str, Mapping[str, Any]]) -> Rule:
    """A rule as AWS lists it, with these targets."""
    return Rule(
        found["Name"], found["Arn"], _pattern(text(found.get("EventPattern"))), text(found.get("State")) != "DISABLED",
        text(found.get("Description")), text(found.get("ManagedBy")), targets, schedule=text(found.get("ScheduleExpression")),
    )  # fmt: skip


def _pattern(written: str) -> Mapping[str, Any] | None:
    pattern: Mapping[str, Any] | None = json.loads(written) if written else None
    return pattern


def _rules(wanted: Wanted, reader: Reader) -> Observation[Mapping[str, Rule]]:
    """Every rule of the default bus; the targets of those that hear Security Hub, whoever made them."""
    account, region = wanted.view.delegated, wanted.region
    own = {rule.name for rule in wanted.rules} | wanted.digests
    try:
        rules = [as_rule(each, {}) for each in listed_rules(account, region, reader)]
        heard = [each.name for each in rules if each.name in own or hears_security_hub(each.pattern)]
        targets = dict(
            zip(heard, reader.parallel([partial(read_targets, name, account, region, reader) for name in heard]), strict=True)
        )
    except CallFailed as error:
        return unread(error)
    newer = {
        each.name: _with_targets(each, account, region, reader)
        for each in rules
        if each.name not in heard and _hears_newer_alone(each)
    }
    return Known({each.name: newer.get(each.name) or replace(each, targets=targets.get(each.name, {})) for each in rules})


def _hears_newer_alone(rule: Rule) -> bool:
    return listens(rule.pattern, IMPORTED_V2) and not hears_security_hub(rule.pattern)


def _with_targets(rule: Rule, account: str, region: str, reader: Reader) -> Rule:
    try:
        return replace(rule, targets=read_targets(rule.name, account, region, reader))
    except CallFailed as error:
        return replace(rule, unread=unread(error))


def hears_security_hub(pattern: Mapping[str, Any] | None) -> bool:
    """Whether a pattern hears Security Hub."""
    return any(listens(pattern, each) for each in (IMPORTED, PRESSED))


def read_destination(arn: str, account: str, region: str, reader: Reader) -> Destination | None:
    """A queue or topic of the account, by its ARN; None where there is none. Raises CallFailed."""
    try:
        return _queue(arn, account, region, reader) if arn.split(":")[2] == QUEUES else _topic(arn, account, region, reader)
    except CallFailed as error:
        if error.code in MISSING:
            return None
        raise


def _destination(wanted: WantedDestination, account: str, region: str, reader: Reader) -> Observation[Destination | None]:
    try:
        if wanted.named is not None:
            return Known(read_named(wanted.named, wanted.arn, account, region, reader))
        return Known(read_destination(wanted.arn, account, region, reader))
    except CallFailed as error:
        return unread(error)


def queue_url(name: str, account: str, region: str, reader: Reader) -> str:
    """AWS's address of a queue. Raises CallFailed."""
    found: str = reader.read(QUEUES, "GetQueueUrl", account, region, QueueName=name)["QueueUrl"]
    return found


def _queue(arn: str, account: str, region: str, reader: Reader) -> Destination:
    url = queue_url(arn.rpartition(":")[2], account, region, reader)
    asked = reader.read(QUEUES, "GetQueueAttributes", account, region, QueueUrl=url, AttributeNames=["All"])
    tags = reader.read(QUEUES, "ListQueueTags", account, region, QueueUrl=url).get("Tags") or {}
    attributes = asked.get("Attributes") or {}
    return _as_read(attributes, tags, account, region, reader)


def _as_read(attributes: Mapping[str, str], tags: Mapping[str, str], account: str, region: str, reader: Reader) -> Destination:
    """A queue or topic, and whether its key lets EventBridge in. Raises CallFailed."""
    key = attributes.get("KmsMasterKeyId", "")
    seen = read_key(key, account, region, reader)
    policy = policies.read(attributes.get("Policy", ""))
    return Destination(
        policy, key, tags.get(TAG) == TAGGED, shut=seen.shut, next_step=seen.next_step, unseen=seen.unseen,
        messages=_messages(attributes),
    )  # fmt: skip


def _messages(attributes: Mapping[str, str]) -> int | None:
    """How many messages a queue has, those that somebody is just looking at too; None of a topic."""
    counted = [attributes.get(f"ApproximateNumberOfMessages{each}") for each in ("", "NotVisible")]
    return sum(int(each) for each in counted if each) if any(counted) else None


def _topic(arn: str, account: str, region: str, reader: Reader) -> Destination:
    attributes = reader.read(TOPICS, "GetTopicAttributes", account, region, TopicArn=arn).get("Attributes") or {}
    tags = tags_of(reader.read(TOPICS, "ListTagsForResource", account, region, ResourceArn=arn).get("Tags") or ())
    return _as_read(attributes, tags, account, region, reader)


def _role(wanted: WantedRole, account: str, region: str, reader: Reader) -> Observation[ChannelRole | None]:
    try:
        return Known((read_own_role if wanted.own else read_role)(wanted.name, account, region, reader))
    except CallFailed as error:
        return unread(error)


def read_role(name: str, account: str, region: str, reader: Reader) -> ChannelRole | None:
    """A channel's role, by its name; None where there is none. Raises CallFailed."""
    if (found := found_role(name, account, region, reader)) is None:
        return None
    ours = tags_of(found.get("Tags") or ()).get(TAG) == TAGGED
    return ChannelRole(found.get("AssumeRolePolicyDocument") or {}, _role_policy(name, account, region, reader), ours)


def _role_policy(name: str, account: str, region: str, reader: Reader) -> Mapping[str, Any]:
    try:
        found = reader.read(IAM, "GetRolePolicy", account, region, RoleName=name, PolicyName=ROLE_POLICY)
    except CallFailed as error:
        if error.code in MISSING:
            return {}
        raise
    policy: Mapping[str, Any] = found["PolicyDocument"]
    return policy


def tags_of(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags as SNS lists them."""
    return {each["Key"]: each["Value"] for each in listed}
