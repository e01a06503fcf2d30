"""What the file alone shows about `response`: doors that lead nowhere, ids that nobody defines, messages that would come twice."""

import datetime as dt
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from runbook_lib.base.documents import Path, Problem, nearest
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.response import CHANNEL_KINDS, LONGEST_WITH_CEILING, LONGEST_WITH_ROLE

KEY = "response"
LONGEST_SHADOW = dt.timedelta(days=14)
"""A queue drops messages that are older [model: SQS's longest MessageRetentionPeriod]."""
SERVICES = {"queue": "sqs", "topic": "sns", "undelivered": "sqs"}
"""What can be made, or named by an ARN → the service that the ARN has to name."""
FIELDS = ("products", "severities", "controls", "types", "workflow_statuses", "accounts", "regions")
"""Keys of a finding filter by whose values alone two filters can be told apart; units overlap as the organization has them."""


def response_regions(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Regions that routes, automation rules and suppressions name."""
    filters = [(key, item) for key in ("routes", "automation_rules", "suppression") for item, _ in _entries(tree, key)]
    for kind, item in filters:
        path: Path = (KEY, kind, item, "findings", "regions")
        yield from (((*path, number), region) for number, region in enumerate(at(tree, *path) or ()) if region)
    if region := at(tree, KEY, "incident_response_region"):
        yield (KEY, "incident_response_region"), region


def response_arns(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Queues and topics that are there."""
    for path in _destinations(tree):
        if arn := at(tree, *path, "arn"):
            yield (*path, "arn"), arn


def check_response(tree: Tree, today: dt.date) -> Iterator[Problem]:
    """Everything about `response`; `today` decides what has expired."""
    if not isinstance(at(tree, KEY), Mapping):
        return
    if "security_hub" not in tree:
        message = "Findings come from Security Hub, and this file does not manage it. Add security_hub, or remove response."
        yield Problem((KEY,), message, "")
    yield from _places(tree)
    yield from _made_twice(tree)
    yield from _actions(tree)
    for route, entry in _entries(tree, "routes"):
        yield from _route(tree, route, entry)
        day = at(entry, "findings", "created_after")
        if day and dt.date.fromisoformat(day) > today:
            message = f"This day is after today, {today}: the route would send nothing until then. Write an earlier one."
            yield Problem((KEY, "routes", route, "findings", "created_after"), message)
    yield from _shadows(tree, today)
    yield from _ceilings(tree)
    yield from _roles(tree)
    yield from _feeds(tree)
    yield from _overlaps(tree)
    yield from _automation(tree, today)


def _entries(tree: Tree, key: str) -> list[tuple[str, Any]]:
    found = at(tree, KEY, key)
    return list(found.items()) if isinstance(found, Mapping) else []


def _destinations(tree: Tree) -> Iterator[Path]:
    for channel, _ in _entries(tree, "channels"):
        yield from ((KEY, "channels", channel, kind) for kind in CHANNEL_KINDS if at(tree, KEY, "channels", channel, kind))
    if at(tree, KEY, "undelivered"):
        yield KEY, "undelivered"


def _one_of(entry: Any, path: Path, keys: tuple[str, ...], what: str) -> Iterator[Problem]:
    if isinstance(entry, Mapping) and len(found := [key for key in keys if key in entry]) != 1:
        said = " and ".join(found) or "none of them"
        yield Problem(path, f"{what} has exactly one of {', '.join(keys[:-1])} and {keys[-1]}. Here is {said}.", "")


def _places(tree: Tree) -> Iterator[Problem]:
    """Each channel is one thing, in the one Region that has everybody's findings."""
    for channel, entry in _entries(tree, "channels"):
        yield from _one_of(entry, (KEY, "channels", channel), CHANNEL_KINDS, "A channel")
        if isinstance(entry, Mapping) and not {"queue", "topic"} & entry.keys() and len(channel) > LONGEST_WITH_ROLE:
            message = f"EventBridge gets a role for this channel, and its name has the id: at most {LONGEST_WITH_ROLE} characters."
            yield Problem((KEY, "channels", channel), message, "")
    for path in _destinations(tree):
        kind = SERVICES.get(str(path[-1]), "")
        if kind:
            yield from _one_of(at(tree, *path), path, ("make", "arn"), "A queue or topic")
        arn = at(tree, *path, "arn")
        if arn and kind and arn.split(":")[2] != kind:
            yield Problem((*path, "arn"), f"This is the ARN of a thing of {arn.split(':')[2]}, and here stands one of {kind}.")
        elif arn or not kind:
            yield from _place(tree, path, arn or "")


def _shadows(tree: Tree, today: dt.date) -> Iterator[Problem]:
    """No channel is in shadow for longer than its messages are kept."""
    for channel, entry in _entries(tree, "channels"):
        until = at(entry, "shadow_until") if isinstance(entry, Mapping) else None
        if until and dt.date.fromisoformat(until) > (last := today + LONGEST_SHADOW):
            message = f"A queue keeps messages for {LONGEST_SHADOW.days} days; today is {today}. Write {last} or an earlier one."
            yield Problem((KEY, "channels", channel, "shadow_until"), message)


def _ceilings(tree: Tree) -> Iterator[Problem]:
    """Messages are counted on their way to people and systems that read them, and not to what acts on a finding."""
    for channel, entry in _entries(tree, "channels"):
        if not isinstance(entry, Mapping) or at(entry, "daily_ceiling") is None:
            continue
        path: Path = (KEY, "channels", channel, "daily_ceiling")
        if not {"queue", "topic"} & entry.keys():
            message = "Only a queue or topic has a ceiling. Remove it, or put a topic before this channel."
            yield Problem(path, message)
        if len(channel) > LONGEST_WITH_CEILING:
            message = f"What counts gets a role whose name has the channel's id: at most {LONGEST_WITH_CEILING} characters."
            yield Problem((KEY, "channels", channel), message, "")


def _roles(tree: Tree) -> Iterator[Problem]:
    """A role is named where EventBridge uses one, and is of the account where rules are."""
    delegated = at(tree, "organization", "delegated_account")
    for channel, entry in _entries(tree, "channels"):
        arn = at(entry, "role") if isinstance(entry, Mapping) else None
        if not arn:
            continue
        path: Path = (KEY, "channels", channel, "role")
        if {"queue", "topic", "function"} & entry.keys():
            yield Problem(path, "A queue, topic or function lets EventBridge in by its own policy. Remove the role.")
        elif delegated and arn.split(":")[4] != delegated:
            yield Problem(path, f"A rule uses roles of its own account alone. Name one of {delegated}, where rules are.")


def _feeds(tree: Tree) -> Iterator[Problem]:
    """One of the two Security Hubs feeds people: routes of findings are CSPM's."""
    if at(tree, KEY, "feeds") != "V2":
        return
    for route, entry in _entries(tree, "routes"):
        if at(entry, "findings") is not None:
            message = "V2 feeds people here, and this route has findings of Security Hub CSPM, so people would hear twice."
            yield Problem((KEY, "routes", route, "findings"), f"{message} Remove the route, or feeds.", "")


def _place(tree: Tree, path: Path, arn: str) -> Iterator[Problem]:
    """A rule reaches what is in its own account and Region; a bus alone may be elsewhere, but not the one that it is on."""
    homes, delegated = home_regions(tree), at(tree, "organization", "delegated_account")
    made = str(path[-1]) in SERVICES
    key = (*path, "arn") if arn else path
    if len(homes) > 1:
        message = "Security Hub's findings are not gathered in one Region here, so one cannot take them all."
        yield Problem(key, f"{message} {'Write make.' if made else 'Name an aggregation.home_region.'}", None if arn else "")
        return
    if not arn:
        return
    _, _, _, region, account, name = arn.split(":", 5)
    if path[-1] == "event_bus":
        if (region, account, name) == (*homes, delegated, "event-bus/default"):
            yield Problem(key, "Rules are on this bus: they would send its events round in a circle. Name another one.")
    elif delegated and account != delegated:
        message = (
            f"This is of account {account}. A rule needs a role to deliver there, so name one of {delegated}, where rules are."
        )
        yield Problem(key, message)
    elif homes and homes != [region]:
        message = f"A rule delivers in its own Region only, and rules are in {homes[0]}, where findings are. Name one of there."
        yield Problem(key, message)


def home_regions(tree: Tree) -> list[str]:
    """Where rules are: Security Hub's home Region, or each of its Regions where findings are gathered in none."""
    home = at(tree, "security_hub", "aggregation", "home_region")
    return [home] if home else [each for each in at(tree, "security_hub", "regions") or () if each]


def _made_twice(tree: Tree) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str], Path] = {}
    for path in _destinations(tree):
        kind = SERVICES.get(str(path[-1]), str(path[-1]))
        for key in ("make", "arn"):
            if not (name := at(tree, *path, key)):
                continue
            if (kind, key, name) in seen:
                yield Problem((*path, key), "This is used above already: messages of both would be mixed. Give each its own.")
            seen[kind, key, name] = path


