"""Named simulated organizations: who is there, what is on already, how strict AWS is. Data in `seed_data/*.yaml`.

The same seed gives the same world each time: account ids, names, e-mail addresses and dates are computed, never drawn.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.base.documents import short
from runbook_lib.rehearsal import replica
from runbook_lib.rehearsal.conditions import Conditions, Hiccup
from runbook_lib.rehearsal.identity import user_credential
from runbook_lib.rehearsal.internal import install, run
from runbook_lib.rehearsal.operations import config
from runbook_lib.rehearsal.operations.organizations import OrganizationsState
from runbook_lib.rehearsal.organization import ancestors
from runbook_lib.rehearsal.policies import managed
from runbook_lib.rehearsal.regions import enabled_by_default, regions_of
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.resources import Resource
from runbook_lib.rehearsal.scenario import unless_never
from runbook_lib.rehearsal.seed_file import AccountPart, ByHand, RolePart, Seed, names, read
from runbook_lib.rehearsal.simulated import simulated
from runbook_lib.rehearsal.world import OrganizationalUnit, SimulatedAccount, SimulatedOrganization, SimulatedRole, World

FIRST_JOINED = 1_700_000_000.0
FIRST_GENERATED = 100_000_000_001


def load(
    name_or_file: str | Path = "default", accounts: int | None = None, regions: Sequence[str] | None = None, speed: float = 1.0
) -> World:
    """Build the world of a seed, by name or from a YAML file; `accounts` and `regions` replace the seed's own.

    Never fewer accounts than the seed names. Calls by hand in a Region that `regions` leaves out are left out too. `ValueError` for
    an unknown seed or Region, and for a file that is no seed.
    """
    seed = read(name_or_file)
    if unknown := sorted(set(regions or ()) - regions_of(seed.partition)):
        raise ValueError(f"no such Region in {seed.partition}: {', '.join(unknown)}")
    try:
        return build(seed, accounts, regions, speed)
    except ValueError as error:
        raise ValueError(f"{name_or_file}: {error}") from None


def _resources(seed: Seed) -> tuple[Resource, ...]:
    made = (
        Resource(
            f"{part.kind.lower()}-{row:02}{number:05}", part.kind, part.account, part.region, part.not_monitored, part.not_scanned
        )
        for row, part in enumerate(seed.resources)
        for number in range(part.count)
    )
    return tuple(made)


def build(seed: Seed, accounts: int | None = None, regions: Sequence[str] | None = None, speed: float = 1.0) -> World:
    """The world that a seed describes, with the calls by hand already made. `ValueError` for what cannot be made."""
    chosen = tuple(regions or seed.regions)
    organization = SimulatedOrganization(seed.organization, seed.root, seed.management, seed.feature_set)
    organization.units = {each.id: OrganizationalUnit(each.id, each.name, each.parent or seed.root) for each in seed.units}
    for part in _accounts(seed, accounts or seed.size):
        organization.accounts[part.id] = _account(seed, part, len(organization.accounts), chosen)
    organization.trusted = dict.fromkeys(seed.trusted, FIRST_JOINED)
    organization.region_denied = dict(seed.region_denied)
    world = World(organization, seed.partition, settle_polls=0, speed=speed, regions=frozenset(chosen) or None)
    world.variants = dict(seed.variants)
    world.unavailable = {
        service: {region: frozenset(each) for region, each in named.items()} for service, named in seed.unavailable.items()
    }
    world.resources = _resources(seed)
    known = world.of(OrganizationsState)
    known.policies = [each.model_dump(mode="json") for each in seed.policies]
    known.without_full_access = set(seed.without_full_access)
    if seed.config_aggregator:
        config.aggregate(world, seed.config_aggregator, chosen[0])
    hiccups = tuple(Hiccup(each.service, each.operation, each.call, each.times) for each in seed.hiccups)
    world.conditions = Conditions(seed.throttled, hiccups, seed.designation_seconds)
    install(world)
    for number, hiccup in enumerate(seed.hiccups):
        if (hiccup.service, hiccup.operation) not in HANDLERS:
            named = short(f"{hiccup.service}:{hiccup.operation}")
            raise ValueError(f"hiccups[{number}]: {named} is not an operation of the simulation; mend it or leave it out")
    _govern(world, seed)
    for number, each in enumerate(seed.by_hand):
        if not each.region or each.region in world.regions:
            _made_by_hand(world, each, number)
    world.settle_polls, world.settle_seconds = unless_never(seed.settle_polls), unless_never(seed.settle_seconds)
    if world.settle_polls is None and world.settle_seconds is None:
        raise ValueError("settle_polls and settle_seconds are both never: nothing would ever settle; give one of them")
    if seed.observed:
        replica.put(world, seed.observed)
    world.profiles = dict(seed.profiles)
    for profile, account in seed.profiles.items():
        user_credential(world, account, profile)
    return world


def _govern(world: World, seed: Seed) -> None:
    """Let the services know which accounts an Organizations policy governs (aws-behaviour 8)."""
    governed = {kind: each.name for each in simulated() for kind in each.policy_types}
    for policy in seed.policies:
        if policy.type in governed:
            world.tell("organization policy exists", policy_type=policy.type)
        for account in world.organization.accounts.values() if policy.type in governed else ():
            if {account.id, *ancestors(world, account.parent)} & set(policy.targets):
                world.tell("organization policy governs", account=account.id, service=governed[policy.type])


def _accounts(seed: Seed, size: int) -> list[AccountPart]:
    """The named accounts, then generated ones up to `size`; the order is the order of ids, so that nobody's place is special."""
    known = [part for part in seed.accounts if part.id]
    units = seed.fill_units or ("",)
    made = [
        AccountPart(id=str(FIRST_GENERATED + index), name=f"Workload {index + 1:03}", unit=units[index % len(units)])
        for index in range(max(0, size - len(known)))
    ]
    return sorted([*known, *made], key=lambda part: part.id)


