"""Inspector's error texts and per-account error codes. Sources: the service model and threads that record AWS's answers."""

from runbook_lib.aws.errors import CallFailed, has

NO_ACCESS_YET = "invoking account does not have access"
SAME_OR_OTHER_ADMINISTRATOR = "already enabled for the organization"
"""Names the administrator; whether it is ours, a read says."""

POLICY = "BLOCKED_BY_ORGANIZATION_POLICY"
PASSING = frozenset({"ACCESS_DENIED", "INTERNAL_ERROR"})
PASSING_ENDINGS = ("_IN_PROGRESS", "_THROTTLED", "_UNAVAILABLE")
"""`failedAccounts` codes that pass by themselves; ACCESS_DENIED because association is asynchronous."""


def passing(code: str) -> bool:
    """Whether a per-account code passes by itself."""
    return code in PASSING or code.endswith(PASSING_ENDINGS)


def no_access_yet(error: CallFailed) -> bool:
    """Whether the delegated account's call failed because AWS is still spreading a designation or an association."""
    return has(error, NO_ACCESS_YET)
