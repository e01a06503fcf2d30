"""Decided AWS calls as values: Action, Wait, NoChange, Blocker and the Plan that holds them.

An Action is one AWS API call that has been decided and not yet made. Nothing here talks to AWS; `apply` is the only module
that makes the calls. What an approval covers is the Action's *units*: (operation, calling account, Region, target account,
other parameters). How targets are cut into batches is therefore no part of what was approved.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any

from runbook_lib.base.canonical import canonical_digest

EACH = "*"
"""In a Reference: stands for each target account of the Action in turn."""


class Direction(StrEnum):
    """Whether a call raises protection, leaves it equal, or lowers it."""

    RAISES = "raises"
    EQUAL = "equal"
    LOWERS = "lowers"

    @property
    def words(self) -> str:
        """As people read it."""
        return {"raises": "adds protection", "equal": "leaves protection as it is", "lowers": "removes protection"}[self.value]


@dataclass(frozen=True, slots=True)
class Reference:
    """A value AWS assigns or that must not be written down, resolved only when the call is made.

    Always used for identifiers that AWS assigns (a detector id) and for e-mail addresses, also where the value is already
    known, so that a fingerprint does not tell how far an earlier attempt came and no plan holds an address.
    `account` is an account id, or `EACH` for the target account.
    """

    kind: str
    account: str
    region: str = ""


ACCOUNT_ID = Reference("account-id", EACH)
"""The target account's id."""
ACCOUNT_EMAIL = Reference("account-email", EACH)
"""The target account's e-mail address."""


@dataclass(frozen=True, slots=True)
class ForEach:
    """A list parameter with one `item` per target account, for example `AccountDetails` of CreateMembers."""

    item: Any


def freeze(value: Any) -> Any:
    """Return a deeply immutable copy of JSON-like data; References and ForEach are kept (their content frozen)."""
    if isinstance(value, str | Reference):
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({str(key): freeze(value[key]) for key in sorted(value)})
    if isinstance(value, ForEach):
        return ForEach(freeze(value.item))
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return value


