"""What the simulated Macie knows: sessions, administrators, members and settings, by Region."""

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.operations import service_roles
from runbook_lib.rehearsal.operations.macie2 import texts
from runbook_lib.rehearsal.operations.roster import Roster
from runbook_lib.rehearsal.registry import Call, page
from runbook_lib.rehearsal.world import Settling, World, current, get_or_make, settled

PRINCIPAL = "macie.amazonaws.com"
SERVICE_ROLE = "AWSServiceRoleForAmazonMacie"
ASSOCIATED = frozenset({"Enabled", "Paused", "Created", "RegionDisabled", "AccountSuspended"})
"""Relationships of current members, which lists show unless all are asked for; that Created, of an organization's account on its
way, is one is assumed."""
LARGEST_PAGE = 25
"""[model]"""
USUAL_FREQUENCY = "FIFTEEN_MINUTES"
"""[docs]"""


@dataclass
class Discovery:
    """Automated sensitive data discovery of one account: whether it is on, and since when."""

    on: bool = False
    first: float | None = None
    changed: float | None = None
    ended: float | None = None


@dataclass
class Session:
    """Macie in one account and Region."""

    created: float
    updated: float
    status: str = "ENABLED"
    frequency: str = USUAL_FREQUENCY
    designatable: Settling = field(default_factory=lambda: settled("yes"))
    """Whether the account may be designated: not so soon after it enabled Macie [code SRA]."""
    token: str | None = None
    publication: dict[str, bool] = field(
        default_factory=lambda: {"publishPolicyFindings": True, "publishClassificationFindings": False}
    )
    """[docs]: policy findings go to Security Hub unless told otherwise, those about sensitive data do not."""
    export: dict[str, Any] = field(default_factory=dict)
    discovery: Discovery = field(default_factory=Discovery)


@dataclass
class Member:
    """An account as its administrator sees it; `relationship` is AWS's RelationshipStatus."""

    account: str
    relationship: Settling
    updated: float
    email: str = ""
    """Of an account outside the organization alone [model]."""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Administrator:
    """The delegated administrator of a Region. `usable` settles from "no" to "yes" by its own calls; `leaving` while disabling."""

    account: str
    usable: Settling
    leaving: Settling | None = None
    token: str | None = None


@dataclass
class OrganizationConfiguration:
    """What accounts that join get: Macie, and automated discovery."""

    auto_enable: bool = False
    discovery: str = "NONE"
    """AutoEnableMode; NONE before discovery was ever enabled (assumed)."""


@dataclass
class MacieState:
    """Everything; Regions are keys, so nothing of one Region is seen in another."""

    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)
    administrators: dict[str, Administrator] = field(default_factory=dict)
    members: dict[str, Roster[Member]] = field(default_factory=dict)
    organizations: dict[str, OrganizationConfiguration] = field(default_factory=dict)
    trials: dict[tuple[str, str], float] = field(default_factory=dict)
    """(account, Region) → when Macie was first on there: the trial runs from then, also after it was disabled."""
    invited: dict[tuple[str, str], str] = field(default_factory=dict)
    """(account, Region) → an administrator outside the organization, whose invitation it accepted."""
    listening: bool = False

    def members_of(self, region: str) -> Roster[Member]:
        return get_or_make(self.members, region, Roster)

    def organization(self, region: str) -> OrganizationConfiguration:
        return get_or_make(self.organizations, region, OrganizationConfiguration)

    def associated(self, account: str, region: str) -> Member | None:
        """The account as a current member of the organization's administrator, settled or not."""
        member = self.members_of(region).get(account)
        return member if member is not None and current(member.relationship) in ASSOCIATED else None

    def administered(self, account: str, region: str) -> bool:
        """Whether the account has an administrator, by the organization or by invitation."""
        return self.associated(account, region) is not None or (account, region) in self.invited


def state_of(world: World) -> MacieState:
    return world.of(MacieState)


def own_session(call: Call) -> Session:
    """Macie in the caller's own account. Whoever never enabled it is told so, with 403 [issue azul#5779]."""
    found = state_of(call.world).sessions.get((call.account, call.region))
    if found is None:
        raise texts.not_enabled()
    return found


def is_administrator(call: Call) -> bool:
    """Whether the caller is this Region's delegated administrator, usable or not yet."""
    administrator = state_of(call.world).administrators.get(call.region)
    return administrator is not None and administrator.account == call.account and administrator.leaving is None


def require_administrator(call: Call) -> Session:
    """Refuse a caller without Macie, and one that is not (or, so soon after designation, not yet) the administrator."""
    session = own_session(call)
    if not is_administrator(call) or state_of(call.world).administrators[call.region].usable.read() == "no":
        raise texts.denied(texts.NOT_ADMINISTRATOR)
    return session


def switch_on(world: World, account: str, region: str) -> Session:
    """Macie in an account, made where it was off; the account gets the service-linked role."""
    state, now = state_of(world), world.now()
    session = state.sessions.get((account, region))
    if session is None:
        session = state.sessions[account, region] = Session(now, now)
        state.trials.setdefault((account, region), now)
    service_roles.give(world, account, SERVICE_ROLE)
    return session


def page_size(token: str | None, size: int | None, largest: int = LARGEST_PAGE) -> int:
    """How many rows a page may have; a size that the model rules out, or a made up token, is a ValidationException."""
    if size is not None and not 1 <= size <= largest:
        raise texts.bad_field("maxResults", f"Member must have value between 1 and {largest}")
    if token and not token.isdecimal():
        raise texts.bad_field("nextToken", "Member must be a token of this service")
    return size or largest


def paged(items: list[Any], token: str | None, size: int | None, largest: int = LARGEST_PAGE) -> tuple[list[Any], str | None]:
    return page(items, token, page_size(token, size, largest), largest)
