"""Integrations that send findings, and custom actions."""

import re
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.registry import Call, operation, page

from .catalogue import products, subscription_of
from .errors import conflict, invalid, missing
from .places import bounded
from .state import ActionTarget, Hub
from .switching import require_hub


@operation("securityhub", "DescribeProducts")
def describe_products(
    call: Call,
    NextToken: str | None = None,
    MaxResults: int | None = None,
    ProductArn: str | None = None,
) -> dict[str, Any]:
    bounded(MaxResults, 100)
    listed = [
        {
            "ProductArn": arn,
            "ProductName": name,
            "CompanyName": company,
            "Description": f"{name} sends findings.",
            "IntegrationTypes": ["SEND_FINDINGS_TO_SECURITY_HUB"],
        }
        for arn, (company, name) in products(call.partition, call.region).items()
        if ProductArn in (None, arn)
    ]
    shown, token = page(listed, NextToken, MaxResults, 100)
    return {"Products": shown, "NextToken": token}


@operation("securityhub", "ListEnabledProductsForImport")
def list_enabled_products_for_import(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    """The caller's product subscriptions; AWS's own are there from the start [docs]."""
    hub = require_hub(call)
    shown, token = page(sorted(hub.products), NextToken, bounded(MaxResults, 100), 100)
    return {"ProductSubscriptions": shown, "NextToken": token}


@operation("securityhub", "EnableImportFindingsForProduct")
def enable_import_findings_for_product(call: Call, ProductArn: str) -> dict[str, Any]:
    """A repeat conflicts [model]; an unknown product is not found, with its ARN as the message [seen]."""
    hub = require_hub(call)
    if ProductArn not in products(call.partition, call.region):
        raise missing(f'{{"productArn":"{ProductArn}"}}')
    arn = subscription_of(ProductArn, call.account)
    if arn in hub.products:
        raise conflict(f"Product {ProductArn} is already enabled")
    hub.products.add(arn)
    return {"ProductSubscriptionArn": arn}


@operation("securityhub", "DisableImportFindingsForProduct")
def disable_import_findings_for_product(call: Call, ProductSubscriptionArn: str) -> dict[str, Any]:
    hub = require_hub(call)
    if ProductSubscriptionArn not in hub.products:
        raise missing(f"Product subscription {ProductSubscriptionArn} was not found")
    hub.products.remove(ProductSubscriptionArn)
    return {}


def _check_name(name: str | None) -> None:
    if name is not None and len(name) > 20:
        raise invalid("Name can have up to 20 characters")  # rule [docs], text assumed


@operation("securityhub", "CreateActionTarget")
def create_action_target(call: Call, Name: str, Description: str, Id: str) -> dict[str, Any]:
    """A custom action; name and id up to 20 characters, at most 50 [docs]; a repeat conflicts [seen]."""
    hub = require_hub(call)
    _check_name(Name)
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
    _check_name(Name)
    found.name, found.description = Name or found.name, Description or found.description
    return {}


@operation("securityhub", "DeleteActionTarget")
def delete_action_target(call: Call, ActionTargetArn: str) -> dict[str, Any]:
    hub = require_hub(call)
    del hub.action_targets[_target(hub, ActionTargetArn).arn]
    return {"ActionTargetArn": ActionTargetArn}
