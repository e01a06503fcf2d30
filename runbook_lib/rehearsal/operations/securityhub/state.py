"""What Security Hub knows: hubs, administrators and members per Region, aggregators, central configuration, findings."""

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.registry import Call
from runbook_lib.rehearsal.world import Settling, World

from .catalogue import AWS_PRODUCTS, OFFERED, OfferedStandard, standards, subscription_of
from .errors import not_administrator, not_subscribed
from .places import link_role, records_configuration

Place = tuple[str, str]
"""An account and a Region."""


@dataclass
class Subscription:
    """An enabled standard. PENDING until read often enough, then READY, or INCOMPLETE without an AWS Config recorder [model]."""

    offered: OfferedStandard
    arn: str
    standard_arn: str
    enabling: Settling
    deleting: Settling | None = None
    disabled_controls: dict[str, str] = field(default_factory=dict)


@dataclass
class ActionTarget:
    arn: str
    name: str
    description: str


@dataclass
class Hub:
    """Security Hub of one account in one Region."""

    arn: str
    subscribed_at: float
    generator: str = "SECURITY_CONTROL"
    auto_enable_controls: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    standards: dict[str, Subscription] = field(default_factory=dict)
    """By the standard's ARN."""
    products: set[str] = field(default_factory=set)
    """Product subscription ARNs."""
    action_targets: dict[str, ActionTarget] = field(default_factory=dict)


@dataclass
class Member:
    """An association as its administrator sees it. MemberStatus is Title-case [model]; only invited accounts have `invited_at`."""

    account: str
    email: str
    administrator: str
    status: str
    updated_at: float
    invited_at: float | None = None


@dataclass
class Administration:
    """The delegated administrator of one Region, and its settings for new accounts there.

    `unusable` is how many administrator-side calls still fail after designation; `leaving` is set while the removal settles.
    """

    account: str
    unusable: int
    auto_enable: bool = False
    auto_enable_standards: str = "DEFAULT"
    leaving: Settling | None = None


@dataclass
class Aggregator:
    """A finding aggregator; one per account, and its Region is the home Region."""

    arn: str
    account: str
    home: str
    mode: str
    regions: list[str] = field(default_factory=list)

    def links(self, region: str) -> bool:
        """Whether a Region's findings are copied to the home Region."""
        if region == self.home or self.mode == "NO_REGIONS":
            return False
        if self.mode == "SPECIFIED_REGIONS":
            return region in self.regions
        return self.mode == "ALL_REGIONS" or region not in self.regions


@dataclass
class Policy:
    """A configuration policy of central configuration."""

    id: str
    arn: str
    name: str
    description: str
    settings: dict[str, Any]
    created_at: float
    updated_at: float


@dataclass
class Association:
    """What a target was given: a policy id or SELF_MANAGED_SECURITY_HUB."""

    policy: str
    target: str
    target_type: str
    status: Settling
    updated_at: float


@dataclass
class Central:
    """Central configuration of the organization, owned by the administrator's home Region."""

    home: str
    status: Settling
    policies: dict[str, Policy] = field(default_factory=dict)
    associations: dict[str, Association] = field(default_factory=dict)


@dataclass
class SecurityHubState:
    """All of it; found by `world.of(SecurityHubState)`."""

    hubs: dict[Place, Hub] = field(default_factory=dict)
    administrations: dict[str, Administration] = field(default_factory=dict)
    """By Region."""
    members: dict[Place, dict[str, Member]] = field(default_factory=dict)
    """By (administrator, Region), then account."""
    administrator_of: dict[Place, str] = field(default_factory=dict)
    """(Member, Region) → the administrator it is associated with now."""
    aggregators: dict[str, Aggregator] = field(default_factory=dict)
    central: Central | None = None
    findings: dict[Place, dict[tuple[str, str], dict[str, Any]]] = field(default_factory=dict)
    """By (account, Region), then (ProductArn, Id)."""
    installed: bool = False


def state_of(world: World) -> SecurityHubState:
    return world.of(SecurityHubState)


def find_hub(world: World, account: str, region: str) -> Hub | None:
    return state_of(world).hubs.get((account, region))


def require_hub(call: Call) -> Hub:
    """The caller's hub in this Region; InvalidAccessException 401 when it is off [seen]."""
    found = find_hub(call.world, call.account, call.region)
    if found is None:
        raise not_subscribed(call.account)
    return found


def switch_on(
    world: World,
    account: str,
    region: str,
    *,
    default_standards: bool = True,
    generator: str = "SECURITY_CONTROL",
    tags: dict[str, str] | None = None,
) -> Hub:
    """Enable the hub of an account in a Region, with its service-linked role and the AWS products; one that is on stays as it is.

    Also for seeds: what somebody did by hand before the rehearsal begins.
    """
    existing = find_hub(world, account, region)
    if existing is not None:
        return existing
    arn = f"arn:{world.partition}:securityhub:{region}:{account}:hub/default"
    hub = Hub(arn, world.now(), generator, tags=dict(tags or {}))
    state_of(world).hubs[account, region] = hub
    link_role(world, account)
    own = (f"arn:{world.partition}:securityhub:{region}::product/aws/{key}" for key in AWS_PRODUCTS)
    hub.products = {subscription_of(product, account) for product in own}
    if default_standards:
        for offered in OFFERED:
            if offered.by_default:
                subscribe(world, account, region, offered)
    return hub


def subscribe(world: World, account: str, region: str, offered: OfferedStandard) -> Subscription:
    """Enable a standard in a hub that is on; it is PENDING first [model]."""
    standard_arn = offered.arn(world.partition, region)
    own_arn = offered.subscription_arn(world.partition, region, account)
    subscription = Subscription(offered, own_arn, standard_arn, world.settling("PENDING", "SETTLED"))
    state_of(world).hubs[account, region].standards[standard_arn] = subscription
    return subscription


def standard_status(world: World, account: str, region: str, subscription: Subscription) -> str:
    """What a read of the subscription's status sees now; counts as one poll. "" when it has gone."""
    if subscription.deleting is not None:
        return subscription.deleting.read()
    if subscription.enabling.read() == "PENDING":
        return "PENDING"
    return "READY" if records_configuration(world, account, region) else "INCOMPLETE"


def offered_standards(call: Call) -> dict[str, OfferedStandard]:
    return standards(call.partition, call.region)


def associate(world: World, region: str, member: Member) -> None:
    """Put a member under its administrator. An aggregator of its own ends: a member cannot aggregate [docs]."""
    state = state_of(world)
    state.members.setdefault((member.administrator, region), {})[member.account] = member
    state.administrator_of[member.account, region] = member.administrator
    state.aggregators.pop(member.account, None)


def part(world: World, region: str, member: Member, status: str) -> None:
    """End an association; the member's hub stays on [docs]. `status` is what its administrator's list shows from then on."""
    member.status, member.updated_at = status, world.now()
    state_of(world).administrator_of.pop((member.account, region), None)


def current_administration(world: World, region: str) -> Administration | None:
    """The Region's delegated administrator, unless it is being removed."""
    found = state_of(world).administrations.get(region)
    return found if found is not None and found.leaving is None else None


def require_administrator(call: Call) -> Administration:
    """The caller as this Region's delegated administrator.

    For a while after designation the service still says "not an administrator" although the administrator list names the account
    (aws-behaviour 4.2): the first `settle_polls` calls of the new administrator fail.
    """
    require_hub(call)
    found = current_administration(call.world, call.region)
    if found is None or found.account != call.account:
        raise not_administrator(call.account)
    if found.unusable > 0:
        found.unusable -= 1
        raise not_administrator(call.account)
    return found
