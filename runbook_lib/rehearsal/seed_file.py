"""What a seed's file may say: who is there, what is on already, how strict AWS is; and whether what it says fits together.

Seeds are written by people and by `runbook inventory`; data of our own in `seed_data/*.yaml`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from runbook_lib.base.documents import DocumentError, Problem, nearest, short
from runbook_lib.base.documents import Path as KeyPath
from runbook_lib.base.documents.characters import unwritable
from runbook_lib.base.documents.files import MIB
from runbook_lib.base.documents.models import modelled
from runbook_lib.base.documents.yaml_text import Document, Form, read_yaml
from runbook_lib.rehearsal.policies import document as policies
from runbook_lib.rehearsal.policies import managed
from runbook_lib.rehearsal.policies.document import Kind
from runbook_lib.rehearsal.policies.wildcards import PolicyError
from runbook_lib.rehearsal.regions import partitions, regions_of
from runbook_lib.rehearsal.replica import Observed

FOLDER = Path(__file__).parent / "seed_data"
LARGEST = 64 * MIB
"""An inventory of ten thousand accounts has a few million bytes."""
LONGEST_LINE = 4_000_000
MOST_ACCOUNTS = 100_000
DEEPEST_UNIT = 5
"""Levels of OUs below the root (Organizations' quota)."""
FORM = Form("Start with a line that extends a seed, for example extends: seven.", refused=unwritable, aliases=True)
"""Names of accounts may hold whatever the runbook has to cope with, so only what no file can hold is refused."""


def _account_id(text: str) -> str:
    if len(text) != 12 or not (text.isascii() and text.isdecimal()):
        raise ValueError("Not an account id: exactly 12 digits in quotes")
    return text


AccountId = Annotated[str, AfterValidator(_account_id)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Times = Annotated[int, Field(ge=1, le=1_000_000)]


class Part(BaseModel):
    """Base of a seed's sections: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AccountPart(Part):
    id: AccountId
    name: str
    unit: str = ""
    """Name of the OU; "" is the root."""
    state: Literal["PENDING_ACTIVATION", "ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"] = "ACTIVE"
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
    max_session_seconds: Times = 3600
    external_id: str | None = None
    denied: tuple[str, ...] = ()
    """Patterns of actions that no policy of the role allows; all others are allowed where it has no `policies`."""
    policies: tuple[dict[str, Any] | str, ...] | None = None
    """Its identity policies, as IAM writes them, or AWS's managed ones by name (`managed_policies/*.json`)."""
    boundary: dict[str, Any] | None = None


class OptIn(Part):
    """An opt-in Region: enabled everywhere but in the accounts named. One that is not named is enabled everywhere."""

    region: str
    disabled_in: tuple[AccountId, ...] = ()


class ResourcesPart(Part):
    """Resources of one kind in an account and Region, and why a service does not watch them, if it does not."""

    account: AccountId
    region: str
    kind: Literal["EC2", "EKS", "ECS", "ECR", "LAMBDA"]
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    not_monitored: str = ""
    """GuardDuty's issue."""
    not_scanned: str = ""
    """Inspector's reason, in AWS's spelling."""


class PolicyPart(Part):
    """A policy of Organizations, attached to `targets`: ids of the root, of OUs and accounts."""

    id: str
    name: str
    type: str
    content: str
    targets: tuple[str, ...]


class ByHand(Part):
    """One call that somebody made before, or one event. `members` adds AccountDetails of generated accounts, [first, count].

    The text "$detector" in a parameter stands for the calling account's detector in that Region.
    """

    service: str = ""
    operation: str = ""
    account: str = ""
    region: str = ""
    parameters: dict[str, Any] = {}
    members: tuple[Count, Count] | None = None
    event: str = ""
    facts: dict[str, Any] = {}


class HiccupPart(Part):
    service: str
    operation: str
    call: Times = 1
    times: Times = 1


class Seed(Part):
    """One simulated organization as its file says it."""

    extends: str = ""
    organization: str = "o-rehearsal001"
    root: str = "r-reh1"
    management: AccountId = "111111111111"
    partition: str = "aws"
    feature_set: Literal["ALL", "CONSOLIDATED_BILLING"] = "ALL"
    regions: tuple[str, ...] = ()
    units: tuple[UnitPart, ...] = ()
    accounts: tuple[AccountPart, ...] = ()
    size: Annotated[int, Field(ge=0, le=MOST_ACCOUNTS)] = 0
    """Accounts altogether; generated ones fill up what `accounts` leaves."""
    fill_units: tuple[str, ...] = ()
    """OUs that the generated accounts go to in turn."""
    roles: tuple[RolePart, ...] = ()
    opt_in: tuple[OptIn, ...] = ()
    config_recorders: tuple[AccountId | Literal["*"], ...] = ()
    """Accounts with a running AWS Config recorder in every Region; "*": every active one, but those of `without_recorders`."""
    without_recorders: tuple[AccountId, ...] = ()
    config_aggregator: AccountId | Literal[""] = ""
    """The account that holds AWS Config's aggregator of the organization: in the first Region, and it collects from all."""
    trusted: tuple[str, ...] = ()
    region_denied: dict[str, tuple[str, ...]] = {}
    policies: tuple[PolicyPart, ...] = ()
    without_full_access: tuple[str, ...] = ()
    """Ids of the root, of OUs and accounts without FullAWSAccess: what their own policies do not allow is refused there."""
    unavailable: dict[str, dict[str, tuple[str, ...]]] = {}
    """Service → Region → features or scan types it does not offer there."""
    resources: tuple[ResourcesPart, ...] = ()
    settle_polls: Count | Literal["never"] = 2
    """Reads until an asynchronous state settles, or seconds of simulated time, whichever comes first."""
    settle_seconds: Annotated[float, Field(ge=0, le=86400)] | Literal["never"] = 20.0
    """AWS's own samples wait 20 to 60 seconds, once, and act [code SRA]."""
    variants: dict[str, str] = {}
    throttled: bool = True
    designation_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    hiccups: tuple[HiccupPart, ...] = ()
    by_hand: tuple[ByHand, ...] = ()
    observed: Observed | None = None
    """What `runbook inventory` saw of a real organization."""
    profiles: dict[str, AccountId] = {}
    """AWS profile → the account whose user it belongs to, beside the rehearsal's own profile."""


def names() -> list[str]:
    """The seeds that come with the library."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(name_or_file: str | Path) -> Seed:
    """The seed of a name or file, with everything it extends.

    Raises ValueError for an unknown name, and DocumentError (one, too) with everything that is wrong with a file.
    """
    return _read(name_or_file, ())


def _read(name_or_file: str | Path, above: tuple[Path, ...]) -> Seed:
    path = Path(name_or_file)
    return _read_file(path, above) if path.suffix in (".yaml", ".yml") else _named(str(name_or_file))


@cache
def _named(name: str) -> Seed:
    if name not in names():
        raise ValueError(f"no seed is called '{short(name)}'; there are: {', '.join(names())}")
    return _read_file(FOLDER / f"{name}.yaml", ())


def _read_file(path: Path, above: tuple[Path, ...]) -> Seed:
    document = read_yaml(path, FORM, LARGEST, LONGEST_LINE)
    values, file = document.values, str(path)
    if base := values.get("extends"):
        values = {**_base(base, path, document, above).model_dump(exclude_unset=True), **values}
    seed = modelled(Seed, document, file, values)
    if problems := list(_contradictions(seed, values=document.values)):
        raise DocumentError(*(document.finding(file, each) for each in problems))
    return seed


def _base(base: Any, path: Path, document: Document, above: tuple[Path, ...]) -> Seed:
    """What a seed extends: another by name, or a file, looked for beside this one first."""

    def wrong(message: str) -> DocumentError:
        return DocumentError(document.finding(str(path), Problem(("extends",), message, str(base))))

    if not isinstance(base, str) or "\0" in base:
        raise wrong(f"The name of a seed or file is wanted here. There are: {', '.join(names())}.")
    if path.resolve() in above:
        raise wrong("This seed extends itself. Name another.")
    try:
        beside = path.parent / base
        return _read(beside if beside.suffix and beside.is_file() else base, (*above, path.resolve()))
    except OSError as error:
        raise wrong(f"Not a file: {error.strerror}.") from None
    except DocumentError:
        raise
    except ValueError as error:
        raise wrong(f"Not a seed: {error}.") from None


def _contradictions(seed: Seed, values: Mapping[str, Any]) -> Iterator[Problem]:
    """What fits no organization, although each value by itself is right. `values`: what the file itself says."""
    if seed.partition not in partitions():
        message = f"There is no such partition.{nearest(seed.partition, partitions())} There are: {', '.join(partitions())}."
        yield Problem(("partition",), message, seed.partition)
        return
    yield from _regions(seed, values)
    yield from _units(seed)
    yield from _accounts(seed)
    yield from _policies(seed)
    if (observed := seed.observed) is not None:
        for keys, name in observed.unknown_sets():
            yield Problem(("observed", *keys), f"No set has this name.{nearest(name, observed.sets)}", name)


def _regions(seed: Seed, values: Mapping[str, Any]) -> Iterator[Problem]:
    """What is inherited from a seed of another partition does no harm."""
    known = regions_of(seed.partition)
    named: list[tuple[KeyPath, str]] = [(("regions", number), each) for number, each in enumerate(seed.regions)]
    if "opt_in" in values:
        named += [(("opt_in", number, "region"), each.region) for number, each in enumerate(seed.opt_in)]
    if "by_hand" in values:
        named += [(("by_hand", number, "region"), each.region) for number, each in enumerate(seed.by_hand) if each.region]
    for path, region in named:
        if region not in known:
            yield Problem(path, f"There is no such Region in {seed.partition}.{nearest(region, sorted(known))}", region)


def _units(seed: Seed) -> Iterator[Problem]:
    ids = {each.id for each in seed.units}
    parents = {each.id: each.parent or seed.root for each in seed.units}
    for number, each in enumerate(seed.units):
        if each.parent and each.parent not in {*ids, seed.root}:
            yield Problem(("units", number, "parent"), f"No unit has this id.{nearest(each.parent, ids)}", each.parent)
            return
        steps, here = 0, each.id
        while here in parents and steps <= DEEPEST_UNIT:
            here, steps = parents[here], steps + 1
        if steps > DEEPEST_UNIT:
            message = f"This unit is more than {DEEPEST_UNIT} levels below the root, or below itself. Mend the parents."
            yield Problem(("units", number, "parent"), message, each.parent)
            return
    yield from _twice("units", [each.id for each in seed.units], "id")


def _accounts(seed: Seed) -> Iterator[Problem]:
    names = {each.name for each in seed.units}
    wanted: list[tuple[KeyPath, str]] = [
        (("accounts", number, "unit"), each.unit) for number, each in enumerate(seed.accounts) if each.unit
    ]
    wanted += [(("fill_units", number), each) for number, each in enumerate(seed.fill_units) if each]
    for path, unit in wanted:
        if unit not in names:
            known = f" There are: {short(', '.join(sorted(names)), 400)}." if names else ""
            yield Problem(path, f"No unit has this name.{nearest(unit, names)}{known} Name one of them, or add it to units.", unit)
    yield from _twice("accounts", [each.id for each in seed.accounts], "id")
    ids = {each.id for each in seed.accounts}
    if seed.management not in ids:
        message = f"The management account {seed.management} is not among the accounts. Add it, or extend a seed (extends: seven)."
        yield Problem(("accounts",) if seed.accounts else ("management",), message, "")
    for profile, account in seed.profiles.items():
        if account not in ids and seed.size <= len(ids):
            yield Problem(("profiles", profile), "No account has this id.", account)


AUTHORIZING = {"SERVICE_CONTROL_POLICY": Kind.SCP, "RESOURCE_CONTROL_POLICY": Kind.RCP}
"""Types of the organization's policies that say what is allowed; what the others say is their services' business."""


def _policies(seed: Seed) -> Iterator[Problem]:
    """Every policy that decides on requests has to be one that can be judged."""
    found: list[tuple[KeyPath, Any, Kind]] = []
    for number, role in enumerate(seed.roles):
        for place, each in enumerate(role.policies or ()):
            path: KeyPath = ("roles", number, "policies", place)
            if isinstance(each, str) and each not in managed.names():
                yield Problem(path, f"No managed policy of AWS that is kept here. There are {', '.join(managed.names())}.", each)
            else:
                found.append((path, managed.document(each) if isinstance(each, str) else each, Kind.IDENTITY))
        found += [(("roles", number, "boundary"), role.boundary, Kind.BOUNDARY)] if role.boundary else []
    for number, policy in enumerate(seed.policies):
        if policy.type in AUTHORIZING:
            found.append((("policies", number, "content"), policy.content, AUTHORIZING[policy.type]))
    governed = {target for policy in seed.policies if policy.type == "SERVICE_CONTROL_POLICY" for target in policy.targets}
    for number, target in enumerate(seed.without_full_access):
        if target not in governed:
            message = "No service control policy of this file is attached there, and AWS keeps the last one. Attach one to it."
            yield Problem(("without_full_access", number), message, target)
    for path, document, kind in found:
        try:
            policies.read(document, kind)
        except PolicyError as error:
            yield Problem(path, f"This policy cannot be judged: {error}.", "")


def _twice(section: str, ids: Iterable[str], key: str) -> Iterator[Problem]:
    listed = list(ids)
    for each, count in Counter(listed).items():
        if count > 1:
            place = len(listed) - 1 - listed[::-1].index(each)
            yield Problem((section, place, key), f"This id stands {count} times. Keep one.", each)
