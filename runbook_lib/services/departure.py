"""Leaving a service, level by level: what each level is, what stands in its way, what it calls, and who loses what by it.

A service's way out is a list of levels in the order that works for it (`services/<name>/departure.py`), held against what is there
and not against what settings want: who is a member, not who should be. What is the same for all services is here; the calls that
only a way out makes stand in its levels and nowhere else. Pure, but for `reached`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol

from runbook_lib.aws.errors import CallFailed, has
from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.plan import Action, Condition, Loss, Step, Wait
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import outcomes
from runbook_lib.services.aspect import Place, R
from runbook_lib.services.column import OPERATOR, Column
from runbook_lib.services.designation import Administrators, as_seen
from runbook_lib.services.obstacles import Bar, bar_cells
from runbook_lib.services.registry import sentence
from runbook_lib.services.spec import GLOBAL, Designation
from runbook_lib.services.view import View
from runbook_lib.settings.sections.service import ServiceSection

HAND_OVER, OFF = "hand-over", "off"
"""The two ways to leave: the accounts keep the service, for somebody else to administer; or it is switched off in them."""
LEVELS: Mapping[str, str] = {
    "stop-auto-enable": "Stop enabling the service in accounts that join",
    "switch-off": "Switch the service off in accounts",
    "dissociate": "Dissociate the member accounts",
    "administrator": "Take the administrator out of named Regions",
    "delegation": "Give up the delegation in Organizations, for every Region at once",
    "trusted-access": "Remove trusted access in Organizations",
    "mute": "Disable the rules of the response, so that no message is sent",
    "detach": "Remove the targets of rules that are disabled",
    "remove": "Remove custom actions, rules, topics and queues of the response",
}
"""Every level → what it does. The order is each service's own."""
ASSOCIATED = frozenset({"ENABLED", "DISABLED", "PAUSED", "CREATED", "INVITED", "EMAILVERIFICATIONINPROGRESS"})
GONE = frozenset({"REMOVED", "RESIGNED", "DELETED"})
APART = frozenset({"REGIONDISABLED", "ACCOUNTSUSPENDED", "EMAILVERIFICATIONFAILED", "CANNOTCREATEDETECTORINORGMASTER"})
"""Statuses of members, which the services spell differently [model]: associated, no longer, and with nothing to dissociate."""


def spelled(status: str) -> str:
    """A member's status in the one spelling of the tables above."""
    return status.replace("_", "").upper()


@dataclass(frozen=True)
class Losing:
    """One thing that a level takes from accounts, as its table says it."""

    name: str
    """What is lost, as it is typed and told: "Inspector's findings"."""
    for_good: bool = False
    """Whether coming back does not bring it back."""
    unwatched: bool = False
    """Whether nobody is told any longer of what happens in the account."""
    note: str = ""
    """From when, for how long, or what brings it back."""
    of_accounts: bool = True
    """Whether it is taken from the accounts that the calls are about, and not from the administrator or those that join."""
    places: frozenset[tuple[str, str]] | None = None
    """Where there is any of it, as (account, Region); None: wherever the calls are about."""

    def of(self, accounts: frozenset[str], region: str) -> frozenset[str]:
        """Those of the accounts from which it is taken in a Region."""
        there = self.places
        return accounts if there is None else frozenset(each for each in accounts if (each, region) in there)

    @property
    def typed(self) -> bool:
        """Whether somebody has to type it before it may be approved."""
        return self.for_good or self.unwatched


class Left(Protocol):
    """What a way out knows of what is left, by name; the spec of a service says it."""

    @property
    def name(self) -> str:
        """The boto3 client name."""

    @property
    def title(self) -> str: ...

    @property
    def section(self) -> str:
        """The key of its section in settings."""

    @property
    def phase(self) -> str:
        """The notebook that brings it back."""

    @property
    def principals(self) -> tuple[str, ...]: ...

    @property
    def policy_type(self) -> str: ...

    @property
    def designation(self) -> Designation | None: ...


