"""Turning hubs and standards on, for callers, members and seeds; reading what is on."""

from runbook_lib.rehearsal.operations.config import end_service_rule, make_service_rule
from runbook_lib.rehearsal.registry import Call
from runbook_lib.rehearsal.world import World

from .catalogue import AWS_PRODUCTS, OFFERED, OfferedStandard, standards, subscription_of
from .errors import not_subscribed
from .places import PRINCIPAL, link_role, records_configuration
from .state import Hub, Subscription, state_of


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
    if records_configuration(world, account, region):
        make_service_rule(world, account, region, rule_of(subscription), PRINCIPAL)
    return subscription


def rule_of(subscription: Subscription) -> str:
    """The Config rule of a standard: AWS makes one for each control, here one stands for all of them."""
    name, version = subscription.arn.split("/")[-3::2]
    return f"securityhub-{name}-{version}"


def unsubscribe(world: World, account: str, region: str, hub: Hub, subscription: Subscription) -> None:
    """A standard that is gone has taken its Config rules along; one whose hub was switched off before has not."""
    if hub.standards.get(subscription.standard_arn) is subscription:
        del hub.standards[subscription.standard_arn]
        if find_hub(world, account, region) is hub:
            end_service_rule(world, account, region, rule_of(subscription))


def standard_status(world: World, account: str, region: str, subscription: Subscription) -> str:
    """What a read of the subscription's status sees now; counts as one poll. "" when it has gone."""
    if subscription.deleting is not None:
        return subscription.deleting.read()
    if subscription.enabling.read() == "PENDING":
        return "PENDING"
    return "READY" if records_configuration(world, account, region) else "INCOMPLETE"


def offered_standards(call: Call) -> dict[str, OfferedStandard]:
    return standards(call.partition, call.region)
