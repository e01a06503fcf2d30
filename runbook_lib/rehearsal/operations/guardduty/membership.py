"""How accounts become members: by request, by joining the organization, by ALL reaching those that exist; and how it ends."""

from functools import partial

from runbook_lib.rehearsal.administrators import deregistered
from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.events import on_finding
from runbook_lib.rehearsal.operations.guardduty.features import switch_on
from runbook_lib.rehearsal.operations.guardduty.state import (
    PRINCIPAL,
    SERVICE_ROLE,
    Detector,
    Member,
    add_detector,
    bare_features,
    grant_roles,
    state_of,
)
from runbook_lib.rehearsal.organization import drops_suspended, in_organization, member_active, region_enabled
from runbook_lib.rehearsal.world import World, current, settled

ALL_VARIANT = "guardduty all"
"""How auto-enable ALL reaches existing accounts: "sweeps after polls" (of ListMembers), or "never in the window". It takes up to 24
hours [model] and was seen not to have happened after 25 minutes (aws-behaviour 5.2)."""
MEMBERS_VARIANT = "guardduty members again"
"""What CreateMembers does with a member: "processed", the organization's settings are applied whether the accounts are new or not
[docs: API reference]; or "refused", as invitations were in 2019 [issue c7n#3209]."""
MANAGEMENT_VARIANT = "guardduty management account"
"""What makes the management account a possible member: "role", the service-linked role is enough, since only the administrator is
excepted [docs: API reference, code SRA]; "detector", it has to have one [issue 2020 to 2023: superwerker#84, cloudposse#822];
"designation", which makes one there [issue org-formation-cli#542]."""
NEW_ACCOUNTS = frozenset({"NEW", "ALL"})


def objection(world: World, region: str, account: str) -> str | None:
    """Why an account cannot become a member now: the Result text of CreateMembers (aws-behaviour 5.1, 11.4); None if it can."""
    state = state_of(world)
    administrator = state.administrators.get(region)
    bare_management = account == world.organization.management and not _may_be_member(world, region, account)
    reasons = (
        (administrator is not None and administrator.account == account, texts.OWN_ACCOUNT),
        (state.associated(account, region) is not None, texts.ALREADY_MEMBER),
        ((account, region) in state.invited, texts.OTHER_MEMBER),
        (not in_organization(world, account), texts.OUTSIDE),
        (not member_active(world, account), texts.NOT_ACTIVE),
        (not region_enabled(world, account, region), texts.REGION_DISABLED),
        (bare_management, texts.MANAGEMENT_NOT_ENABLED),
    )
    return next((text for holds, text in reasons if holds), None)


def _may_be_member(world: World, region: str, account: str) -> bool:
    """Whether the management account has what it needs."""
    if (account, region) in state_of(world).detectors:
        return True
    role = SERVICE_ROLE in world.organization.accounts[account].service_linked_roles
    return role and world.variants.get(MANAGEMENT_VARIANT, "role") == "role"


def takes_members_again(world: World) -> bool:
    """Whether CreateMembers takes an account that is a member."""
    return world.variants.get(MEMBERS_VARIANT, "processed") == "processed"


def apply_again(world: World, region: str, account: str) -> None:
    """The organization's settings once more, for a member; one that was stopped stays so (assumed)."""
    detector = state_of(world).detectors.get((account, region))
    if detector is not None:
        _apply(world, region, detector, NEW_ACCOUNTS)


def enrol(world: World, region: str, account: str) -> None:
    """Make an account a member: GuardDuty on (a suspended detector too) and the organization's settings applied [model].

    The association settles from Created to Enabled by polls.
    """
    state = state_of(world)
    detector = state.detectors.get((account, region))
    if detector is None:
        detector = add_detector(world, account, region, features=bare_features(world, region))
    detector.enabled = True
    _apply(world, region, detector, NEW_ACCOUNTS)
    email = world.organization.accounts[account].email
    state.members_of(region)[account] = Member(
        account, email, world.settling("Created", "Enabled", "guardduty", account), world.now()
    )
    _follow(world, region, detector)


def record_suspended(world: World, region: str, account: str) -> None:
    """A suspended account that was taken all the same: listed, with nothing switched on in it."""
    email = world.organization.accounts[account].email
    state_of(world).members_of(region)[account] = Member(account, email, settled("AccountSuspended"), world.now())


def account_closed(world: World, account: str) -> None:
    """A member that is suspended or closed is shown as such by reads, or leaves the lists, by variant; one that left is gone."""
    if drops_suspended(world) or not in_organization(world, account):
        for members in state_of(world).members.values():
            members.pop(account, None)


