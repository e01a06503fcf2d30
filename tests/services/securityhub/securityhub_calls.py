"""Calls of Security Hub that a line of the AWS CLI has to say."""

import value_samples as samples

CALLS = [
    samples.action("UpdateOrganizationConfiguration", {"AutoEnable": True, "AutoEnableStandards": "NONE"}, service="securityhub"),
    samples.action("UpdateOrganizationConfiguration", {"AutoEnable": False}, service="securityhub"),
    samples.action(
        "BatchEnableStandards", {"StandardsSubscriptionRequests": [{"StandardsArn": "arn:made-up:x"}]}, service="securityhub"
    ),
    samples.action("CreateFindingAggregator", {"RegionLinkingMode": "ALL_REGIONS"}, service="securityhub"),
]
