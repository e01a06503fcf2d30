"""What the simulated Access Analyzer knows: analyzers, by account and Region."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.operations.accessanalyzer import texts
from runbook_lib.rehearsal.organization import is_delegated
from runbook_lib.rehearsal.registry import Call, page
from runbook_lib.rehearsal.world import Settling, World, current, get_or_make

PRINCIPAL = "access-analyzer.amazonaws.com"
SERVICE_ROLE = "AWSServiceRoleForAccessAnalyzer"
QUOTAS = {
    "ACCOUNT": 1,
    "ACCOUNT_UNUSED_ACCESS": 1,
    "ACCOUNT_INTERNAL_ACCESS": 1,
    "ORGANIZATION": 5,
    "ORGANIZATION_UNUSED_ACCESS": 5,
    "ORGANIZATION_INTERNAL_ACCESS": 1,
}
"""Analyzers of a type in a Region, of one account or of one organization [model]; one internal one is the specification's."""
LARGEST_PAGE = 100
"""[belief]: the model has no maximum."""
CATCHES_UP = 600.0
"""Seconds after which a change of Organizations is known here for certain [code tf]."""


@dataclass
class Analyzer:
    """One analyzer. `status` settles from CREATING to ACTIVE or FAILED; what Organizations took away since is not in it."""

    account: str
    region: str
    name: str
    kind: str
    status: Settling
    created: float
    reason: str = ""
    """Why it failed, or was disabled when an inventory saw it."""
    configuration: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    managed_by: str = ""
    token: str | None = None
    """What made the call that created it recognizable: the same call again has the same answer."""

    @property
    def of_organization(self) -> bool:
        return self.kind.startswith("ORGANIZATION")

    @property
    def external(self) -> bool:
        return self.kind in ("ACCOUNT", "ORGANIZATION")


@dataclass
class AccessAnalyzerState:
    """Everything; nothing of one account or Region is seen in another."""

    analyzers: dict[tuple[str, str], dict[str, Analyzer]] = field(default_factory=dict)
    """(account, Region) → name → analyzer, in the order of their creation."""
    knows: dict[tuple[str, str], tuple[float, Settling]] = field(default_factory=dict)
    """(account, Region) → the last change of Organizations asked about, and whether it is known there yet."""
    listening: bool = False

    def of(self, account: str, region: str) -> dict[str, Analyzer]:
        return get_or_make(self.analyzers, (account, region), dict)

    def in_region(self, region: str) -> Iterator[Analyzer]:
        for (_, where), found in sorted(self.analyzers.items()):
            if where == region:
                yield from found.values()


def state_of(world: World) -> AccessAnalyzerState:
    return world.of(AccessAnalyzerState)


def administers(world: World, account: str) -> bool:
    """Whether an account may own analyzers of the organization: the management account, or the delegated administrator."""
    return account == world.organization.management or is_delegated(world, account, PRINCIPAL)


def require_organization(call: Call) -> None:
    """Refuse an analyzer of the organization: trusted access, then the caller, then what has not come here yet."""
    world = call.world
    if call.account not in world.organization.accounts:
        raise texts.invalid(texts.NO_ORGANIZATION)
    if PRINCIPAL not in world.organization.trusted:
        raise texts.invalid(texts.NOT_ENABLED)
    if not administers(world, call.account):
        raise texts.denied(texts.NOT_ADMINISTRATOR)
    if not _has_caught_up(call):
        raise texts.invalid(texts.NO_ORGANIZATION)


def _has_caught_up(call: Call) -> bool:
    """Whether the last change of trusted access or delegation is known in the Region; asking counts as a poll."""
    world, known = call.world, state_of(call.world).knows
    organization, place = world.organization, (call.account, call.region)
    changed = max(organization.trusted[PRINCIPAL], organization.delegated.get(PRINCIPAL, {}).get(call.account, 0.0))
    if world.now() - changed >= CATCHES_UP:
        return True
    if place not in known or known[place][0] != changed:
        known[place] = (changed, world.settling("no", "yes"))
    return known[place][1].read() == "yes"


def status_of(world: World, found: Analyzer, *, poll: bool) -> tuple[str, str]:
    """(status, reason) of an analyzer. One of the organization is DISABLED while Organizations does not back it [docs].

    It comes back when trusted access, or the registration of the same account, does; that it then is ACTIVE at once is assumed.
    """
    status = found.status.read() if poll else current(found.status)
    if status in ("ACTIVE", "CREATING") and found.of_organization:
        if PRINCIPAL not in world.organization.trusted:
            return "DISABLED", "AWS_SERVICE_ACCESS_DISABLED"
        if not administers(world, found.account):
            return "DISABLED", "DELEGATED_ADMINISTRATOR_DEREGISTERED"
    return status, found.reason if status in ("FAILED", "DISABLED") else ""


def own(call: Call, name: str) -> Analyzer:
    """An analyzer of the caller's own account in this Region: nobody sees another's."""
    found = state_of(call.world).of(call.account, call.region).get(name)
    if found is None:
        raise texts.not_found(name)
    return found


def arn_of(world: World, found: Analyzer) -> str:
    return f"arn:{world.partition}:access-analyzer:{found.region}:{found.account}:analyzer/{found.name}"


def paged(items: list[Any], token: str | None, size: int | None) -> tuple[list[Any], str | None]:
    if size is not None and not 1 <= size <= LARGEST_PAGE:
        raise texts.bad_field("maxResults", f"Member must have value between 1 and {LARGEST_PAGE}")
    if token and not token.isdecimal():
        raise texts.bad_field("nextToken", "Member must be a token of this service")
    return page(items, token, size, LARGEST_PAGE)