def _apply(world: World, region: str, detector: Detector, levels: frozenset[str]) -> None:
    switch_on(detector.features, state_of(world).configuration(region).features, levels, world.now())
    grant_roles(world, detector)


def follow_frequency(world: World, region: str) -> None:
    """Members publish as often as their administrator does (aws-behaviour 5.2)."""
    state = state_of(world)
    for account in state.members_of(region):
        detector = state.detectors.get((account, region))
        if detector and state.associated(account, region):
            _follow(world, region, detector)


def _follow(world: World, region: str, detector: Detector) -> None:
    state = state_of(world)
    administrator = state.administrators.get(region)
    own = state.detectors.get((administrator.account, region)) if administrator else None
    detector.frequency = own.frequency if own else detector.frequency


def plan_sweep(world: World, region: str) -> None:
    """ALL was set: existing accounts follow after polls, or never, by variant."""
    configuration = state_of(world).configuration(region)
    values = [configuration.members]
    for setting in configuration.features.values():
        values += [setting.value, *(part.value for part in setting.parts.values())]
    if "ALL" in values and world.variants.get(ALL_VARIANT, "sweeps after polls") == "sweeps after polls":
        state_of(world).sweeps[region] = world.settling("pending", "due", then=partial(_reach, world, region))


def _reach(world: World, region: str) -> None:
    """ALL reaches existing accounts also where nobody lists them, unless it was set anew meanwhile."""
    pending = state_of(world).sweeps.get(region)
    if pending is not None and pending.over:
        sweep(world, region)


def sweep(world: World, region: str) -> None:
    """One poll; when it is due, ALL reaches existing, removed and suspended accounts, and the administrator itself [model]."""
    state = state_of(world)
    pending = state.sweeps.get(region)
    if pending is None or pending.read() != "due":
        return
    del state.sweeps[region]
    if state.configuration(region).members == "ALL":
        for account in sorted(world.organization.accounts):
            if objection(world, region, account) is None:
                enrol(world, region, account)
            else:
                resume(world, region, account)
    administrator = state.administrators.get(region)
    own = [administrator.account] if administrator else []
    for account in [*own, *state.members_of(region)]:
        detector = state.detectors.get((account, region))
        if detector and (account in own or state.associated(account, region)):
            _apply(world, region, detector, frozenset({"ALL"}))


def resume(world: World, region: str, account: str) -> None:
    """Switch a suspended member on again; others are left alone."""
    state = state_of(world)
    member, detector = state.associated(account, region), state.detectors.get((account, region))
    if member and detector and current(member.relationship) == "Disabled" and member_active(world, account):
        detector.enabled = True
        member.relationship, member.updated = world.settling("Disabled", "Enabled"), world.now()


def account_joined(world: World, account: str) -> None:
    """A new account becomes a member where auto-enable is NEW or ALL and the Region is enabled in it (aws-behaviour 2, 11.5)."""
    state = state_of(world)
    for region in sorted(state.administrators):
        if state.configuration(region).members in NEW_ACCOUNTS and objection(world, region, account) is None:
            enrol(world, region, account)


def administrator_deregistered(world: World, principal: str, account: str) -> None:
    """Organizations' Deregister ends the designation in every Region at once [code LZA integration test]."""
    if principal != PRINCIPAL:
        return
    for region in deregistered(state_of(world).administrators, account):
        end_memberships(world, region)


def end_memberships(world: World, region: str) -> None:
    """Members stand alone again, GuardDuty stays on in them (aws-behaviour 9)."""
    state = state_of(world)
    state.members.pop(region, None)
    state.configurations.pop(region, None)
    state.sweeps.pop(region, None)


def invited(world: World, account: str, region: str, service: str = "guardduty", administrator: str = "999999999999") -> None:
    """World event "member by invitation": the account has a detector and an administrator outside the organization."""
    if service != "guardduty":
        return
    state = state_of(world)
    if (account, region) not in state.detectors:
        add_detector(world, account, region)
    state.invited[account, region] = administrator


def governed(world: World, account: str, service: str) -> None:
    """World event "organization policy governs": the account's features are the policy's (aws-behaviour 8)."""
    if service == "guardduty":
        state_of(world).governed.add(account)


def listen(world: World) -> None:
    """Subscribe to the events of a world, once; whoever makes a world calls it."""
    state = state_of(world)
    if state.listening:
        return
    state.listening = True
    world.on("account joined", account_joined)
    world.on("account closed", account_closed)
    world.on("delegated administrator deregistered", administrator_deregistered)
    world.on("member by invitation", invited)
    world.on("organization policy governs", governed)
    world.on("guardduty finding", on_finding)
