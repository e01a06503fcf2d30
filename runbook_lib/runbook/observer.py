"""Looking at one organization and its services: what is read side by side, what serves twice, what has to be read again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from runbook_lib.aws.reader import Reader
from runbook_lib.base.clock import Clock
from runbook_lib.coverage import Cells
from runbook_lib.organization import Account, Organization
from runbook_lib.organization.reads import (
    Identities,
    asks_members_for_regions,
    list_accounts,
    observe_organization,
    outline_organization,
    read_unit_names,
)
from runbook_lib.plan import Scope
from runbook_lib.runbook.ahead import Afterwards, Ahead, Kept
from runbook_lib.services.organizations.preflight import identity, objections
from runbook_lib.services.population import Population
from runbook_lib.services.protocol import Service
from runbook_lib.services.remarks import Remark, contradictions, refuse
from runbook_lib.services.view import View, reads_depend_on
from runbook_lib.settings import Settings

T = TypeVar("T")
MOMENT = 60.0
"""Seconds for which what was read may serve what follows, as long as nothing was called in between."""


class Eyes(Identities, Protocol):
    """What an observer looks with: an `Access`, or what stands before one."""

    def begin(self, job: Callable[[], T]) -> Callable[[], T]:
        """Begin a reading job; what is returned waits for its result."""


@dataclass(frozen=True)
class Assessment:
    """One observation of one service, and what it means."""

    view: View
    state: Any
    cells: Cells

    @property
    def organization(self) -> Organization:
        return self.view.organization

    @property
    def population(self) -> Population:
        return self.view.population


@dataclass(frozen=True)
class _Read:
    """What was read, until it serves a look: the organization, paged reads of preflight, services by name."""

    organization: Organization
    looks: Mapping[str, Assessment] = field(default_factory=dict)
    kept: Kept = field(default_factory=dict)
    at: float = 0.0
    """Monotonic seconds."""


class Observer:
    """Reads for one run. Every look is made afresh, but for what was read a moment ago and has served no look yet."""

    def __init__(self, settings: Settings, access: Eyes, clock: Clock, scope: Scope) -> None:
        self.settings, self.access, self.clock, self.scope = settings, access, clock, scope
        self._seen: Organization | None = None
        self._unit_names: Mapping[str, str] = {}
        self._unused: _Read | None = None
        self._listing: Callable[[], tuple[float, Mapping[str, Account]]] | None = None

    @property
    def knows_accounts(self) -> bool:
        """Whether the organization was read in this run, its accounts included."""
        return self._seen is not None

    def organization(self) -> Organization:
        """Read the organization; refuse when it is not the one that settings name. Raises Contradicted."""
        organization = self._read()
        self.take(organization)
        return organization

    def take(self, organization: Organization) -> None:
        """Let the next look use this reading of the organization, which was made a moment ago."""
        self._unused = _Read(organization, at=self.clock.monotonic())

    def preflight(self, services: Sequence[Service], besides: Sequence[Service] = ()) -> tuple[Organization, tuple[Remark, ...]]:
        """Hold everything that settings and scope name against AWS. Raises Contradicted, with all at once.

        `besides` are looked at while the organization is read anyway, where that is possible, for the next look.
        """
        read = self._side_by_side(besides, refusing=False)
        ahead = Ahead(self.access, read.kept)
        jobs = [partial(service.preflight, read.organization, self.settings, self.scope, ahead) for service in services]
        remarks = [remark for found in self.access.parallel(jobs) for remark in found]
        refuse(contradictions(remarks))
        self._unused = replace(read, at=self.clock.monotonic())
        return read.organization, tuple(remarks)

    def look(self, services: Sequence[Service], *, told: bool = True) -> tuple[Organization, list[Assessment]]:
        """The organization and these services, compared with settings; what was read a moment ago is not read again.

        Without `told`, what is only told and leads to no call is left unread: AWS's rates make it the longest read of some looks.
        """
        read, self._unused = self._unused, None
        if read is None or self.clock.monotonic() - read.at >= MOMENT:
            read = self._side_by_side(services, told=told)
        reader = Afterwards(self.access, read.kept)
        missing = [service for service in services if service.name not in read.looks]
        added = self.access.parallel([partial(self.assess, service, read.organization, reader, told=told) for service in missing])
        looks = {**read.looks, **dict(zip((service.name for service in missing), added, strict=True))}
        return read.organization, [looks[service.name] for service in services]

    def named(self, organization: Organization) -> Organization:
        """The same with the names of its organizational units, for people; those that were read are not read again."""
        if not organization.units.keys() <= self._unit_names.keys():
            self._unit_names = read_unit_names(self.settings, self.access, organization)
        return replace(organization, unit_names=self._unit_names)

    def list_ahead(self) -> None:
        """Begin to list the accounts for the next look: nothing that is done to a service changes that list."""
        self._listing = self.access.begin(self._listed)

    def assess(
        self, service: Service, organization: Organization, reader: Reader | None = None, *, told: bool = True
    ) -> Assessment:
        """Observe one service in that organization and compare it with settings; without `told`, as for `look`."""
        view = self.view(service, organization, told=told)
        state = service.observe(view, reader or self.access)
        return Assessment(view, state, service.assess(state, view))

    def view(self, service: Service, organization: Organization, *, told: bool = True) -> View:
        """The service's view of that organization, in this scope, today."""
        seen = service.view(organization, self.settings, self.scope)
        return replace(seen, day=self.clock.now().date(), reads_told=told)

    def _side_by_side(self, services: Sequence[Service], *, refusing: bool = True, told: bool = True) -> _Read:
        """The organization, and meanwhile those services of which it is known what to ask.

        What a service is asked hardly depends on who is in the organization, and AWS takes a minute to list ten thousand accounts.
        Where it did depend, and was not as expected, the service is not among the looks.
        """
        outline = self._outline() if services and self._seen is None else None
        expected = self._seen or outline
        if expected is None or not self._foreseen(expected):
            return _Read(self._read(outline, refusing=refusing))
        jobs: list[Callable[[], Any]] = [partial(self._read, outline, refusing=refusing)]
        jobs += [partial(self._observe, self.view(service, expected, told=told), service) for service in services]
        organization, *states = self.access.parallel(jobs)
        looks = self.access.parallel(
            partial(self._assessed, service, self.view(service, expected, told=told), organization, state)
            for service, state in zip(services, states, strict=True)
        )
        return _Read(organization, {service.name: look for service, look in zip(services, looks, strict=True) if look})

    def _read(self, outline: Organization | None = None, *, refusing: bool = True) -> Organization:
        accounts = partial(self._accounts, self._listing)
        self._listing = None
        organization = observe_organization(self.settings, self.access, before=self._seen, outline=outline, accounts=accounts)
        if refusing:
            refuse(objections(organization, self.settings))
        self._seen = organization
        return organization

    def _listed(self) -> tuple[float, Mapping[str, Account]]:
        accounts = list_accounts(self.settings, self.access)
        return self.clock.monotonic(), accounts

    def _accounts(self, listing: Callable[[], tuple[float, Mapping[str, Account]]] | None) -> Mapping[str, Account]:
        """The accounts of a listing that was begun, unless it ended too long ago; else they are listed now."""
        at, accounts = listing() if listing else self._listed()
        return accounts if self.clock.monotonic() - at < MOMENT else self._listed()[1]

    def _outline(self) -> Organization | None:
        """The organization without its accounts; None where they decide what is asked."""
        if not self.scope.whole or self.settings.access.members is not None:
            return None
        return outline_organization(self.settings, self.access)

    def _foreseen(self, expected: Organization) -> bool:
        """Whether it is the right organization, and all Regions are known: of another one no service is read."""
        known = expected is self._seen or not asks_members_for_regions(expected, self.settings)
        return known and not identity(expected, self.settings)

    def _observe(self, expected: View, service: Service) -> Any:
        return service.observe(expected, self.access)

    def _assessed(self, service: Service, expected: View, organization: Organization, state: Any) -> Assessment | None:
        """What a state means; None where something else was to be asked."""
        view = self.view(service, organization, told=expected.reads_told)
        if reads_depend_on(view) != reads_depend_on(expected):
            return None
        return Assessment(view, state, service.assess(state, view))
