"""Custom actions, and pressing them: the one thing that only a person in the console does.

How long a name may be: variant "securityhub action name", "20" (the API's words) or "19" (the console's page: fewer than 20).
"""

import copy
import re
from collections.abc import Sequence
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.events.putting import put
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

from .errors import conflict, invalid, missing, not_subscribed
from .places import bounded
from .state import ActionTarget, Hub, state_of
from .switching import require_hub
from .visibility import visible

MOST_SELECTED = 20
"""Findings that a person can select for one press [docs]."""


def _check_name(call: Call, name: str | None) -> None:
    longest = int(call.world.variants.get("securityhub action name", "20"))
    if name is not None and len(name) > longest:
        raise invalid(f"Name can have up to {longest} characters")  # text assumed


@operation("securityhub", "CreateActionTarget")
def create_action_target(call: Call, Name: str, Description: str, Id: str) -> dict[str, Any]:
    """A custom action; name and id up to 20 characters, at most 50 [docs]; a repeat conflicts [seen]."""
    hub = require_hub(call)
    _check_name(call, Name)
    if not re.fullmatch(r"[A-Za-z0-9]{1,20}", Id):
        raise invalid("Id must be 1 to 20 letters and digits")  # rule [docs], text assumed
    arn = f"arn:{call.partition}:securityhub:{call.region}:{call.account}:action/custom/{Id}"
    if arn in hub.action_targets:
        raise conflict(f"Action with Id: {Id} already exists")
    if len(hub.action_targets) >= 50:
        raise ApiError("LimitExceededException", "The limit of 50 custom actions is reached", 429)  # quota [docs], text assumed
    hub.action_targets[arn] = ActionTarget(arn, Name, Description)
    return {"ActionTargetArn": arn}


def _target(hub: Hub, arn: str) -> ActionTarget:
    if arn not in hub.action_targets:
        raise missing(f"Action target {arn} was not found")
    return hub.action_targets[arn]


@operation("securityhub", "DescribeActionTargets")
def describe_action_targets(
    call: Call,
    ActionTargetArns: list[str] | None = None,
    NextToken: str | None = None,
    MaxResults: int | None = None,
) -> dict[str, Any]:
    """Named ones or all; an unknown ARN is not found [model]."""
    hub = require_hub(call)
    bounded(MaxResults, 100)
    found = [_target(hub, arn) for arn in ActionTargetArns or hub.action_targets]
    listed = [{"ActionTargetArn": each.arn, "Name": each.name, "Description": each.description} for each in found]
    shown, token = page(listed, NextToken, MaxResults, 100)
    return {"ActionTargets": shown, "NextToken": token}


@operation("securityhub", "UpdateActionTarget")
def update_action_target(
    call: Call,
    ActionTargetArn: str,
    Name: str | None = None,
    Description: str | None = None,
) -> dict[str, Any]:
    found = _target(require_hub(call), ActionTargetArn)
    _check_name(call, Name)
    found.name, found.description = Name or found.name, Description or found.description
    return {}


@operation("securityhub", "DeleteActionTarget")
def delete_action_target(call: Call, ActionTargetArn: str) -> dict[str, Any]:
    hub = require_hub(call)
    del hub.action_targets[_target(hub, ActionTargetArn).arn]
    return {"ActionTargetArn": ActionTargetArn}


def press(world: World, account: str, region: str, action: str, finding: Sequence[str]) -> dict[str, int]:
    """Press a custom action in the console of an account and Region on findings that are seen there, named by their ids.

    Each finding is an event of its own, on the bus of that account and Region [docs]. Raises what the console would not offer: an
    action that is not there, findings that are not seen, none or too many of them.
    """
    hub = state_of(world).hubs.get((account, region))
    if hub is None:
        raise not_subscribed(account)
    target = _target(hub, action)
    if not 1 <= len(finding) <= MOST_SELECTED:
        raise invalid(f"1 to {MOST_SELECTED} findings can be selected, not {len(finding)}")
    seen = {each["Id"]: each for each in visible(world, account, region)}
    unseen = [each for each in finding if each not in seen]
    if unseen:
        raise missing(f"Finding {unseen[0]} is not seen in account {account}, Region {region}")
    for each in dict.fromkeys(finding):
        detail = {
            "actionName": target.name,
            "actionDescription": target.description,
            "findings": [copy.deepcopy(seen[each])],
        }
        put(world, account, region, "aws.securityhub", "Security Hub Findings - Custom Action", [action], detail)
    return {"events": len(set(finding))}
