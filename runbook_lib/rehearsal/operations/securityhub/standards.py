"""The standards of the calling account: what is offered, what is on, turning on and off, and a sample of their controls."""

import json
from functools import partial
from typing import Any

from runbook_lib.rehearsal.registry import Call, operation, page

from .central import refuse_governed
from .errors import invalid, missing
from .places import bounded
from .state import Hub, Subscription
from .switching import find_hub, offered_standards, require_hub, standard_status, subscribe, unsubscribe

BATCH = 25
"""Standards per call [model]."""
AWS = "AWS"


@operation("securityhub", "DescribeStandards")
def describe_standards(
    call: Call,
    NextToken: str | None = None,
    MaxResults: int | None = None,
    Providers: list[str] | None = None,
) -> dict[str, Any]:
    """What is offered in the Region.

    Whether it needs a hub is not documented: variant "securityhub describe standards", "any" or "hub".
    """
    if call.world.variants.get("securityhub describe standards", "any") == "hub":
        require_hub(call)
    listed = [
        {
            "StandardsArn": arn,
            "Name": offered.title,
            "Description": f"{offered.title}: a set of controls that Security Hub checks.",
            "EnabledByDefault": offered.by_default,
            "Provider": AWS,
            "StandardsManagedBy": {"Company": AWS, "Product": "Security Hub"},
        }
        for arn, offered in offered_standards(call).items()
        if Providers is None or AWS in Providers
    ]
    shown, token = page(listed, NextToken, bounded(MaxResults, 100), 100)
    return {"Standards": shown, "NextToken": token}


def _shown(subscription: Subscription, status: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "StandardsSubscriptionArn": subscription.arn,
        "StandardsArn": subscription.standard_arn,
        "StandardsInput": {},
        "StandardsStatus": status,
        "StandardsControlsUpdatable": "NOT_READY_FOR_UPDATES" if status in ("PENDING", "DELETING") else "READY_FOR_UPDATES",
        "Provider": AWS,
    }
    if status == "INCOMPLETE":
        described["StandardsStatusReason"] = {"StatusReasonCode": "NO_AVAILABLE_CONFIGURATION_RECORDER"}
    return described


def _read(call: Call, hub: Hub) -> list[tuple[Subscription, str]]:
    """Every subscription with the status that this read sees; those whose removal has settled go."""
    statuses = [(each, standard_status(call.world, call.account, call.region, each)) for each in hub.standards.values()]
    for subscription, status in statuses:
        if not status:
            unsubscribe(call.world, call.account, call.region, hub, subscription)
    return [(each, status) for each, status in statuses if status]


@operation("securityhub", "GetEnabledStandards")
def get_enabled_standards(
    call: Call,
    StandardsSubscriptionArns: list[str] | None = None,
    NextToken: str | None = None,
    MaxResults: int | None = None,
    Providers: list[str] | None = None,
) -> dict[str, Any]:
    """The caller's own standards and their states; it has no account parameter [model]."""
    hub = require_hub(call)
    if StandardsSubscriptionArns is not None and not 1 <= len(StandardsSubscriptionArns) <= BATCH:
        raise invalid(f"StandardsSubscriptionArns must have 1 to {BATCH} items")
    bounded(MaxResults, 100)
    read = _read(call, hub)
    if StandardsSubscriptionArns is not None:
        read = [(each, status) for each, status in read if each.arn in StandardsSubscriptionArns]
    if Providers is not None and AWS not in Providers:
        read = []
    shown, token = page([_shown(each, status) for each, status in read], NextToken, MaxResults, 100)
    return {"StandardsSubscriptions": shown, "NextToken": token}


def _require_settled(call: Call, hub: Hub) -> None:
    """While a standard is PENDING or DELETING no other can be changed: InvalidInputException [seen], text assumed."""
    busy = [each.arn for each, status in _read(call, hub) if status in ("PENDING", "DELETING")]
    if busy:
        raise invalid(f"Standards are being enabled or disabled: {', '.join(busy)}")