def plain(value: Any) -> Any:
    """Return JSON data for `value`: References become {"$reference": …}, ForEach {"$for_each": …}. `thaw` reads it back."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Reference):
        return {"$reference": value.kind, "account": value.account, "region": value.region}
    if isinstance(value, ForEach):
        return {"$for_each": plain(value.item)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def thaw(value: Any) -> Any:
    """Read back what `plain` wrote, frozen."""
    if isinstance(value, Mapping):
        if "$reference" in value:
            return Reference(value["$reference"], value["account"], value["region"])
        if "$for_each" in value:
            return ForEach(thaw(value["$for_each"]))
        return MappingProxyType({key: thaw(item) for key, item in sorted(value.items())})
    if isinstance(value, list | tuple):
        return tuple(thaw(item) for item in value)
    return value


def digest(value: Any) -> str:
    """SHA-256 (hex) of the RFC 8785 canonical JSON of `value`, References and frozen mappings included."""
    return canonical_digest(value, _unfrozen)


def _unfrozen(value: Any) -> Any:
    """What `plain` makes of the types that JSON does not have."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Reference | ForEach):
        return plain(value)
    raise TypeError(f"a plan holds a {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class BackOut:
    """The exact reverse call of an Action, or, when `operation` is empty, why it cannot be reversed."""

    why: str
    operation: str = ""
    parameters: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", freeze(self.parameters))


@dataclass(frozen=True)
class Action:
    """One AWS API call that has been decided and not yet made.

    `account` makes the call in `region`. `targets` are the member accounts that the parameters expand to (through `ForEach`, or
    a bare `ACCOUNT_ID` where the API takes one account); empty for calls about the caller or the organization itself.
    `affects` is every account whose state changes. `after` holds ids of steps that must have succeeded; when both are about
    target accounts, a failure counts only for the accounts it happened to. Actions of one `lane` never overlap.
    """

    service: str
    operation: str
    account: str
    region: str
    parameters: Any
    reason: str
    affects: frozenset[str]
    before: str
    becomes: str
    back_out: BackOut
    stage: str
    direction: Direction = Direction.RAISES
    targets: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    lane: str = ""
    inside_accounts: str = ""
    """What the change does inside the affected accounts (snapshots, agents, endpoints); empty when nothing."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", freeze(self.parameters))
        object.__setattr__(self, "targets", tuple(sorted(self.targets)))

    @cached_property
    def id(self) -> str:
        """Digest of what is called (not of why, when or after what)."""
        called = [self.service, self.operation, self.account, self.region, self.parameters, self.targets]
        return digest(called)[:16]

    @cached_property
    def unit_key(self) -> str:
        """What all units of this Action have in common; equal for two batches of one list."""
        return digest([self.service, self.operation, self.account, self.region, self.parameters])[:16]

    @cached_property
    def units(self) -> frozenset[tuple[str, str]]:
        """(unit key, target account) of every unit; the target is "" for a call without targets."""
        return frozenset((self.unit_key, target) for target in self.targets or ("",))

    def only(self, targets: Iterable[str]) -> "Action":
        """The same call for fewer target accounts (its id changes, its units do not)."""
        kept = tuple(sorted(targets))
        return replace(self, targets=kept, affects=frozenset(kept))

    def request(self, resolve: Callable[[Reference], str]) -> dict[str, Any]:
        """The parameters as the API takes them, with every Reference resolved."""

        def fill(value: Any, target: str) -> Any:
            if isinstance(value, Reference):
                here = replace(value, account=target) if value.account == EACH else value
                return here.account if here.kind == "account-id" else resolve(here)
            if isinstance(value, ForEach):
                return [fill(value.item, each) for each in self.targets]
            if isinstance(value, Mapping):
                return {key: fill(item, target) for key, item in value.items()}
            if isinstance(value, tuple):
                return [fill(item, target) for item in value]
            return value

        single = self.targets[0] if len(self.targets) == 1 else ""
        filled: dict[str, Any] = fill(self.parameters, single)
        return filled


@dataclass(frozen=True, slots=True)
class Condition:
    """What a Wait waits for: that an aspect has what is `wanted` of it.

    `words` name it in plans, unit keys and fingerprints, and nobody takes them apart. A plan that was read from a file has the
    words alone: it is compared, never waited for.
    """

    words: str
    aspect: str = field(default="", compare=False)
    wanted: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Wait:
    """A planned pause until AWS reports a state: which read, where, for which accounts, at most how long (seconds)."""

    service: str
    operation: str
    account: str
    region: str
    condition: Condition
    waits_for: str
    """A sentence for the operator."""
    deadline: int
    stage: str
    targets: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", tuple(sorted(self.targets)))

    @cached_property
    def id(self) -> str:
        return digest([self.service, self.operation, self.account, self.region, str(self.condition), list(self.targets)])[:16]

    @cached_property
    def unit_key(self) -> str:
        return digest(["wait", self.service, self.operation, self.account, self.region, str(self.condition)])[:16]

    @cached_property
    def units(self) -> frozenset[tuple[str, str]]:
        return frozenset((self.unit_key, target) for target in self.targets or ("",))

    def only(self, targets: Iterable[str]) -> "Wait":
        """The same wait for fewer target accounts."""
        return replace(self, targets=tuple(sorted(targets)))


Step = Action | Wait


@dataclass(frozen=True)
class NoChange:
    """Why nothing is planned for these accounts in this Region and aspect."""

    service: str
    region: str
    aspect: str
    accounts: frozenset[str]
    reason: str


@dataclass(frozen=True)
class Blocker:
    """Why something that is wanted cannot be planned, the next step, and who can take it.

    `holds_up` is False for what may turn up after a call of the plan itself and concerns no other call (a standard that is on
    but evaluates nothing): apply goes on beside it. `rules_out` are the unit keys of approved calls that must not be made any
    more because of it: they are dropped, and neither made nor "already so".
    """

    service: str
    region: str
    aspect: str
    accounts: frozenset[str]
    reason: str
    next_step: str
    who: str
    holds_up: bool = True
    rules_out: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scope:
    """A part of the work: of the organization, where empty tuples mean all, and of the two doors.

    Steps that reach beyond a part of the organization are left to the whole.
    """

    regions: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    organizational_units: tuple[str, ...] = ()
    door: str = ""
    """"management" or "delegated" where the other account's door is somebody else's; empty where both are open here."""

    @property
    def whole(self) -> bool:
        """Whether nothing of the organization is left out."""
        return not (self.regions or self.accounts or self.organizational_units)

    @property
    def words(self) -> str:
        """The part in words; "" for the whole."""
        parts = {"Regions": self.regions, "accounts": self.accounts, "organizational units": self.organizational_units}
        named = [f"{name} {', '.join(values)}" for name, values in parts.items() if values]
        return "; ".join([*named, f"the {self.door} account's door alone"] if self.door else named)


@dataclass(frozen=True)
class Loss:
    """Something that a plan takes away: what, from whom, and whether it comes back. `words` are how it is typed."""

    words: str
    accounts: frozenset[str]
    regions: tuple[str, ...]
    note: str
    for_good: bool
    typed: bool
    """Whether an approval holds only where somebody typed it."""


@dataclass(frozen=True)
class Plan:
    """Everything one phase would do, would not do and cannot do, for one organization, settings and scope.

    `population` are the accounts that the plan was made for: accounts that appear later are listed, never added.
    `requires` names phases whose plans must have been applied first. `created` and `mode` are no part of the fingerprint.
    """

    phase: str
    organization: str
    settings_digest: str
    scope: Scope
    population: frozenset[str]
    steps: tuple[Step, ...]
    no_changes: tuple[NoChange, ...]
    blockers: tuple[Blocker, ...]
    requires: tuple[str, ...]
    mode: str
    created: str
    about: str = ""
    """What a procedure's plan is about, beside its calls: which service, which level. Empty in a phase's."""
    losses: tuple[Loss, ...] = ()
    """What it takes away, where it does."""
    register: str = ""
    """The digest of the register of workflows that it was made with; empty where it needs none, or there is none."""

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(step for step in self.steps if isinstance(step, Action))

    @property
    def waits(self) -> tuple[Wait, ...]:
        return tuple(step for step in self.steps if isinstance(step, Wait))

    @cached_property
    def units(self) -> frozenset[tuple[str, str]]:
        """The units of all Actions: what an approval of this plan covers."""
        return frozenset(unit for action in self.actions for unit in action.units)

    @property
    def to_type(self) -> frozenset[str]:
        """What has to be typed, each by its own words, before this plan may be approved."""
        return frozenset(each.words for each in self.losses if each.typed)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what is decided: organization, settings, register, scope, units of Actions and Waits, Blockers, and the rest.

        Times, the wording of reasons, NoChange, batch cuts, mode and versions stay outside.
        """
        waits = sorted({unit for wait in self.waits for unit in wait.units})
        blockers = sorted({(b.service, b.region, b.aspect, account) for b in self.blockers for account in b.accounts or ("",)})
        procedure = {"about": self.about, "losses": sorted(each.words for each in self.losses)} if self.about else {}
        register = {"register": self.register} if self.register else {}
        door = {"door": self.scope.door} if self.scope.door else {}
        return digest(
            {
                **procedure,
                **register,
                **door,
                "phase": self.phase,
                "organization": self.organization,
                "settings": self.settings_digest,
                "scope": [list(self.scope.regions), list(self.scope.accounts), list(self.scope.organizational_units)],
                "actions": [list(unit) for unit in sorted(self.units)],
                "waits": [list(unit) for unit in waits],
                "blockers": [list(blocker) for blocker in blockers],
                "requires": sorted(self.requires),
            }
        )


def batches(targets: Iterable[str], size: int) -> list[tuple[str, ...]]:
    """Cut target accounts, sorted, into batches of at most `size`."""
    ordered: Sequence[str] = sorted(targets)
    return [tuple(ordered[start : start + size]) for start in range(0, len(ordered), size)]
