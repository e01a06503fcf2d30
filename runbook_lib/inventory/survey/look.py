"""The reads of a survey: each kind is tried once and, where denied, not asked again; then it is known how many are left."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from runbook_lib.aws.access import Access
from runbook_lib.aws.errors import CallFailed, denied, unread
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.inventory.survey.standing import Place, Standing
from runbook_lib.plan import batches
from runbook_lib.services.designation import listed
from runbook_lib.services.glance import Glance, glances

Key = tuple[str, str, int]
"""Service, Region, number of the batch."""
Job = Callable[[], Any]


@dataclass
class Kind:
    """Reads that policies treat alike, by what they are about; `found` fills as they are made."""

    jobs: Mapping[Key, Job]
    found: dict[Key, Observation[Any]] = field(default_factory=dict)

    @property
    def left(self) -> list[Key]:
        return [key for key in self.jobs if key not in self.found]

    def take(self, key: Key) -> Observation[Any]:
        try:
            self.found[key] = Known(self.jobs[key]())
        except CallFailed as failure:
            self.found[key] = unread(failure)
            if denied(failure):
                self.found |= dict.fromkeys(self.left, self.found[key])
        return self.found[key]


def probe(access: Access, kinds: Iterable[Kind]) -> None:
    """Try the first read of each kind."""
    access.parallel([partial(kind.take, kind.left[0]) for kind in kinds if kind.left])


def take_rest(access: Access, kinds: Iterable[Kind]) -> None:
    """Make all other reads, side by side."""
    access.parallel([partial(kind.take, key) for kind in kinds for key in kind.left])


@dataclass
class Look:
    """What a survey sees. `begin` makes the reads from which the number of the rest is known; `end` makes those."""

    access: Access
    standing: Standing
    own: dict[str, Kind] = field(default_factory=dict)
    """Service → what the asking account has on, by Region."""
    wider: dict[str, Kind] = field(default_factory=dict)
    """Service → as the management account the administrators by Region, as an administrator the members by Region and batch, as
    a member who is above."""

    def regions(self, glance: Glance) -> list[str]:
        return [region for region in self.standing.regions if glance.spec.exists_in(region)]

    def begin(self) -> None:
        account = self.standing.account
        for each in glances():
            jobs = {(each.spec.name, region, 0): partial(each.own, self.access, account, region) for region in self.regions(each)}
            self.own[each.spec.name] = Kind(jobs)
        probe(self.access, self.own.values())
        take_rest(self.access, self.own.values())
        self.wider = {each.spec.name: Kind(self._jobs(each)) for each in glances()}
        probe(self.access, self.wider.values())

    @property
    def left(self) -> int:
        """How many reads are still to be made."""
        return sum(len(kind.left) for kind in self.wider.values())

    def end(self) -> None:
        take_rest(self.access, self.wider.values())

    def on(self, service: str, region: str) -> Observation[str]:
        """What the asking account has on."""
        return self.own[service].found.get((service, region, 0), Unknown("NotRead", "not read"))

    def others(self) -> list[str]:
        """The other active accounts, as they are asked about."""
        accounts = self.standing.organization.accounts.values()
        return sorted(each.id for each in accounts if each.active and each.id != self.standing.account)

    def cut(self, glance: Glance) -> Sequence[tuple[str, ...]]:
        return list(batches(self.others(), glance.batch))

    def _jobs(self, glance: Glance) -> dict[Key, Job]:
        name, account, access = glance.spec.name, self.standing.account, self.access
        if self.standing.place is Place.MANAGEMENT and not self.standing.administers(name):
            spec = glance.spec.designation
            return {
                (name, region, 0): partial(listed, spec, account, region, access)
                for region in self.regions(glance)
                if spec is not None
            }
        here = [region for region in self.regions(glance) if not glance.needs_own or self._has(name, region)]
        if self.standing.administers(name):
            return {
                (name, region, number): partial(glance.members, access, account, region, self._identifier(name, region), batch)
                for region in here
                for number, batch in enumerate(self.cut(glance))
            }
        return {
            (name, region, 0): partial(glance.above, access, account, region, self._identifier(name, region)) for region in here
        }

    def _has(self, service: str, region: str) -> bool:
        return bool(self._identifier(service, region))

    def _identifier(self, service: str, region: str) -> str:
        found = self.on(service, region)
        return found.value if isinstance(found, Known) else ""
