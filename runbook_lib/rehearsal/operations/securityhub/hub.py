"""The hub of the calling account: on, off, its settings and its tags."""

import datetime as dt
from typing import Any

from runbook_lib.rehearsal.permissions import require_service_linked_role
from runbook_lib.rehearsal.registry import Call, operation

from .automation import tags_of
from .central import refuse_governed
from .errors import ADMINISTRATOR_KEEPS_HUB, ALREADY_ON, MEMBER_KEEPS_HUB, invalid, missing, refusal
from .places import PRINCIPAL
from .state import state_of
from .switching import find_hub, require_hub, switch_on


def moment(seconds: float) -> str:
    """A point in time as Security Hub writes it in strings."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@operation("securityhub", "EnableSecurityHub")
def enable_security_hub(
    call: Call,
    Tags: dict[str, str] | None = None,
    EnableDefaultStandards: bool = True,
    ControlFindingGenerator: str = "SECURITY_CONTROL",
) -> dict[str, Any]:
    """Turn the caller's hub on, with the default standards unless told otherwise [model]; a repeat conflicts [seen]."""
    refuse_governed(call)
    if find_hub(call.world, call.account, call.region) is not None:
        raise refusal(ALREADY_ON)
    require_service_linked_role(call, PRINCIPAL)
    switch_on(
        call.world,
        call.account,
        call.region,
        default_standards=EnableDefaultStandards,
        generator=ControlFindingGenerator,
        tags=Tags,
    )
    return {}


@operation("securityhub", "DisableSecurityHub")
def disable_security_hub(call: Call) -> dict[str, Any]:
    """Turn the caller's hub off: not the administrator's, also while its removal settles, and not a member's [seen]."""
    if find_hub(call.world, call.account, call.region) is None:
        raise missing(f"Account {call.account} is not subscribed to AWS Security Hub")
    refuse_governed(call)
    state = state_of(call.world)
    administration = state.administrations.get(call.region)
    if administration is not None and administration.account == call.account:
        raise refusal(ADMINISTRATOR_KEEPS_HUB)
    if (call.account, call.region) in state.administrator_of:
        raise refusal(MEMBER_KEEPS_HUB)
    del state.hubs[call.account, call.region]
    return {}


@operation("securityhub", "DescribeHub")
def describe_hub(call: Call, HubArn: str | None = None) -> dict[str, Any]:
    """The caller's hub; InvalidAccessException while it is off [seen], ResourceNotFoundException for another ARN (assumed)."""
    hub = require_hub(call)
    if HubArn is not None and HubArn != hub.arn:
        raise missing(f"Hub {HubArn} was not found")
    return {
        "HubArn": hub.arn,
        "SubscribedAt": moment(hub.subscribed_at),
        "AutoEnableControls": hub.auto_enable_controls,
        "ControlFindingGenerator": hub.generator,
    }


@operation("securityhub", "UpdateSecurityHubConfiguration")
def update_security_hub_configuration(
    call: Call,
    AutoEnableControls: bool | None = None,
    ControlFindingGenerator: str | None = None,
) -> dict[str, Any]:
    """Change whether new controls come on by themselves, and how control findings are made [model]."""
    hub = require_hub(call)
    refuse_governed(call)
    if AutoEnableControls is not None:
        hub.auto_enable_controls = AutoEnableControls
    hub.generator = ControlFindingGenerator or hub.generator
    return {}


def _tags_of(call: Call, arn: str) -> dict[str, str]:
    """The tags of the hub or of an automation rule: the taggable resources that are simulated."""
    hub = find_hub(call.world, call.account, call.region)
    of_rule = tags_of(call.world, (call.account, call.region), arn)
    if of_rule is not None:
        return of_rule
    if hub is None or hub.arn != arn:
        raise missing(f"Resource {arn} was not found")
    return hub.tags


@operation("securityhub", "ListTagsForResource")
def list_tags_for_resource(call: Call, ResourceArn: str) -> dict[str, Any]:
    return {"Tags": dict(_tags_of(call, ResourceArn))}


@operation("securityhub", "TagResource")
def tag_resource(call: Call, ResourceArn: str, Tags: dict[str, str]) -> dict[str, Any]:
    """At most 50 tags on a resource [model]."""
    tags = _tags_of(call, ResourceArn)
    if len(tags | Tags) > 50:
        raise invalid("A resource can have up to 50 tags")
    tags.update(Tags)
    return {}


@operation("securityhub", "UntagResource")
def untag_resource(call: Call, ResourceArn: str, TagKeys: list[str]) -> dict[str, Any]:
    tags = _tags_of(call, ResourceArn)
    for key in TagKeys:
        tags.pop(key, None)
    return {}
