"""GuardDuty's error texts. It answers almost everything with BadRequestException, so the words decide.

Sources: public tools and threads that record the texts; compared without regard to case, as parts of the message.
"""

from runbook_lib.aws.errors import CallFailed, has

SAME_ADMINISTRATOR = "the account is already enabled as the guardduty delegated administrator"
OTHER_ADMINISTRATOR = "another account is already enabled as guardduty delegated administrator"
NO_ADMINISTRATOR_YET = "a delegated administrator account has not been enabled"
NO_PERMISSION_YET = "do not have required aws organization master permission"
INVALID_VALUE = "invalid or out-of-range value is specified as an input parameter"
"""Generic; passing where an organization or a designation is fresh."""
FOREIGN_DETECTOR = "detectorid is not owned by the current account"
DETECTOR_EXISTS = "a detector already exists for the current account"
ALREADY_MEMBER = "already a member or associated member of the current account"
FEATURE_NOT_OFFERED = "is not available in this region"
NOT_ASSOCIATED_YET = "is not an associated member of"


def spreading(error: CallFailed) -> bool:
    """Whether the delegated account's call failed because AWS is still spreading its designation."""
    return has(error, NO_ADMINISTRATOR_YET, NO_PERMISSION_YET, INVALID_VALUE, FOREIGN_DETECTOR)