@dataclass(frozen=True)
class Ground(Generic[R]):
    """One service in one organization as a way out looks at it."""

    spec: Left
    view: View
    leave: str
    """HAND_OVER, OFF, or "" where settings have not decided."""
    seen: Mapping[str, R]
    """Region → what was seen, of the Regions that are asked for."""
    administrators: Administrators
    """Of every Region that is enabled, asked for or not."""
    registered: Observation[frozenset[str]]
    """Whom Organizations has registered for the service."""
    policies: Observation[int]
    """How many Organizations policies govern the service."""
    delegations: Observation[frozenset[str]]
    """Every service principal that the delegated account is registered for."""
    further: Mapping[str, Observation[Any]] = field(default_factory=dict)
    """What one service alone looks at."""

    @property
    def delegated(self) -> str:
        return self.view.delegated

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions that are asked for."""
        return self.view.population.regions

    def place(self, region: str) -> Place[None, R]:
        return Place(self.spec.name, self.view, None, self.seen[region], region)

    def column(self, region: str, level: str) -> Column:
        return Column(self.spec.name, region, level)

    def administers(self, region: str) -> bool:
        """Whether the delegated account is known to be the administrator in a Region, or on its way out."""
        listed = self.administrators.get(region)
        return isinstance(listed, Known) and self.delegated in listed.value

    def going(self, region: str) -> str:
        """The status by which AWS says that it is taking the administrator of a Region away; empty where it does not."""
        listed, designation = self.administrators.get(region), self.spec.designation
        status = listed.value.get(self.delegated, "") if isinstance(listed, Known) else ""
        return status if designation and designation.status_field and spelled(status).startswith("DISABL") else ""

    def others(self, region: str) -> tuple[str, ...]:
        """Other accounts that administer the service in a Region."""
        listed = self.administrators.get(region)
        return tuple(sorted(set(listed.value) - {self.delegated})) if isinstance(listed, Known) else ()


class Level(ABC, Generic[R]):
    """One level of one service: the answers here are those of a level at which there is nothing to do."""

    name: str
    stage: str = "delegated"
    operations: frozenset[str] = frozenset()
    """The mutating calls, as "service:Operation"."""
    inside: frozenset[str] = frozenset()
    """Reads that are made in members too, by their role, as "service:Operation"."""
    losing: Sequence[Losing] = ()
    back: str = ""
    """How to come back."""
    already: Sequence[str] = ()
    """Words of refusals that say it may be so already; whether it is, a read says."""

    @property
    def title(self) -> str:
        return LEVELS[self.name]

    @abstractmethod
    def cells(self, ground: Ground[R]) -> Cells:
        """What is done, to do, not ours, or blocked."""

    @abstractmethod
    def steps(self, ground: Ground[R], cells: Cells) -> Sequence[Step]:
        """The calls for what is to do."""

    def awaited(self, ground: Ground[R], under_way: Sequence[Cell]) -> Sequence[Step]:
        """The waits for what AWS is doing already."""
        return ()

    def contradicted_by(self, section: ServiceSection) -> bool:
        """Whether settings of the service still want what this level takes away: the next apply would bring it back."""
        return True

    @abstractmethod
    def reached(self, step: Step, reader: Reader) -> Progress:
        """How far a call's effect, or what is waited for, has come. `CallFailed` means it could not be read."""

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """What an answer with status 200 means, one outcome per target."""
        return outcomes(action, Verdict.APPLIED)

    def says_already(self, error: CallFailed) -> bool:
        return bool(self.already) and has(error, *self.already)

    def loses(self, ground: Ground[R]) -> Sequence[Losing]:
        """What there is to lose: nothing is named that is not there."""
        return self.losing

    def losses(self, ground: Ground[R], cells: Iterable[Cell], *gaps: Gap) -> tuple[Loss, ...]:
        """What the calls for these cells take, each loss once with the accounts and Regions it is about.

        Of what is to do, and with `gaps` of other cells too: what is blocked now may be done later.
        """
        doing = [cell for cell in cells if cell.in_scope and cell.gap in (Gap.TO_DO, *gaps)]
        return tuple(lost for each in self.loses(ground) if (lost := _lost(each, doing))) if doing else ()


def _lost(losing: Losing, doing: Sequence[Cell]) -> Loss | None:
    """One loss with the accounts and Regions of these cells; None where there is none of it."""
    taken = [(cell.region, accounts) for cell in doing if (accounts := losing.of(cell.accounts, cell.region))]
    accounts = frozenset[str]().union(*(each for _, each in taken))
    regions = tuple(sorted({region for region, _ in taken}))
    if not taken:
        return None
    where = "every Region" if regions == (GLOBAL,) else sentence(regions)
    return Loss(
        f"{losing.name}{f' of {count_of(accounts)}' if losing.of_accounts else ','} in {where}",
        accounts if losing.of_accounts else frozenset(), regions, losing.note, losing.for_good, losing.typed,
    )  # fmt: skip


