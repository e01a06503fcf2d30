"""AWS's request rates and batch sizes: those of the organization's own services here, those of each enabling service in its spec.

Each with where it comes from (`Rate.source`). The simulated organization keeps its own table on purpose.
"""

from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.services.registry import by_name
from runbook_lib.services.spec import Rate

RATES: Mapping[str, Rate] = MappingProxyType(
    {
        "organizations:DescribeOrganization": Rate(1, 2, "docs"),
        "organizations:DescribeAccount": Rate(20, 30, "docs"),
        "organizations:ListAccounts": Rate(8, 12, "docs"),
        "organizations:EnableAWSServiceAccess": Rate(1, 2, "docs"),
        "organizations:ListAWSServiceAccessForOrganization": Rate(1, 3, "docs"),
        "organizations:ListDelegatedServicesForAccount": Rate(1, 3, "docs"),
        "organizations:ListDelegatedAdministrators": Rate(5, 8, "docs"),
        "organizations:RegisterDelegatedAdministrator": Rate(1, 2, "docs"),
        "account:*": Rate(5, 10, "assumed"),
        "config:*": Rate(5, 10, "assumed"),
        "organizations:*": Rate(5, 8, "assumed"),
    }
)
"""Request rates by "service:Operation", or "service:*" for the rest of a service."""


def rate_of(service: str, operation: str) -> Rate | None:
    """The rate that governs one operation; None where nothing is known."""
    if spec := by_name().get(service):
        return spec.rates.get(operation) or spec.rates.get("*")
    return RATES.get(f"{service}:{operation}") or RATES.get(f"{service}:*")


def has_own_rate(service: str, operation: str) -> bool:
    """Whether the operation has a token bucket of its own, apart from the rest of its service."""
    spec = by_name().get(service)
    return operation in spec.rates if spec else f"{service}:{operation}" in RATES


def batch_of(service: str, operation: str) -> int | None:
    """The most target accounts in one call; None where an operation takes no list."""
    spec = by_name().get(service)
    return spec.batches.get(operation) if spec else None


SHARE: Mapping[str, float] = MappingProxyType({"rehearsal": 1.0, "live": 0.5})
"""Mode → the part of AWS's rates that is used; a live account has other users."""
