"""The form of what a bucket's or a key's policy grants."""

from collections.abc import Mapping
from typing import Any


def allow(
    sid: str, principal: Mapping[str, str], actions: list[str], resources: list[str], condition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One Allow of a resource's policy."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": dict(principal),
        "Action": actions,
        "Resource": resources,
        **({"Condition": condition} if condition else {}),
    }


def of_source(account: str, *resources: str) -> dict[str, Any]:
    """Only on behalf of these resources of one account, so that nobody else has the service write there."""
    return {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": list(resources)}}
