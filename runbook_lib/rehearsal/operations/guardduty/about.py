"""GuardDuty by name and number, as the simulation has it."""

from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.guardduty.texts import GENERIC
from runbook_lib.rehearsal.simulated import SimulatedService


def _body(error: ApiError, body: dict[str, Any]) -> dict[str, Any]:
    # aws-behaviour 5.1: header and body disagree
    return {**body, "__type": "InvalidInputException" if error.code == "BadRequestException" else error.code}


def _handed_back(account: str, why: str) -> dict[str, Any]:
    return {"AccountId": account, "Result": why}


ABOUT = SimulatedService(
    name="guardduty",
    order=20,
    invalid=("BadRequestException", GENERIC),
    throttle=lambda: ApiError("TooManyRequestsException", "Too Many Requests", 429),  # [assumed]
    failure="InternalServerErrorException",
    concurrent="BadRequestException",  # [assumed] GuardDuty has no better code
    rates={"*": (5, 10)},  # nothing is published: [assumed]
    designation=("EnableOrganizationAdminAccount", "DisableOrganizationAdminAccount", "AdminAccountId"),
    principal="guardduty.amazonaws.com",
    trusted=("malware-protection.guardduty.amazonaws.com",),
    roles={
        "guardduty.amazonaws.com": "AWSServiceRoleForAmazonGuardDuty",
        "malware-protection.guardduty.amazonaws.com": "AWSServiceRoleForAmazonGuardDutyMalwareProtection",
    },
    policy_types=frozenset({"GUARDDUTY_POLICY"}),
    batches={
        "CreateMembers": ("AccountDetails", "UnprocessedAccounts", _handed_back),
        "UpdateMemberDetectors": ("AccountIds", "UnprocessedAccounts", _handed_back),
        "StartMonitoringMembers": ("AccountIds", "UnprocessedAccounts", _handed_back),
    },
    resources={
        "GetDetector": "arn:{partition}:guardduty:{region}:{account}:detector/{DetectorId}",
        "UpdateDetector": "arn:{partition}:guardduty:{region}:{account}:detector/{DetectorId}",
    },
    needs={  # [docs: permissions to designate a delegated administrator]
        "EnableOrganizationAdminAccount": (
            "organizations:DescribeAccount",
            "organizations:DescribeOrganization",
            "organizations:DescribeOrganizationalUnit",
            "organizations:EnableAWSServiceAccess",
            "organizations:ListAWSServiceAccessForOrganization",
            "organizations:ListDelegatedAdministrators",
            "organizations:RegisterDelegatedAdministrator",
        ),
    },
    drawn=(
        "CreateDetector",
        "EnableOrganizationAdminAccount",
        "CreateMembers",
        "UpdateOrganizationConfiguration",
        "UpdateMemberDetectors",
        "ListMembers",
        "ListDetectors",
        "*",
    ),
    drawn_batches=("CreateMembers", "UpdateMemberDetectors"),
    error_body=_body,
)
