"""Security Hub's state of one organization, as observed: columns per Region, and the names of operations and standards."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.base.observation import Known, NotYet, Observation
from runbook_lib.services.designation import STEP, Administrators
from runbook_lib.services.recording import Recording
from runbook_lib.settings.sections.securityhub import Standard

CENTRAL = "CENTRAL"
"""ConfigurationType while central configuration is on [model]."""
CENTRAL_STATUS = "DISABLED"
"""Status of the organization configuration while a CSPM policy of Organizations governs it [model]."""

HUB_STEP = "Security Hub is on in the account"
NOT_OBSERVED = NotYet(STEP)


@dataclass(frozen=True)
class Configuration:
    """DescribeOrganizationConfiguration of one Region: what happens to new accounts, and who decides it."""

    auto_enable: bool
    standards: str
    """AutoEnableStandards: DEFAULT or NONE."""
    limit_reached: bool = False
    kind: str = "LOCAL"
    status: str = "ENABLED"

    @property
    def central(self) -> bool:
        """Whether central configuration or an Organizations policy is in charge."""
        return self.kind == CENTRAL or self.status == CENTRAL_STATUS


@dataclass(frozen=True)
class Subscription:
    """One enabled standard of one account: its status, and AWS's reason code where there is one."""

    status: str
    reason: str = ""


@dataclass(frozen=True)
class Aggregator:
    """The finding aggregator: its home Region, mode, and the Regions that the mode names."""

    arn: str
    mode: str
    regions: frozenset[str]

    @property
    def home(self) -> str:
        """The Region part of the ARN tells the home Region [docs]."""
        return self.arn.split(":")[3]


Standards = Mapping[str, Subscription]
"""By "name/version"."""


@dataclass(frozen=True)
class State:
    """What was read. A Region or account that is missing was not read, because nothing can be there yet (see `of`)."""

    administrators: Administrators = field(default_factory=dict)
    delegated_hubs: Mapping[str, Observation[bool]] = field(default_factory=dict)
    management_hubs: Mapping[str, Observation[bool]] = field(default_factory=dict)
    configurations: Mapping[str, Observation[Configuration]] = field(default_factory=dict)
    members: Mapping[str, Observation[Mapping[str, str]]] = field(default_factory=dict)
    offered: Mapping[str, Observation[Mapping[str, bool]]] = field(default_factory=dict)
    """Region → standard ("name/version") → whether AWS switches it on by default."""
    standards: Mapping[str, Mapping[str, Observation[Standards]]] = field(default_factory=dict)
    """Region → account → its standards; the delegated account, and members where settings manage theirs."""
    aggregator: Observation[Aggregator | None] = NOT_OBSERVED
    products: Mapping[str, Mapping[str, Observation[frozenset[str]]]] = field(default_factory=dict)
    """Region → account → the products whose findings its hub takes in ("aws/guardduty"); where nobody sends any, not asked."""
    recording: Recording = field(default_factory=Recording)
    """Where AWS Config records."""


def item_of(standard: Standard) -> str:
    """A standard of the settings as the item of its cells."""
    return f"{standard.name}/{standard.version}"


def items_of(standards: Iterable[Standard] | None) -> tuple[str, ...]:
    """The wanted standards as sorted items, each once."""
    return tuple(sorted({item_of(standard) for standard in standards or ()}))


def item_of_arn(arn: str) -> str:
    """Read "name/version" out of a standard's or a subscription's ARN; the ARN itself where it has another form."""
    found = re.search(r"(?:standards|ruleset|subscription)/(.+)/v/(.+)$", arn)
    return f"{found[1]}/{found[2]}" if found else arn


def standard_arn(partition: str, region: str, item: str) -> str:
    """The ARN of a standard; CIS 1.2.0 is the only one without a Region [model]."""
    name, _, version = item.rpartition("/")
    if item == "cis-aws-foundations-benchmark/1.2.0":
        return f"arn:{partition}:securityhub:::ruleset/{name}/v/{version}"
    return f"arn:{partition}:securityhub:{region}::standards/{name}/v/{version}"


def subscription_arn(partition: str, region: str, account: str, item: str) -> str:
    """The ARN of an account's subscription to a standard."""
    name, _, version = item.rpartition("/")
    return f"arn:{partition}:securityhub:{region}:{account}:subscription/{name}/v/{version}"


def standards_in(subscriptions: Iterable[Mapping[str, Any]]) -> Standards:
    """AWS's list of StandardsSubscription as items with their status."""
    return {
        item_of_arn(each["StandardsArn"]): Subscription(
            each.get("StandardsStatus", ""), (each.get("StandardsStatusReason") or {}).get("StatusReasonCode", "")
        )
        for each in subscriptions
    }


def on(observed: Observation[bool] | None) -> bool:
    """Whether a hub is known to be on."""
    return isinstance(observed, Known) and observed.value
