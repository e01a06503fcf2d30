"""Named simulated organizations: who is there, what is on already, how strict AWS is. Data in `seed_data/*.yaml`.

The same seed gives the same world each time: account ids, names, e-mail addresses and dates are computed, never drawn.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from runbook_lib.rehearsal import replica
from runbook_lib.rehearsal.conditions import Conditions, Hiccup
from runbook_lib.rehearsal.identity import user_credential
from runbook_lib.rehearsal.internal import install, run
from runbook_lib.rehearsal.operations.organizations import OrganizationsState
from runbook_lib.rehearsal.organization import ancestors
from runbook_lib.rehearsal.regions import enabled_by_default, partitions, regions_of
from runbook_lib.rehearsal.world import OrganizationalUnit, SimulatedAccount, SimulatedOrganization, SimulatedRole, World

FOLDER = Path(__file__).parent / "seed_data"
FIRST_JOINED = 1_700_000_000.0
FIRST_GENERATED = 100_000_000_001


class Part(BaseModel):
    """Base of a seed's sections: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountPart(Part):
    id: str
    name: str
    unit: str = ""
    """Name of the OU; "" is the root."""
    state: str = "ACTIVE"
    email: str = ""
    """Made up from the id where it is empty."""


class UnitPart(Part):
    id: str
    name: str
    parent: str = ""


class RolePart(Part):
    """A role in one account, in every account ("*"), or in every member account but the delegated one ("members")."""

    name: str
    account: str
    trusts: tuple[str, ...]
    max_session_seconds: int = 3600
    external_id: str | None = None
    denied: tuple[str, ...] = ()


class OptIn(Part):
    """An opt-in Region: enabled everywhere but in the accounts named. One that is not named is enabled everywhere."""

    region: str
    disabled_in: tuple[str, ...] = ()


class ByHand(Part):
    """One call that somebody made before, or one event. `members` adds AccountDetails of generated accounts, [first, count].

    The text "$detector" in a parameter stands for the calling account's detector in that Region.
    """

    service: str = ""
    operation: str = ""
    account: str = ""
    region: str = ""
    parameters: dict[str, Any] = {}
    members: tuple[int, int] | None = None
    event: str = ""
    facts: dict[str, Any] = {}


class HiccupPart(Part):
    service: str
    operation: str
    call: int = 1
    times: int = 1


class Seed(Part):
    """One simulated organization as its file says it."""

    extends: str = ""
    organization: str = "o-rehearsal001"
    root: str = "r-reh1"
    management: str = "111111111111"
    partition: str = "aws"
    feature_set: str = "ALL"
    regions: tuple[str, ...] = ()
    units: tuple[UnitPart, ...] = ()
    accounts: tuple[AccountPart, ...] = ()
    size: int = 0
    """Accounts altogether; generated ones fill up what `accounts` leaves."""
    fill_units: tuple[str, ...] = ()
    """OUs that the generated accounts go to in turn."""
    roles: tuple[RolePart, ...] = ()
    opt_in: tuple[OptIn, ...] = ()
    config_recorders: tuple[str, ...] = ()
    """Accounts with a running AWS Config recorder in every Region."""
    trusted: tuple[str, ...] = ()
    region_denied: dict[str, tuple[str, ...]] = {}
    policies: tuple[dict[str, Any], ...] = ()
    unavailable: dict[str, dict[str, tuple[str, ...]]] = {}
    """Service → Region → features or scan types it does not offer there."""
    settle_polls: int = 2
    variants: dict[str, str] = {}
    throttled: bool = True
    designation_seconds: float = 0.0
    hiccups: tuple[HiccupPart, ...] = ()
    by_hand: tuple[ByHand, ...] = ()
    observed: dict[str, Any] = {}
    """What `runbook inventory` saw of a real organization; see `replica.Observed`."""
    profiles: dict[str, str] = {}
    """AWS profile → the account whose user it belongs to, beside the rehearsal's own profile."""


