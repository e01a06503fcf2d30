"""Page and batch limits of GuardDuty [model]; the service enforces them, botocore does not."""

from collections.abc import Sequence
from typing import Any

from runbook_lib.rehearsal.operations.guardduty.texts import GENERIC, TOO_LONG, refusal
from runbook_lib.rehearsal.registry import page

LARGEST = 50
"""Of pages and of batches."""


def paged(items: list[Any], token: str | None, size: int | None) -> tuple[list[Any], str | None]:
    """One page. A size outside 1–50 and a token that GuardDuty did not give are refused."""
    return page(items, token, page_size(token, size), LARGEST)


def page_size(token: str | None, size: int | None) -> int:
    """How many rows a page may have, for a request that GuardDuty takes."""
    if (size is not None and not 1 <= size <= LARGEST) or (token and not token.isdecimal()):
        raise refusal(GENERIC)
    return size or LARGEST


def check_batch(field: str, items: Sequence[Any]) -> None:
    """Refuse a whole batch of more than 50, or of none: nothing in it is done [issue SRA#291]."""
    if len(items) > LARGEST:
        raise refusal(TOO_LONG.format(field=field, length=len(items), largest=LARGEST))
    if not items:
        raise refusal(GENERIC)
