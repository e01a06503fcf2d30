"""Integrations that send findings."""

from typing import Any

from runbook_lib.rehearsal.registry import Call, operation, page

from .catalogue import products, subscription_of
from .errors import conflict, missing
from .places import bounded
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
