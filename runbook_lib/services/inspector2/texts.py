"""Inspector's error texts and per-account error codes. Sources: the service model and threads that record AWS's answers."""

NO_ACCESS_YET = "invoking account does not have access"
"""The delegated account's calls while a designation or an association is still spreading."""
SAME_OR_OTHER_ADMINISTRATOR = "already enabled for the organization"
"""Names the administrator; whether it is ours, a read says."""

POLICY = "BLOCKED_BY_ORGANIZATION_POLICY"
PASSING = frozenset({"ACCESS_DENIED", "INTERNAL_ERROR"})
PASSING_ENDINGS = ("_IN_PROGRESS", "_THROTTLED", "_UNAVAILABLE")
"""`failedAccounts` codes that pass by themselves; ACCESS_DENIED because association is asynchronous."""


def passing(code: str) -> bool:
    """Whether a per-account code passes by itself."""
    return code in PASSING or code.endswith(PASSING_ENDINGS)
