"""AWS's limits, in one table: batch sizes, page sizes, request rates. Each with where it comes from.

Sources: [model] botocore's service models, [docs] AWS's quota pages, [assumed] nothing is published, our own careful guess.
The simulated organization keeps its own table on purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

BATCH: Mapping[str, int] = MappingProxyType(
    {
        "securityhub:CreateMembers": 50,  # [model]
        "securityhub:GetMembers": 50,  # [assumed] the model names no maximum
        "guardduty:CreateMembers": 50,  # [model]
        "guardduty:GetMembers": 50,  # [model]
        "guardduty:GetMemberDetectors": 50,  # [model]
        "guardduty:GetRemainingFreeTrialDays": 50,  # [model]
        "guardduty:UpdateMemberDetectors": 50,  # [model]
        "guardduty:StartMonitoringMembers": 50,  # [model]
        "inspector2:Enable": 100,  # [model]
        "inspector2:BatchGetAccountStatus": 100,  # [model]
        "inspector2:BatchGetFreeTrialInfo": 100,  # [model]
        "inspector2:AssociateMember": 1,  # [model]
    }
)
"""Most target accounts in one call. botocore does not enforce list maxima; the service rejects, or drops, what is over."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: requests per second and burst, per account and Region."""

    per_second: float
    burst: int
    source: str


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
        "securityhub:BatchEnableStandards": Rate(1, 1, "model"),
        "securityhub:*": Rate(10, 30, "model"),
        "guardduty:*": Rate(5, 10, "assumed"),
        "inspector2:*": Rate(5, 10, "assumed"),
        "account:*": Rate(5, 10, "assumed"),
        "organizations:*": Rate(5, 8, "assumed"),
    }
)
"""Request rates by "service:Operation", or "service:*" for the rest of a service."""


def rate_of(service: str, operation: str) -> Rate | None:
    """The rate that governs one operation; None where nothing is known."""
    return RATES.get(f"{service}:{operation}") or RATES.get(f"{service}:*")


SHARE: Mapping[str, float] = MappingProxyType({"rehearsal": 1.0, "live": 0.5})
"""Mode → the part of AWS's rates that is used; a live account has other users."""