def _actions(tree: Tree) -> Iterator[Problem]:
    """Every button does something, and analysts can tell them apart."""
    used = {at(entry, "custom_action") for _, entry in _entries(tree, "routes")}
    names: dict[str, str] = {}
    actions = _entries(tree, "custom_actions")
    if len(actions) > 50:
        yield Problem(
            (KEY, "custom_actions"), f"AWS has room for 50 custom actions in an account, and here are {len(actions)}.", ""
        )
    for action, entry in actions:
        path: Path = (KEY, "custom_actions", action)
        if action not in used:
            yield Problem(path, "No route takes this custom action: pressing it would do nothing. Add a route, or remove it.", "")
        name = at(entry, "name")
        if name and name in names:
            yield Problem((*path, "name"), f"{names[name]} has this name too, and analysts see the name alone. Write another.")
        names.setdefault(name, action)


def _route(tree: Tree, route: str, entry: Any) -> Iterator[Problem]:
    path: Path = (KEY, "routes", route)
    yield from _one_of(entry, path, ("findings", "custom_action"), "A route")
    channels = [channel for channel, _ in _entries(tree, "channels")]
    for number, channel in enumerate(at(entry, "to") or ()):
        if channel and channel not in channels:
            message = f"No channel has this id. Known: {', '.join(channels)}.{nearest(channel, channels)}"
            yield Problem((*path, "to", number), message)
    actions = [action for action, _ in _entries(tree, "custom_actions")]
    action = at(entry, "custom_action")
    if action and action not in actions:
        known = f"Known: {', '.join(actions)}.{nearest(action, actions)}" if actions else "There is none."
        yield Problem((*path, "custom_action"), f"No custom action has this id. {known} Add it under response.custom_actions.")
    yield from _started_elsewhere(tree, path, entry)
    products = at(entry, "findings", "products")
    if at(entry, "findings", "controls") and products and "securityhub" not in products:
        message = "Only findings of securityhub have controls, so this route fits no finding. Add securityhub to products."
        yield Problem((*path, "findings", "controls"), message, "")


