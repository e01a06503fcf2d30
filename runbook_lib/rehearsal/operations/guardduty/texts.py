"""GuardDuty's refusals. Every decision about a GuardDuty call rests on these texts, so they are data and each has its source."""

from runbook_lib.rehearsal.errors import ApiError

GENERIC = "The request is rejected because an invalid or out-of-range value is specified as an input parameter."
"""[issue SRA#178, tf#34765]; also for every parameter whose own text is unknown (assumed)."""

SAME_ADMINISTRATOR = (
    "The request failed because the account is already enabled as the GuardDuty delegated administrator for the organization."
)
"""[code VR, LZA]"""
OTHER_ADMINISTRATOR = (
    "The request failed because another account is already enabled as GuardDuty delegated administrator for the organization."
)
"""[code LZA integration test]: also when only Organizations holds the other account."""
NOT_MANAGEMENT = "The request failed because you are not the master account for your AWS Organization."
"""[issue aws-ia/terraform-aws-guardduty#2]"""
NOT_IN_ORGANIZATION = "The request failed because admin account passed is not member of AWS Organizations."
"""[code LZA]"""
NO_ADMINISTRATOR = "The request failed because a delegated administrator account has not been enabled"
"""[code verify]: Describe organization configuration without administrator, or before it has propagated."""
NOT_ADMINISTRATOR = "The request failed because you do not have required AWS Organization master permission."
"""[issue SRA#141]: Update organization configuration from anybody else."""
ALREADY_DISABLED = (
    "The request failed because the delegated administrator account has already been disabled "
    "and/or GuardDuty protection has been disabled."
)
"""[code VR]"""
DETECTOR_EXISTS = "The request is rejected because a detector already exists for the current account."
"""[issue tf#11780]"""
KEPT_BY_ADMINISTRATOR = "The request is rejected because filters and lists of a member account are its administrator's."
"""[docs] that a member changes none; the words are assumed."""
DETECTOR_NOT_OWNED = "The request is rejected because the input detectorId is not owned by the current account."
"""[code tf]"""
HAS_MEMBERS = (
    "The request is rejected because the current account cannot delete detector while it has invited or associated members."
)
"""[issue amazon-guardduty-multiaccount-scripts#3]"""
TOO_LONG = "The request failed because the length provided for the {field} array was {length}. Max allowed length is {largest}."
"""[issue SRA#291] for accountDetails; for other arrays by analogy (assumed)."""
FEATURE_NOT_OFFERED = "The request failed because the feature {feature} is not available in this Region."
"""[code LZA]: BadRequestException for the whole call; the words are assumed."""
ALL_IN_FORCE = (
    "The request failed because the organization's auto-enable setting for members is ALL; "
    "members cannot be disassociated, deleted or stopped."
)
"""[model]: an error; the words are assumed."""
DESTINATION_EXISTS = "The request is rejected because a publishing destination already exists for the current detector."
"""A repeat is refused [belief]; the words are assumed."""
DESTINATION_REFUSED = (
    "The request failed because the GuardDuty service principal does not have permission to the KMS key "
    "or the resource specified by the destinationArn parameter. Refer to the GuardDuty documentation on exporting findings."
)
"""[code tf]: the beginning; the rest is assumed."""

# Results of single accounts.
MANAGEMENT_NOT_ENABLED = "Operation failed because your organization master must first enable GuardDuty to be added as a member"
"""[issue cloudposse/terraform-aws-components#822]"""
ALREADY_MEMBER = (
    "The request is rejected because the given account ID is already a member or associated member of the current account."
)
"""[code SRA]"""
OTHER_MEMBER = "The request is rejected because the given account ID is already a member or associated member of another account."
"""Member by invitation of another administrator; assumed."""
NOT_ASSOCIATED = "The request is rejected because the given account ID is not an associated member of account the current account."
"""[issue SRA#151]: also while the association has not settled."""
ALREADY_SO = "The request is rejected because the given features are already as requested for the given account ID."
"""Of a variant: nothing is known of how UpdateMemberDetectors answers what is already so. Assumed."""
STILL_ASSOCIATED = "The request is rejected because the given account ID is an associated member of the current account."
"""Delete before Disassociate is refused per account [belief]; the words are assumed."""
OUTSIDE = "The request is rejected because the given account ID is not a member of the organization of the current account."
"""Assumed."""
NOT_ACTIVE = "The request is rejected because the given account ID is suspended or closed."
"""Assumed."""
OWN_ACCOUNT = "The request is rejected because the given account ID is the account of the GuardDuty delegated administrator."
"""[model]: the administrator is excepted; the words are assumed."""
REGION_DISABLED = "The request is rejected because the Region is not enabled in the given account ID."
"""Assumed."""
WRONG_EMAIL = "The request is rejected because the given email address does not belong to the given account ID."
"""Assumed."""


def refusal(text: str) -> ApiError:
    """The one client error of GuardDuty [model]."""
    return ApiError("BadRequestException", text)