class Regional(Level[R]):
    """A level that goes Region by Region, as the administrator or about it."""

    as_administrator = True
    """Whether it is called as the administrator, or about it: then there is nothing to do where there is none."""

    def here(self, place: Place[None, R], column: Column) -> Cells:
        """What there is to do in one Region, in which the delegated account administers; or a level has `cells` of its own."""
        raise NotImplementedError

    def bar(self, ground: Ground[R], place: Place[None, R]) -> Bar | None:
        """Why nothing may be called in a Region; None where it may."""
        return None

    @abstractmethod
    def calls(self, ground: Ground[R], place: Place[None, R], doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        """The steps of one Region for the cells that are to do; `before` are the ids of the Region's before it."""

    def cells(self, ground: Ground[R]) -> Cells:
        return tuple(cell for region in ground.regions for cell in self.in_region(ground, region))

    def in_region(self, ground: Ground[R], region: str) -> Cells:
        """One Region's cells, with what stands in the way there."""
        column, listed, accounts = ground.column(region, self.name), ground.administrators.get(region), {ground.delegated}
        if isinstance(listed, Unknown):
            return column.unknown(accounts, listed.code, listed.reason, listed.next_step)
        if others := ground.others(region):
            return column.not_applicable(accounts, f"not ours: {sentence(others)} administers the service here", as_seen(listed))
        if self.as_administrator and not ground.administers(region):
            return column.covered(accounts, "no administrator here", "none")
        place = ground.place(region)
        made = self.here(place, column)
        bar = self.bar(ground, place)
        return bar_cells(made, {region: bar} if bar else {})

    def ordered(self, ground: Ground[R]) -> Sequence[str]:
        """The Regions in the order in which they are left."""
        return ground.regions

    chained = False
    """Whether a Region that fails stops those after it."""

    def steps(self, ground: Ground[R], cells: Cells) -> Sequence[Step]:
        made: list[Step] = []
        for region in self.ordered(ground):
            doing = tuple(cell for cell in cells if cell.region == region and cell.in_scope and cell.gap is Gap.TO_DO)
            if doing:
                before = tuple(step.id for step in made) if self.chained else ()
                made += self.calls(ground, ground.place(region), doing, before)
        return made


def waiting(level: Level[R], place: Place[None, R], operation: str, words: str, after: tuple[str, ...], **rest: Any) -> Wait:
    """The wait until AWS shows what a level's calls have done."""
    return place.wait(operation, Condition(f"{level.name}: {words}", level.name), f"{words} in {place.region}", after, **rest)


def members_cells(
    column: Column, place: Place[None, R], listed: Observation[Mapping[str, str]], wanted: Iterable[str] = ASSOCIATED
) -> Cells:
    """Who is listed as a member, and what is to be done about it: nothing is taken for gone that was not read."""
    if isinstance(listed, Unknown):
        return column.unknown({place.delegated}, listed.code, listed.reason, listed.next_step)
    statuses = listed.value if isinstance(listed, Known) else {}
    named = place.view.organization.accounts
    groups: dict[tuple[str, str], set[str]] = {}
    for account, status in statuses.items():
        if account != place.delegated:
            groups.setdefault((_kind(spelled(status), account in named, account in _excluded(place), wanted), status), set()).add(
                account
            )
    gone = frozenset(named) - set(statuses) - {place.delegated}
    made = column.covered(gone & place.members, "not a member", "none")
    for (kind, status), accounts in sorted(groups.items()):
        made += _cells_of(column, kind, status, accounts)
    return made or column.covered({place.delegated}, "nobody is a member here", "none")


def _excluded(place: Place[None, R]) -> frozenset[str]:
    return place.view.population.excluded


def _kind(status: str, ours: bool, excluded: bool, wanted: Iterable[str]) -> str:
    if status in GONE:
        return "gone"
    if status in APART:
        return "apart"
    if status not in ASSOCIATED:
        return "unknown"
    if not ours:
        return "stranger"
    if excluded:
        return "excluded"
    return "wanted" if status in wanted else "done"


def _cells_of(column: Column, kind: str, status: str, accounts: Iterable[str]) -> Cells:
    if kind == "wanted":
        return column.to_do(accounts, f"listed as {status}", status)
    if kind in ("gone", "done"):
        return column.covered(accounts, f"listed as {status}", status)
    if kind == "apart":
        return column.not_applicable(accounts, f"listed as {status}: there is nothing to take away", status)
    if kind == "unknown":
        step = "Look the status up in AWS's documentation, settle it by hand, then look again."
        return column.unknown(accounts, status, f"listed as {status}, which this runbook does not know", step)
    if kind == "excluded":
        told = column.not_applicable(accounts, f"listed as {status}; settings exclude the account, so it is not touched", status)
        return tuple(replace(cell, status=Status.EXCLUDED) for cell in told)
    step = "Find out whose account it is and end its membership by hand: it is not an account of this organization."
    return column.blocked(accounts, "listed as a member, and not an account of this organization", step, status, OPERATOR)


def still_associated(listed: Observation[Mapping[str, str]] | None, delegated: str) -> frozenset[str] | None:
    """Who is still associated; None where that could not be read."""
    if isinstance(listed, Unknown):
        return None
    statuses = listed.value if isinstance(listed, Known) else {}
    return frozenset(account for account, status in statuses.items() if account != delegated and spelled(status) in ASSOCIATED)


def associated(listed: Observation[Mapping[str, str]]) -> frozenset[str]:
    """Whom what an administrator keeps reaches, as far as the list of members was read."""
    statuses = listed.value if isinstance(listed, Known) else {}
    return frozenset(account for account, status in statuses.items() if spelled(status) in ASSOCIATED)