def _started_elsewhere(tree: Tree, path: Path, entry: Any) -> Iterator[Problem]:
    """A document acts in the delegated account's home Region, wherever the finding is, unless it is told where [docs]."""
    delegated, homes = at(tree, "organization", "delegated_account"), home_regions(tree)
    at_home = (at(entry, "findings", "accounts"), at(entry, "findings", "regions")) == ([delegated], homes)
    for number, channel in enumerate(at(entry, "to") or ()):
        automation = at(tree, KEY, "channels", channel, "automation") if channel else None
        told = list((at(automation, "parameters") or {}).values()) if isinstance(automation, Mapping) else []
        if automation and not at_home and not all(each in told for each in ("{account}", "{region}")):
            message = (
                f"The document of {channel} acts in account {delegated} in {', '.join(homes)}, wherever the finding is. Let the "
                "route have accounts and regions of there alone, give the document {account} and {region}, or use a state machine."
            )
            yield Problem((*path, "to", number), message)


def _automation(tree: Tree, today: dt.date) -> Iterator[Problem]:
    """Automation rules name some findings and change something; suppressions end."""
    for key in ("automation_rules", "suppression"):
        for item, entry in _entries(tree, key):
            path: Path = (KEY, key, item)
            if at(entry, "findings") == {}:
                message = "This fits every finding there is. Name products, controls, accounts, resources or what it is about."
                yield Problem((*path, "findings"), message, "")
            if key == "automation_rules" and at(entry, "changes") == {}:
                yield Problem((*path, "changes"), "This changes nothing. Write severity, criticality or note.", "")
            if key == "suppression" and item in dict(_entries(tree, "automation_rules")):
                message = "An automation rule has this id too, and both would have the same name. Give one another id."
                yield Problem(path, message, "")
            expires = at(entry, "expires")
            if expires and dt.date.fromisoformat(expires) < today:
                message = f"This suppression has expired (today is {today}). Remove it, or decide again and write a later day."
                yield Problem((*path, "expires"), message, expires)


def _overlaps(tree: Tree) -> Iterator[Problem]:
    """A finding that fits two routes to one channel would arrive there twice."""
    by_findings = [(name, entry) for name, entry in _entries(tree, "routes") if isinstance(at(entry, "findings"), Mapping)]
    for (one, first), (other, second) in combinations(by_findings, 2):
        shared = sorted(set(at(first, "to") or ()) & set(at(second, "to") or ()) - {None})
        if shared and not _apart(first["findings"], second["findings"]):
            message = (
                f"A finding can fit this route and {one}, and both go to {shared[0]}, where it would arrive twice. "
                "Name products, severities, accounts or Regions so that no finding fits both, or make one route of them."
            )
            yield Problem((KEY, "routes", other), message, "")
    pressed: dict[tuple[str, str], str] = {}
    for name, entry in _entries(tree, "routes"):
        for channel in at(entry, "to") or ():
            action = at(entry, "custom_action")
            if action and (action, channel) in pressed:
                message = f"{pressed[action, channel]} takes {action} to {channel} already, where it would arrive twice. Keep one."
                yield Problem((KEY, "routes", name), message, "")
            pressed.setdefault((action, channel), name)


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether no finding fits both filters, by one key that both have."""
    for key in FIELDS:
        first, second = (each.get(key, ["NEW"] if key == "workflow_statuses" else None) for each in (one, other))
        if not first or not second or None in first or None in second:
            continue
        if key == "types":
            if not any(a.startswith(b) or b.startswith(a) for a in first for b in second):
                return True
        elif not set(first) & set(second):
            return True
    return False
