"""Security Hub CSPM by name and number, as the simulation has it."""

from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import SimulatedService


def _body(error: ApiError, body: dict[str, Any]) -> dict[str, Any]:
    return {"Code": error.code, "Message": error.message, **{k: v for k, v in body.items() if k.lower() != "message"}}


ABOUT = SimulatedService(
    name="securityhub",
    order=10,
    invalid=("InvalidInputException", "Invalid parameter: {problem}"),  # [assumed]
    throttle=lambda: ApiError("TooManyRequestsException", "Too Many Requests", 429),  # [assumed]: 4.1 has the rate, not the code
    failure="InternalException",
    concurrent="ResourceConflictException",  # aws-behaviour 4.1
    # aws-behaviour 4.1 [model]
    rates={"BatchEnableStandards": (1, 1), "GetFindings": (3, 6), "UpdateStandardsControl": (1, 5), "*": (10, 30)},
    designation=("EnableOrganizationAdminAccount", "DisableOrganizationAdminAccount", "AdminAccountId"),
    principal="securityhub.amazonaws.com",
    roles={"securityhub.amazonaws.com": "AWSServiceRoleForSecurityHub"},
    policy_types=frozenset({"SECURITYHUB_POLICY", "SECURITYHUB_CSPM_POLICY"}),
    batches={
        "CreateMembers": (
            "AccountDetails",
            "UnprocessedAccounts",
            lambda account, why: {"AccountId": account, "ProcessingResult": why},
        ),
    },
    needs={  # [docs: permissions to designate a delegated administrator]
        "EnableOrganizationAdminAccount": (
            "organizations:DescribeOrganization",
            "organizations:EnableAWSServiceAccess",
            "organizations:ListAWSServiceAccessForOrganization",
            "organizations:ListDelegatedAdministrators",
            "organizations:RegisterDelegatedAdministrator",
        ),
        "ListOrganizationAdminAccounts": ("organizations:DescribeOrganization", "organizations:ListDelegatedAdministrators"),
    },
    drawn=(
        "EnableSecurityHub",
        "EnableOrganizationAdminAccount",
        "CreateMembers",
        "UpdateOrganizationConfiguration",
        "CreateFindingAggregator",
        "ListMembers",
        "ListOrganizationAdminAccounts",
        "BatchEnableStandards",
        "*",
    ),
    drawn_batches=("CreateMembers",),
    settles=False,
    error_body=_body,
)
