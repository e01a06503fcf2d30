"""Macie's refusals as data, each with its source; what is marked assumed is settled by a live test."""

from runbook_lib.rehearsal.errors import ApiError

NOT_ENABLED = "Macie is not enabled"
"""[issue DataBiosphere/azul#5779][code tf]: 403, where other services answer 404."""
ENABLED_ALREADY = "Macie has already been enabled"
"""409 ConflictException [code SRA]; the words are assumed."""
NO_SERVICE_ROLE = "You do not have permission to create the service-linked role AWSServiceRoleForAmazonMacie."
"""Assumed."""
DISABLE_AS_MEMBER = "Cannot disable Macie while associated with an administrator account"
"""[code tf]"""
DISABLE_AS_ADMINISTRATOR = "Cannot disable Macie while member accounts are associated with your account"
"""[code tf]: "member accounts are associated with your account"; the rest is assumed."""
PAUSE_AS_MEMBER = "Cannot change the status of Macie while associated with an administrator account"
"""[docs] a member's status is its administrator's to change; code and words are assumed."""
PAUSE_AS_ADMINISTRATOR = "Cannot suspend Macie while it is enabled for member accounts"
"""Assumed, code and words."""
NOT_MANAGEMENT = "You must be a user of the AWS Organizations management account to perform this operation."
"""Assumed, code and words."""
NOT_ADMINISTRATOR = "You must be a user of the delegated Macie administrator account to perform this operation."
"""Assumed, code and words; also for some polls after designation [code SRA]."""
NOT_ALL_FEATURES = "The organization does not have all features enabled."
"""Assumed, code and words."""
NOT_ELIGIBLE = "The account cannot be the delegated Macie administrator account of the organization."
"""Assumed, code and words: no active account of the organization, or one without the Region."""
MANAGEMENT_NOT_ENABLED = "The management account must enable Macie before it can be the delegated Macie administrator account."
"""[docs] in at least one Region; code and words are assumed."""
NOT_DESIGNATABLE_YET = "The account cannot be designated yet. Try again later."
"""[code SRA]: ValidationException for a while after the account enabled Macie; the words are assumed."""
ADMINISTRATOR_IS_MEMBER = "The account is a member account of another Macie administrator account."
"""[docs] an account cannot be both; code and words are assumed."""
ALREADY_DESIGNATED = "The organization already has a delegated Macie administrator account."
"""Assumed, code and words, for the same account again and for another one."""
NOT_DESIGNATED = "The account is not the delegated Macie administrator account of the organization."
"""Assumed, code and words."""
OWN_ACCOUNT = "The administrator account cannot be its own member."
"""Assumed."""
WRONG_EMAIL = "The email address is not the email address of the account."
"""Assumed, code and words."""
NOT_ACTIVE = "The account is not active."
"""Assumed, code and words."""
MEMBER_ELSEWHERE = "The account is already associated with another Macie administrator account."
"""Assumed, code and words."""
MEMBER_ALREADY = "The account is already associated with your account."
"""Assumed, code and words, of the variant that refuses a repeat."""
LIMIT_REACHED = "The maximum number of member accounts is reached."
"""402 ServiceQuotaExceededException over 10,000 [model]; the words are assumed."""
NOT_ASSOCIATED = "The request failed because the account is not associated with your account."
"""[code tf] DisassociateMember: "not associated with your account"; the rest is assumed."""
NOT_A_MEMBER = "The request failed because it is not an associated member of account {account}."
"""[code tf] DeleteMember: "is not an associated member of account"; the rest is assumed."""
STILL_ASSOCIATED = "The request failed because the account is still associated with your account."
"""[issue tf#26219] deleting before dissociating fails; code and words are assumed."""
NO_MEMBER = "The member account was not found."
"""ResourceNotFoundException of GetMember [belief]."""
NOT_STEERABLE = "The status of Macie cannot be changed for the member account."
"""Assumed: its Region is off, or the account suspended."""
BY_ORGANIZATION = "The account is a member of an organization and cannot leave its Macie administrator account."
"""[docs] only its administrator dissociates it; code and words are assumed."""
NO_ADMINISTRATOR = "The account is not associated with a Macie administrator account."
"""Assumed."""
DISCOVERY_IS_ADMINISTRATORS = "The Macie administrator account manages automated sensitive data discovery for the account."
"""Assumed, code and words."""
DISCOVERY_FOR_ALL = "Automated sensitive data discovery is enabled automatically for all accounts of the organization."
"""ConflictException [model]: accounts are told one by one only with NEW or NONE; the words are assumed."""
DISCOVERY_OFF = "Automated sensitive data discovery is not enabled for the organization."
"""Assumed, code and words."""
DESTINATION = "The S3 bucket or the KMS key for sensitive data discovery results cannot be used."
"""Assumed, code and words: of another partition or Region, or it does not let Macie in."""
FIELD = "Value at '{field}' failed to satisfy constraint: {constraint}"
"""Assumed."""


def not_enabled() -> ApiError:
    return ApiError("AccessDeniedException", NOT_ENABLED)


def denied(text: str) -> ApiError:
    return ApiError("AccessDeniedException", text)


def invalid(text: str) -> ApiError:
    return ApiError("ValidationException", text)


def bad_field(field: str, constraint: str) -> ApiError:
    return invalid(FIELD.format(field=field, constraint=constraint))


def conflict(text: str) -> ApiError:
    return ApiError("ConflictException", text)


def not_found(text: str) -> ApiError:
    return ApiError("ResourceNotFoundException", text)


def quota(text: str) -> ApiError:
    return ApiError("ServiceQuotaExceededException", text)
