"""Inspector's refusals as data, each with its source; what is marked assumed is settled by a live test (aws-behaviour 13)."""

from runbook_lib.rehearsal.errors import ApiError

NO_ACCESS = "Invoking account does not have access to {what}"
"""[tf PR#27000][issue SRA#316] for the first two below; for other operations by analogy (assumed)."""
DESCRIBE_ORGANIZATION = "describe the organization configuration."
GET_MEMBER = "get member account"
UPDATE_ORGANIZATION = "update the organization configuration."
ASSOCIATE = "associate the member account."
DISASSOCIATE = "disassociate the member account."
LIST_MEMBERS = "list the member accounts."
ENABLE_MEMBERS = "enable the member accounts."
DISABLE_MEMBERS = "disable the member accounts."
MEMBER_STATUS = "get the status of the member accounts."
CONFIGURE_MEMBER = "the configuration of the member account."
DEEP_INSPECTION = "the deep inspection configuration of the organization."
DESIGNATE = "manage the delegated administrator account of the organization."

NO_ACCOUNT_ACCESS = "Invoking account does not have access to this account"
"""[issue tf#27646]: failedAccounts, ACCESS_DENIED, also while an association has not settled."""
NO_SERVICE_ROLE = "Invoking account is not authorized to perform iam:CreateServiceLinkedRole"
"""[issue SRA#308]"""
NOT_SUPPORTED = "{scan} is not supported in {region}"
"""[tf PR#38254]"""
ALREADY_DESIGNATED = "Delegated administrator {account} is already enabled for the organization"
"""[code tf]: for the same account; that it also names another one is assumed."""
NO_ADMINISTRATOR = "The organization has no delegated administrator account."
"""ResourceNotFoundException (aws-behaviour 6.2); the words are assumed."""
IS_ADMINISTRATOR = "Invoking account {account} is the delegated admin."
"""[code verify]: ListDelegatedAdminAccounts answers the administrator with "is the delegated admin"; the rest is assumed."""
NOT_ADMINISTRATOR = "Account {account} is not the delegated administrator of the organization."
"""[code tf]: "not the delegated administrator"; the rest is assumed."""
NO_TRUSTED_ACCESS = "Trusted access for Amazon Inspector is not enabled in the organization."
"""[docs'23] trusted access comes first from an SDK; code and words are assumed."""
NOT_ALL_FEATURES = "The organization does not have all features enabled."
"""[docs'23]; code and words are assumed."""
NOT_ELIGIBLE = "Account {account} cannot be the delegated administrator of the organization."
"""Assumed: not an active member, the management account, or without the Region."""
NOT_YET_ASSOCIATED = (
    "The request is rejected because the current account cannot disassociate the given member account ID "
    "since the latter is not yet associated to it."
)
"""[code tf]"""
NOT_ASSOCIABLE = "Account {account} cannot be associated: it is not an active member account of the organization."
"""Assumed."""
ASSOCIATED_ALREADY = "Account {account} is already associated."
"""Assumed: whether a repetition is refused at all is not documented."""
MIXED_ACCOUNTS = "The delegated administrator account and member accounts cannot be enabled in one request."
"""[issue tf#31307] says they must not be mixed; code and words are assumed."""
NEEDS_LAMBDA = "Lambda code scanning requires Lambda standard scanning."
"""[belief]"""
UNKNOWN_TYPE = "1 validation error detected: Value at 'resourceTypes' failed to satisfy constraint: {constraint}"
"""[tf PR#33935]"""
OUT_OF_RANGE = "1 validation error detected: Value at '{field}' failed to satisfy constraint: {constraint}"
"""In the form of the text above (assumed)."""
FILTER_EXISTS = "A filter with the name {name} already exists."
NO_FILTER = "The filter {arn} does not exist."
FILTERS_OF_ADMINISTRATOR = "Member accounts cannot create, update or delete filters."
"""[docs] that members have none of their own; the words are assumed, as those above."""
UNCHANGEABLE_BY_MEMBER = "Member accounts cannot update the scan configuration."
"""[model] member accounts cannot call UpdateConfiguration; the words are assumed."""

SCANS = {
    "EC2": "EC2 scanning",
    "ECR": "ECR scanning",
    "LAMBDA": "Lambda standard scanning",
    "LAMBDA_CODE": "Lambda code scanning",
    "CODE_REPOSITORY": "Code repository scanning",
    "AMI": "AMI scanning",
}
"""As NOT_SUPPORTED names them: Lambda code scanning [tf PR#38254], the others by analogy (assumed)."""
ACCOUNT_ERRORS = {
    "ACCESS_DENIED": NO_ACCOUNT_ACCESS,
    "ALREADY_ENABLED": "The account is already enabled for the requested resource types",
    "ENABLE_IN_PROGRESS": "Enabling of the account is in progress",
    "DISABLE_IN_PROGRESS": "Disabling of the account is in progress",
    "DISASSOCIATE_ALL_MEMBERS": "Disassociate all member accounts first",
    "BLOCKED_BY_ORGANIZATION_POLICY": "An organization policy governs the account",
}
"""Codes of failedAccounts [model]; the words but for the first are assumed."""
STATE_ERRORS = {
    **ACCOUNT_ERRORS,
    "SUSPEND_IN_PROGRESS": "Suspending of the account is in progress",
    "ACCOUNT_IS_ISOLATED": "The account is suspended",
    "RESOURCE_NOT_FOUND": "Nothing is enabled",
}
"""What stands beside a status in BatchGetAccountStatus: assumed, all of it."""


def denied(text: str) -> ApiError:
    return ApiError("AccessDeniedException", text)


def no_access(what: str) -> ApiError:
    """The refusal of somebody who is not, or not yet, the delegated administrator."""
    return denied(NO_ACCESS.format(what=what))


def invalid(text: str, reason: str = "FIELD_VALIDATION_FAILED") -> ApiError:
    return ApiError("ValidationException", text, reason=reason)


def not_found(text: str) -> ApiError:
    return ApiError("ResourceNotFoundException", text)


def conflict(text: str, account: str) -> ApiError:
    return ApiError("ConflictException", text, resourceId=account, resourceType="DELEGATED_ADMIN_ACCOUNT")