@operation("securityhub", "BatchEnableStandards")
def batch_enable_standards(call: Call, StandardsSubscriptionRequests: list[dict[str, Any]]) -> dict[str, Any]:
    """Turn standards on in the caller's account.

    What one that is on already answers is not documented: variant "securityhub standard again", "returned" as it is, or "refused"
    with InvalidInputException.
    """
    hub = require_hub(call)
    refuse_governed(call)
    if not 1 <= len(StandardsSubscriptionRequests) <= BATCH:
        raise invalid(f"StandardsSubscriptionRequests must have 1 to {BATCH} items")
    offered = offered_standards(call)
    wrong = [each for each in StandardsSubscriptionRequests if each["StandardsArn"] not in offered]
    if wrong:
        raise invalid(f"Invalid StandardsSubscriptionRequest(s): {json.dumps(wrong)}")  # [seen]
    _require_settled(call, hub)
    asked = [each["StandardsArn"] for each in StandardsSubscriptionRequests]
    again = [arn for arn in asked if arn in hub.standards]
    if again and call.world.variants.get("securityhub standard again", "returned") == "refused":
        raise invalid(f"Standards are enabled already: {', '.join(again)}")
    answer = []
    for arn in dict.fromkeys(asked):
        if arn in hub.standards:
            answer.append(_shown(hub.standards[arn], standard_status(call.world, call.account, call.region, hub.standards[arn])))
        else:
            answer.append(_shown(subscribe(call.world, call.account, call.region, offered[arn]), "PENDING"))
    return {"StandardsSubscriptions": answer}


@operation("securityhub", "BatchDisableStandards")
def batch_disable_standards(call: Call, StandardsSubscriptionArns: list[str]) -> dict[str, Any]:
    """Turn standards off: DELETING, then gone [model]; an unknown one refuses the call (assumed)."""
    hub = require_hub(call)
    refuse_governed(call)
    if not 1 <= len(StandardsSubscriptionArns) <= BATCH:
        raise invalid(f"StandardsSubscriptionArns must have 1 to {BATCH} items")
    known = {each.arn: each for each in hub.standards.values()}
    wrong = [each for each in StandardsSubscriptionArns if each not in known]
    if wrong:
        raise invalid(f"Invalid StandardsSubscriptionArn(s): {json.dumps(wrong)}")
    _require_settled(call, hub)
    for arn in StandardsSubscriptionArns:
        known[arn].deleting = call.world.settling(
            "DELETING", "", then=partial(unsubscribe, call.world, call.account, call.region, hub, known[arn])
        )
    return {"StandardsSubscriptions": [_shown(known[arn], "DELETING") for arn in StandardsSubscriptionArns]}


@operation("securityhub", "DescribeStandardsControls")
def describe_standards_controls(
    call: Call,
    StandardsSubscriptionArn: str,
    NextToken: str | None = None,
    MaxResults: int | None = None,
) -> dict[str, Any]:
    """A sample of a standard's controls; empty while the standard is NOT_READY_FOR_UPDATES [model]."""
    hub = require_hub(call)
    bounded(MaxResults, 100)
    found = next((each for each in hub.standards.values() if each.arn == StandardsSubscriptionArn), None)
    if found is None:
        raise missing(f"Standards subscription {StandardsSubscriptionArn} was not found")
    status = standard_status(call.world, call.account, call.region, found)
    ready = _shown(found, status or "DELETING")["StandardsControlsUpdatable"] == "READY_FOR_UPDATES"
    controls = [_control(call, found, *each) for each in found.offered.controls] if ready else []
    shown, token = page(controls, NextToken, MaxResults, 100)
    return {"Controls": shown, "NextToken": token}


def _control(call: Call, subscription: Subscription, control: str, title: str, severity: str) -> dict[str, Any]:
    prefix = f"arn:{call.partition}:securityhub:{call.region}:{call.account}:control"
    hub = find_hub(call.world, call.account, call.region)
    return {
        "StandardsControlArn": f"{prefix}/{subscription.offered.name}/v/{subscription.offered.version}/{control}",
        "ControlStatus": "ENABLED",
        "ControlStatusUpdatedAt": hub.subscribed_at if hub else call.world.now(),
        "ControlId": control,
        "Title": title,
        "Description": title,
        "SeverityRating": severity,
        "RelatedRequirements": [],
    }
