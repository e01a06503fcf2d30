"""The aspect "membership", for every service whose administrator lists its members with a status.

A service says what AWS's statuses mean, how an account is made a member, and what else it knows of one.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from runbook_lib.base.observation import Known, Observation
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, Condition, Step
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import Aspect, P, Place, Planned
from runbook_lib.services.column import Column, accounts_of
from runbook_lib.services.designation import STEP

MEMBERSHIP = "membership"
SETTLE_SUSPENSION = "Settle the account's suspension, or exclude it, then plan again."
CORRECT_ADDRESS = "Correct the account's e-mail address in Organizations, then plan again."


class Listed(Protocol):
    """One Region as a service saw it."""

    @property
    def members(self) -> Observation[Mapping[str, str]]:
        """Account → AWS's status."""

    @property
    def full(self) -> bool:
        """Whether the administrator has as many members as AWS allows it."""


L = TypeVar("L", bound=Listed)
Meaning = tuple[str, str]
"""The Column's method for it ("covered", "in_progress", "to_do", "not_applicable"), and the reason."""


class Membership(Aspect[P, L]):
    """Who is a member, who is on the way, who is to be made one, and who cannot be."""

    name = MEMBERSHIP
    title: str
    member: str
    """The status of a member."""
    meanings: Mapping[str, Meaning]
    """Statuses that say how it stands; a status that is in none of the tables is no member's."""
    stuck: Mapping[str, str]
    """Statuses that no call of the runbook ends → the next step."""
    condition: Condition
    listing: str
    """The read that tells when it is reached."""
    sentence: str
    """What is waited for, with {count} and {region}."""

    def of_members(self, section: P) -> bool:
        return True

    def own(self, place: Place[P, L]) -> Cells:
        """The delegated account's own cell."""
        return ()

    def unlisted(self, place: Place[P, L]) -> str:
        """What stands for a status where the administrator does not list an account."""
        return "none"

    def stage(self, place: Place[P, L]) -> str:
        """The stage in which accounts are made members."""
        return "delegated"

    def join(self, place: Place[P, L], joining: frozenset[str], cells: Cells, planned: Planned) -> Sequence[Action]:
        """The calls that make these accounts members."""
        raise NotImplementedError

    def condition_for(self, place: Place[P, L], cells: Cells) -> Condition:
        """The condition, with what else the service has to know while it waits."""
        return self.condition

    def awaited(self, place: Place[P, L], cells: Cells) -> frozenset[str]:
        """Who is to be made a member, and who is on the way."""
        return accounts_of((*self.raising(place, cells), *self.under_way(place, cells))) & place.members

    def progress(self, statuses: Mapping[str, str], good: Iterable[str], said: str) -> Progress:
        """How many of these accounts have a `good` status, and whose status nothing ends by itself; `said` is what the good are."""
        reached = frozenset(account for account, status in statuses.items() if status in good)
        refused = {account: f"{self.title} says {status}" for account, status in statuses.items() if self.hopeless(status)}
        return Progress(reached, refused, f"{len(reached)} of {len(statuses)} {said}")

    def hopeless(self, status: str) -> bool:
        """Whether an account with this status does not become a member by waiting."""
        return status in self.stuck or self.meanings.get(status, ("",))[0] == "not_applicable"

    def by_status(self, place: Place[P, L]) -> dict[str, set[str]]:
        """Status → the asked accounts."""
        statuses = place.seen.members.value if isinstance(place.seen.members, Known) else {}
        unlisted = self.unlisted(place)
        groups: dict[str, set[str]] = {}
        for account in place.members:
            groups.setdefault(statuses.get(account, unlisted), set()).add(account)
        return groups

    def cells(self, place: Place[P, L]) -> Cells:
        column, own, listed = place.column(self.name, desired=self.member), self.own(place), place.seen.members
        if not isinstance(listed, Known):
            return (*own, *column.unseen(place.members, listed, f"members come after: {STEP}", "none"))
        groups = sorted(self.by_status(place).items())
        return (*own, *(cell for status, accounts in groups for cell in self._status(column, status, accounts, place.seen.full)))

    def _status(self, column: Column, status: str, accounts: Iterable[str], full: bool) -> Cells:
        if status in self.meanings:
            verdict, reason = self.meanings[status]
            made: Cells = getattr(column, verdict)(accounts, reason, status)
            return made
        if status in self.stuck:
            return column.blocked(accounts, f"{self.title} says {status}", self.stuck[status], status, "the owner of the account")
        if full:
            step = "Ask AWS for a higher limit of member accounts, then plan again."
            return column.blocked(accounts, "the administrator has reached its limit of member accounts", step, status)
        known = "not a member account" if status == "none" else f"no longer a member account ({status})"
        return column.to_do(accounts, known, status)

    def steps(self, place: Place[P, L], cells: Cells, stage: str, planned: Planned) -> list[Step]:
        if stage != self.stage(place):
            return []
        made = self.join(place, accounts_of(self.raising(place, cells)) & place.members, cells, planned)
        awaited = tuple(sorted(self.awaited(place, cells)))
        if not awaited:
            return [*made]
        after = planned.usable + tuple(step.id for step in made)
        sentence = self.sentence.format(count=len(awaited), region=place.region)
        return [*made, place.wait(self.listing, self.condition_for(place, cells), sentence, after, targets=awaited, stage=stage)]


def meaning(verdict: str, reason: str, *statuses: str) -> dict[str, Meaning]:
    """Several statuses that mean the same."""
    return dict.fromkeys(statuses, (verdict, reason))
