"""Security Hub's refusals: codes, HTTP statuses and texts as data, each with its source.

[model] botocore's service model, [docs] the user guide or API reference, [seen] recorded by public tools or in public threads,
[assumed] not sourced: the code is plausible, and the text must not be matched.
"""

from runbook_lib.rehearsal.errors import ApiError

NOT_IN_ORGANIZATION = ("AccessDeniedException", 403, "Your account is not a member of an organization")  # [seen]
NOT_MANAGEMENT = ("AccessDeniedException", 403, "Only the organization management account can call this operation")  # code [model]
ALREADY_ON = ("ResourceConflictException", 409, "Account is already subscribed to Security Hub")  # [seen]
INTERNAL = ("InternalException", 500, "Internal server error.")  # code [seen], text assumed
NO_SUCH_RESOURCE = ("BadRequestException", 400, "The request is rejected since no such resource found.")  # [seen], not in the model
ADMINISTRATOR_KEEPS_HUB = (
    "InvalidInputException",
    400,
    "Cannot disable Security Hub on the Security Hub administrator",
)  # [seen]
MEMBER_KEEPS_HUB = ("InvalidInputException", 400, "Member account cannot disable Security Hub")  # [seen]
MEMBER_STAYS = (
    "BadRequestException",
    400,
    "The request is rejected because member cannot disassociate from Organization administrator",
)  # [seen], not in the model
NO_ADMINISTRATOR = (
    "ResourceNotFoundException",
    404,
    "Admin account was not found for this organization",
)  # [seen], not in the model
MEMBER_AGGREGATES = (
    "InvalidInputException",
    401,
    "A finding aggregator cannot be created by a member account.",
)  # [seen], with 401
GOVERNED = (
    "AccessDeniedException",
    403,
    (
        "This account is currently associated with a central configuration policy, "
        "so only the administrator can access this operation."
    ),
)  # [seen]
CENTRAL_KEEPS_AUTO_ENABLE_OFF = (
    "InvalidInputException",
    400,
    "Auto Enable and AutoEnableStandards can not be enabled for Central Configuration",
)  # [seen]
NOT_CENTRAL = (
    "AccessDeniedException",
    403,
    "Must be a Security Hub delegated administrator with Central Configuration enabled",
)  # [seen]
NOT_HOME_REGION = (
    "AccessDeniedException",
    403,
    "Central Configuration APIs can only be called from the aggregation region",
)  # [seen]

ALREADY_MEMBER = (
    "The request is rejected because the given account ID is already a member or associated member of the current account."
)
"""ProcessingResult of an account that is the caller's member already [seen]."""
MEMBER_ELSEWHERE = (
    "The request is rejected because the given account ID is already a member or associated member of another account."
)
"""ProcessingResult where another administrator has the account [assumed]; it shares the first words with ALREADY_MEMBER."""
TOO_MANY = "Maximum number of results exceeded"
"""ProcessingResult of each account beyond the fiftieth [seen, 2021]."""
NOT_ORGANIZATION_ACCOUNT = (
    "The request is rejected because the given account ID is not an account of the organization."  # [assumed]
)
ACCOUNT_SUSPENDED = "The request is rejected because the given account is suspended."  # [assumed]
OWN_ACCOUNT = "The request is rejected because the given account ID is the administrator account."  # [assumed]
MANAGEMENT_HUB_OFF = (
    "The request is rejected because the organization management account must first enable Security Hub."  # rule [model]
)
REGION_OFF = "The request is rejected because the Region is not enabled in the given account."  # [assumed]
LIMIT_REACHED = "The request is rejected because the maximum number of member accounts is reached."  # [assumed]
NOT_A_MEMBER = "The request is rejected because the given account ID is not a member of the current account."  # [assumed]
ORGANIZATION_MEMBER = (
    "The request is rejected because the given account belongs to the organization."  # rule [model], text [assumed]
)


def refusal(entry: tuple[str, int, str]) -> ApiError:
    """The error answer of one line of the table above."""
    code, status, message = entry
    return ApiError(code, message, status)


def not_subscribed(account: str) -> ApiError:
    """The hub of the calling account is off in this Region [seen]."""
    return ApiError("InvalidAccessException", f"Account {account} is not subscribed to AWS Security Hub", 401)


def not_administrator(account: str) -> ApiError:
    """The caller is no delegated administrator here, or is one only since a moment ago [seen]."""
    return ApiError("InvalidAccessException", f"Account {account} is not an administrator for this organization", 401)


def invalid(message: str) -> ApiError:
    """A parameter that the service refuses [model]; where no source is named beside the call, the text is assumed."""
    return ApiError("InvalidInputException", message, 400)


def missing(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, 404)


def conflict(message: str) -> ApiError:
    return ApiError("ResourceConflictException", message, 409)