def names() -> list[str]:
    """The seeds that come with the library."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(
    name_or_file: str | Path = "default", accounts: int | None = None, regions: Sequence[str] | None = None, speed: float = 1.0
) -> World:
    """Build the world of a seed, by name or from a YAML file; `accounts` and `regions` replace the seed's own.

    Never fewer accounts than the seed names. Calls by hand in a Region that `regions` leaves out are left out too. `ValueError` for
    an unknown seed or Region, and for a file that is no seed.
    """
    return build(read(name_or_file), accounts, regions, speed)


def read(name_or_file: str | Path) -> Seed:
    """The seed of a name or file, with everything it extends."""
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        path = FOLDER / f"{name_or_file}.yaml"
        if not path.is_file():
            raise ValueError(f"no seed is called {name_or_file!r}; there are: {', '.join(names())}")
    try:
        said: dict[str, Any] = YAML(typ="safe").load(path) or {}
    except (OSError, YAMLError) as error:
        raise ValueError(f"{path} cannot be read as a seed: {error}") from error
    if not isinstance(said, dict):
        raise ValueError(f"{path} is no seed: a seed is a mapping of keys")  # noqa: TRY004 the file is wrong, not our types
    if base := said.get("extends"):
        said = {**read(base).model_dump(exclude_unset=True), **said}
    return Seed.model_validate(said)


def build(seed: Seed, accounts: int | None = None, regions: Sequence[str] | None = None, speed: float = 1.0) -> World:
    """The world that a seed describes, with the calls by hand already made."""
    chosen = tuple(regions or seed.regions)
    if seed.partition not in partitions():
        raise ValueError(f"no such partition: {seed.partition}; there are {', '.join(partitions())}")
    if unknown := sorted(set(chosen) - regions_of(seed.partition)):
        raise ValueError(f"no such Region in {seed.partition}: {', '.join(unknown)}")
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
    world.of(OrganizationsState).policies = [dict(each) for each in seed.policies]
    hiccups = tuple(Hiccup(each.service, each.operation, each.call, each.times) for each in seed.hiccups)
    world.conditions = Conditions(seed.throttled, hiccups, seed.designation_seconds)
    install(world)
    _govern(world, seed)
    for each in seed.by_hand:
        if not each.region or each.region in world.regions:
            _by_hand(world, each)
    world.settle_polls = seed.settle_polls
    if seed.observed:
        replica.put(world, seed.observed)
    world.profiles = dict(seed.profiles)
    for profile, account in seed.profiles.items():
        user_credential(world, account, profile)
    return world


GOVERNED = {"GUARDDUTY_POLICY": "guardduty", "INSPECTOR_POLICY": "inspector2"}


def _govern(world: World, seed: Seed) -> None:
    """Let the services know which accounts an Organizations policy governs (aws-behaviour 8)."""
    for policy in seed.policies:
        if policy["type"] == "SECURITYHUB_CSPM_POLICY":
            world.variants.setdefault("securityhub organizations policy", "on")
        for account in world.organization.accounts.values() if policy["type"] in GOVERNED else ():
            if {account.id, *ancestors(world, account.parent)} & set(policy["targets"]):
                world.tell("organization policy governs", account=account.id, service=GOVERNED[policy["type"]])


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
    )
    for role in seed.roles:
        if _has_role(seed, role, part.id):
            account.roles[role.name] = SimulatedRole(
                role.name, set(role.trusts), role.max_session_seconds, role.external_id, tuple(role.denied)
            )
    out = {each.region: each.disabled_in for each in seed.opt_in}
    opt_in = sorted(set(regions) - enabled_by_default(seed.partition))
    account.regions = {region: "DISABLED" if part.id in out.get(region, ()) else "ENABLED" for region in opt_in}
    if part.id in seed.config_recorders:
        account.config_recorders = set(regions)
    return account


def _has_role(seed: Seed, role: RolePart, account: str) -> bool:
    return role.account in (account, "*") or (role.account == "members" and account != seed.management)


def _by_hand(world: World, each: ByHand) -> None:
    if each.event:
        world.tell(each.event, **each.facts)
        return
    parameters = _filled(world, each, each.parameters)
    if each.members is not None:
        first, count = each.members
        ids = [account for account in sorted(world.organization.accounts) if account.startswith("1000")][first : first + count]
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
