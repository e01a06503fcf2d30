"""Macie by name and number, as the simulation has it."""

from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import SimulatedService

REGIONS = frozenset({
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1",
    "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3",
    "il-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip
"""[model] endpoints: neither GovCloud, nor China, nor a further partition, nor the newest Regions."""


def _handed_back(account: str, _why: str) -> dict[str, Any]:
    return {"accountId": account, "errorCode": "ACCOUNT_PAUSED"}


ABOUT = SimulatedService(
    name="macie2",
    order=40,
    invalid=("ValidationException", "{problem}"),  # [model]; the words are botocore's
    throttle=lambda: ApiError("ThrottlingException", "Rate exceeded", 429),  # [model]
    failure="InternalServerException",
    concurrent="ConflictException",  # [assumed]
    rates={"CreateMember": (1, 5), "*": (5, 10)},  # nothing is published: [assumed]; published scripts wait a second for each
    designation=("EnableOrganizationAdminAccount", "DisableOrganizationAdminAccount", "adminAccountId"),
    regions=REGIONS,
    principal="macie.amazonaws.com",
    roles={"macie.amazonaws.com": "AWSServiceRoleForAmazonMacie"},
    resources={"*": "*"},  # [docs: service authorization reference]; members can be named by tags alone
    needs={  # [assumed]: as of the other services that Organizations registers by their designation
        "EnableOrganizationAdminAccount": (
            "organizations:DescribeAccount",
            "organizations:DescribeOrganization",
            "organizations:EnableAWSServiceAccess",
            "organizations:ListAWSServiceAccessForOrganization",
            "organizations:ListDelegatedAdministrators",
            "organizations:RegisterDelegatedAdministrator",
        ),
    },
    batches={"BatchUpdateAutomatedDiscoveryAccounts": ("accounts", "errors", _handed_back)},
    drawn=(
        "EnableMacie",
        "EnableOrganizationAdminAccount",
        "CreateMember",
        "UpdateOrganizationConfiguration",
        "UpdateAutomatedDiscoveryConfiguration",
        "ListMembers",
        "*",
    ),
    drawn_batches=("BatchUpdateAutomatedDiscoveryAccounts",),
    drawn_unasked=False,
)
