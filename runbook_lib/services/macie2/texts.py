"""What Macie's refusals say. Sources: threads that record AWS's answers, and IAM's own words."""

from runbook_lib.aws.errors import CallFailed, has

NOT_ENABLED = "Macie is not enabled"
"""403 where other services answer 404 [issue DataBiosphere/azul#5779]."""
BY_IAM = ("is not authorized to perform", "explicit deny")
"""How IAM words every denial of its own [docs: IAM, access denied messages]."""


def not_enabled(error: CallFailed) -> bool:
    """Whether the service was reached and allowed, and is merely off in the account."""
    return error.code == "AccessDeniedException" and has(error, NOT_ENABLED)


def not_yet(error: CallFailed) -> bool:
    """Whether Macie itself, and not IAM, denies what only an administrator may do.

    Its words for an account whose designation is still spreading are recorded nowhere; IAM's are.
    """
    return error.code == "AccessDeniedException" and not has(error, *BY_IAM)
