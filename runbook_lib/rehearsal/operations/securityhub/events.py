"""What Security Hub does about events elsewhere in the organization."""

from typing import Any

from runbook_lib.rehearsal.operations.events.putting import put
from runbook_lib.rehearsal.organization import drops_suspended, in_organization, names_suspension
from runbook_lib.rehearsal.world import World

from .associating import associate, current_administration, part
from .associations import apply_policy
from .controls import evaluate
from .findings import store
from .membership import enrol, free_members, new_member
from .places import PRINCIPAL
from .state import state_of
from .switching import switch_on
from .updating import on_target_invoked, take_effect

OUTSIDER = "999999999999"
"""The administrator of an invitation where an event names none: an account outside the organization."""


def on_account_joined(world: World, account: str) -> None:
    """A new account gets hub and membership where AutoEnable is on and the Region is enabled, or the policy above it [docs]."""
    if state_of(world).central is not None:
        apply_policy(world, account)
        return
    for region in sorted(state_of(world).administrations):
        administration = current_administration(world, region)
        if administration is not None and administration.auto_enable:
            defaults = administration.auto_enable_standards == "DEFAULT"
            enrol(world, administration.account, region, account, default_standards=defaults)


def on_finding_imported(world: World, account: str, region: str, finding: dict[str, Any]) -> None:
    """One finding per event, new or updated [docs]."""
    resource = f"{finding['ProductArn']}/{finding['Id']}"
    put(world, account, region, "aws.securityhub", "Security Hub Findings - Imported", [resource], {"findings": [finding]})


def on_product_finding(world: World, account: str, region: str, product: str, finding: dict[str, Any]) -> None:
    """A finding of another AWS service, where the hub is on and subscribes to the product [docs]."""
    hub = state_of(world).hubs.get((account, region))
    if hub is not None and f"arn:{world.partition}:securityhub:{region}:{account}:product-subscription/{product}" in hub.products:
        arn = f"arn:{world.partition}:securityhub:{region}::product/{product}"
        store(world, account, region, {**finding, "ProductArn": arn})


def on_policy(world: World, policy_type: str) -> None:
    """A CSPM policy of Organizations decides what the organization configuration would (aws-behaviour 8)."""
    if policy_type == "SECURITYHUB_CSPM_POLICY":
        world.variants.setdefault("securityhub organizations policy", "on")


def on_account_closed(world: World, account: str) -> None:
    """A member that is suspended or closed leaves its administrator, who sees it as AccountSuspended, or as before, or not at all.

    Not documented: variant "suspended members". One that has left the organization is Removed.
    """
    state, left = state_of(world), not in_organization(world, account)
    for (member, region), administrator in list(state.administrator_of.items()):
        if member == account and (left or names_suspension(world, account) or drops_suspended(world)):
            members = state.members[administrator, region]
            part(world, region, members[account], "Removed" if left else "AccountSuspended")
            if drops_suspended(world):
                del members[account]


def on_deregistered(world: World, principal: str, account: str) -> None:
    """Deregistration in Organizations removes the administrator in all Regions and ends central configuration [docs].

    Members stay standalone, with their hubs.
    """
    if principal != PRINCIPAL:
        return
    state = state_of(world)
    state.central = None
    for region, administration in list(state.administrations.items()):
        if administration.account == account:
            free_members(world, account, region)
            del state.administrations[region]


def on_member_by_invitation(world: World, account: str, region: str, service: str, administrator: str = OUTSIDER) -> None:
    """What a seed says: this account accepted the invitation of somebody else's administrator, in this Region."""
    if service == "securityhub" and in_organization(world, account):
        switch_on(world, account, region)
        member = new_member(world, administrator, account, "Enabled")
        member.invited_at = world.now()
        associate(world, region, member)


def install(world: World) -> None:
    """Let Security Hub hear of what happens elsewhere in the organization. Once per world; again is harmless."""
    state = state_of(world)
    if not state.installed:
        state.installed = True
        world.on("account joined", on_account_joined)
        world.on("account closed", on_account_closed)
        world.on("delegated administrator deregistered", on_deregistered)
        world.on("member by invitation", on_member_by_invitation)
        world.on("organization policy exists", on_policy)
        world.on("finding imported", on_finding_imported)
        world.on("product finding", on_product_finding)
        world.on("finding updated", take_effect)
        world.on("control due", evaluate)
        world.on("target invoked", on_target_invoked)
