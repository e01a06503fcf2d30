"""Inspector by name and number, as the simulation has it."""

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import SimulatedService

ABOUT = SimulatedService(
    name="inspector2",
    order=30,
    invalid=("ValidationException", "{problem}"),  # [assumed]
    invalid_members={"reason": "FIELD_VALIDATION_FAILED"},
    throttle=lambda: ApiError("ThrottlingException", "Rate exceeded", 429, retryAfterSeconds=1),  # aws-behaviour 6.1
    failure="InternalServerException",
    concurrent="ConflictException",  # [assumed]
    rates={"*": (5, 10)},  # nothing is published: [assumed]
    designation=("EnableDelegatedAdminAccount", "DisableDelegatedAdminAccount", "delegatedAdminAccountId"),
    principal="inspector2.amazonaws.com",
    roles={
        "inspector2.amazonaws.com": "AWSServiceRoleForAmazonInspector2",
        "agentless.inspector2.amazonaws.com": "AWSServiceRoleForAmazonInspector2Agentless",
    },
    policy_types=frozenset({"INSPECTOR_POLICY"}),
    batches={
        "Enable": (
            "accountIds",
            "failedAccounts",
            lambda account, why: {"accountId": account, "errorCode": "INTERNAL_ERROR", "errorMessage": why},
        ),
    },
    nothing_done={"accounts": []},
    resources={"*": "*"},
    needs={  # [docs: permissions to designate a delegated administrator]
        "EnableDelegatedAdminAccount": (
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
        "EnableDelegatedAdminAccount",
        "AssociateMember",
        "Enable",
        "UpdateOrganizationConfiguration",
        "BatchGetAccountStatus",
        "*",
    ),
    drawn_batches=("Enable",),
)
