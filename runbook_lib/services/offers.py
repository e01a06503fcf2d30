"""Which features and scan types a Region does not offer, so that one of them never fails a whole call.

AWS refuses a whole request that names a feature the Region lacks (GuardDuty: BadRequestException; Inspector:
AccessDeniedException "… is not supported in …"), so a plan leaves such a feature out beforehand and the coverage says "not
applicable". Nothing is ever dropped because of an error. The table is data with its source and date; where AWS says nothing,
a feature counts as offered.

Sources: [docs] an AWS page, [issue] a public thread that shows AWS's answer, [assumed] our own careful reading of announcements.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Offer:
    """Where one feature exists. `only`: nowhere else; `lacking`: Regions, or beginnings of Region names, without it."""

    source: str
    read: str
    """The month the source was read."""
    only: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()

    def includes(self, region: str) -> bool:
        return (not self.only or region in self.only) and not region.startswith(self.lacking or ("-",))


_CODE_SCANNING = frozenset(
    {
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "us-east-1",
        "us-east-2",
        "us-west-2",
    }
)

OFFERS: Mapping[tuple[str, str], Offer] = MappingProxyType(
    {
        # AWS Config's rule inspector-lambda-code-scan-enabled names these ten Regions; us-gov-west-1 is refused by name in
        # hashicorp/terraform-provider-aws#38254.
        ("inspector2", "LAMBDA_CODE"): Offer("docs, issue", "2026-11", only=_CODE_SCANNING),
        # Announced for the same ten Regions.
        ("inspector2", "CODE_REPOSITORY"): Offer("assumed", "2026-11", only=_CODE_SCANNING),
        # GuardDuty User Guide, "Region-specific feature availability".
        ("guardduty", "RDS_LOGIN_EVENTS"): Offer("docs", "2026-11", lacking=("ap-east-2",)),
        # New protection plans reach the commercial partition first.
        ("guardduty", "AI_PROTECTION"): Offer("assumed", "2026-11", lacking=("us-gov-", "cn-")),
    }
)


def offered(service: str, feature: str, region: str) -> bool:
    """Whether a Region offers a GuardDuty feature (or "FEATURE/AGENT") or an Inspector scan type."""
    known = OFFERS.get((service, feature.partition("/")[0]))
    return known is None or known.includes(region)
