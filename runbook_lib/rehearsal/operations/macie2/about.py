"""Macie by name and number, as the simulation has it."""

from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import SimulatedService


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