def _account(seed: Seed, part: AccountPart, index: int, regions: Sequence[str]) -> SimulatedAccount:
    units = {each.name: each.id for each in seed.units}
    account = SimulatedAccount(
        id=part.id,
        name=part.name,
        email=part.email or f"account-{part.id}@example.com",
        parent=units[part.unit] if part.unit else seed.root,
        state=part.state,
        joined_method="INVITED" if part.id == seed.management else "CREATED",
        joined=FIRST_JOINED + 60 * index,
        generated=part not in seed.accounts,
    )
    for role in seed.roles:
        if _has_role(seed, role, part.id):
            account.roles[role.name] = SimulatedRole(
                role.name,
                set(role.trusts),
                role.max_session_seconds,
                role.external_id,
                tuple(role.denied),
                None if role.policies is None else tuple(map(_policy, role.policies)),
                json.dumps(role.boundary) if role.boundary else "",
            )
    out = {each.region: each.disabled_in for each in seed.opt_in}
    opt_in = sorted(set(regions) - enabled_by_default(seed.partition))
    account.regions = {region: "DISABLED" if part.id in out.get(region, ()) else "ENABLED" for region in opt_in}
    everywhere = "*" in seed.config_recorders and part.state == "ACTIVE" and part.id not in seed.without_recorders
    if everywhere or part.id in seed.config_recorders:
        account.config_recorders = set(regions)
    return account


def _policy(said: dict[str, Any] | str) -> str:
    """An identity policy's text, given as IAM writes it or by the name of one of AWS's."""
    return json.dumps(managed.document(said) if isinstance(said, str) else said)


def _has_role(seed: Seed, role: RolePart, account: str) -> bool:
    return role.account in (account, "*") or (role.account == "members" and account != seed.management)


def _made_by_hand(world: World, each: ByHand, number: int) -> None:
    """Make one call. Whatever goes wrong with it is the file's: the operations expect requests that a client has checked."""
    try:
        _by_hand(world, each)
    except Exception as error:  # noqa: BLE001 see above
        what = each.event or f"{each.service}:{each.operation} in {each.account} {each.region}"
        why = "there is no such operation" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"by_hand[{number}]: {short(what)} cannot be done ({short(why)}); mend it or leave it out") from None


def _by_hand(world: World, each: ByHand) -> None:
    if each.event:
        world.tell(each.event, **each.facts)
        return
    parameters = _filled(world, each, each.parameters)
    if each.members is not None:
        first, count = each.members
        ids = sorted(account.id for account in world.organization.accounts.values() if account.generated)[first : first + count]
        details = [{"AccountId": account, "Email": world.organization.accounts[account].email} for account in ids]
        parameters = {**parameters, "AccountDetails": [*parameters.get("AccountDetails", []), *details]}
        if not parameters["AccountDetails"]:
            return
    run(world, each.service, each.operation, each.account, each.region, parameters)


def _filled(world: World, each: ByHand, value: Any) -> Any:
    """Parameters with "$detector" put in."""
    if isinstance(value, Mapping):
        return {name: _filled(world, each, inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(world, each, inner) for inner in value]
    if value == "$detector":
        return run(world, "guardduty", "ListDetectors", each.account, each.region, {})["DetectorIds"][0]
    return value


__all__ = ["FIRST_GENERATED", "Seed", "build", "load", "names", "read"]
