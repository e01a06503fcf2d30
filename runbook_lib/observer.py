"""Looking at one organization and its services: what is read side by side, what serves twice, what has to be read again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from runbook_lib.access import Access
from runbook_lib.clock import Clock
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.organization.reads import asks_members_for_regions, observe_organization, outline_organization
from runbook_lib.plan import Scope
from runbook_lib.preflight import Remark, contradictions, refuse
from runbook_lib.scope import Population, population, told_by
from runbook_lib.services import Reader, Service
from runbook_lib.services.ahead import Afterwards, Ahead, Kept
from runbook_lib.services.organizations.preflight import identity, objections
from runbook_lib.settings import Settings

MOMENT = 60.0
"""Seconds for which what was read may serve what follows, as long as nothing was called in between."""


@dataclass(frozen=True)
class Assessment:
    """One observation of one service, and what it means."""

    organization: Organization
    population: Population
    state: Any
    cells: Cells


class Observer:
    """Reads for one run. Every look is made afresh, but for what was read a moment ago and has served no look yet."""

    def __init__(self, settings: Settings, access: Access, clock: Clock, scope: Scope) -> None:
        self.settings, self.access, self.clock, self.scope = settings, access, clock, scope
        self._seen: Organization | None = None
        self._unused: tuple[float, Organization, Kept] | None = None

    def organization(self) -> Organization:
        """Read the organization; refuse when it is not the one that settings name. Raises Contradicted."""
        organization = self._read()
        self.take(organization)
        return organization

    def take(self, organization: Organization) -> None:
        """Let the next look use this reading of the organization, which was made a moment ago."""
        self._unused = self.clock.monotonic(), organization, {}

    def preflight(self, services: Sequence[Service]) -> tuple[Organization, tuple[Remark, ...]]:
        """Hold everything that settings and scope name against AWS. Raises Contradicted, with all at once."""
        organization, kept = self._read(refusing=False), Kept()
        ahead = Ahead(self.access, kept)
        jobs = [partial(service.preflight, organization, self.settings, self.scope, ahead) for service in services]
        remarks = [remark for found in self.access.parallel(jobs) for remark in found]
        refuse(contradictions(remarks))
        self._unused = self.clock.monotonic(), organization, kept
        return organization, tuple(remarks)

    def look(self, services: Sequence[Service]) -> tuple[Organization, list[Assessment]]:
        """The organization and these services, compared with settings.

        What a service is asked hardly depends on who is in the organization, so both are read side by side: AWS takes a minute to
        list ten thousand accounts. Where it did depend, and was not as expected, the service is read again.
        """
        unused, self._unused = self._unused, None
        if unused is not None and self.clock.monotonic() - unused[0] < MOMENT:
            return unused[1], self._assess_all(services, unused[1], Afterwards(self.access, unused[2]))
        outline = self._outline() if self._seen is None else None
        expected = self._seen or (outline if outline and not asks_members_for_regions(outline, self.settings) else None)
        if expected is None:
            organization = self._read(outline)
            return organization, self._assess_all(services, organization, self.access)
        jobs: list[Callable[[], Any]] = [partial(self._read, outline)]
        jobs += [partial(self._observe, service, expected) for service in services]
        organization, *states = self.access.parallel(jobs)
        seen = [
            partial(self._assessed, service, expected, organization, state) for service, state in zip(services, states, strict=True)
        ]
        return organization, self.access.parallel(seen)

    def assess(self, service: Service, organization: Organization, reader: Reader | None = None) -> Assessment:
        """Observe one service in that organization and compare it with settings."""
        people = self.population(service, organization)
        state = service.observe(organization, self.settings, people, reader or self.access)
        return Assessment(organization, people, state, service.assess(state, organization, self.settings, people))

    def population(self, service: Service, organization: Organization) -> Population:
        """Whom the service is asked about."""
        among = service.name if service.name != "organizations" else "securityhub"
        return population(organization, self.settings, among, self.scope)

    def _read(self, outline: Organization | None = None, *, refusing: bool = True) -> Organization:
        organization = observe_organization(self.settings, self.access, before=self._seen, outline=outline)
        if refusing:
            refuse(objections(organization, self.settings))
        self._seen = organization
        return organization

    def _outline(self) -> Organization | None:
        """The organization without its accounts, unless they decide what is asked. Of a wrong one nothing more is read."""
        if not self.scope.whole or self.settings.access.members is not None:
            return None
        outline = outline_organization(self.settings, self.access)
        refuse(identity(outline, self.settings))
        return outline

    def _observe(self, service: Service, organization: Organization) -> Any:
        return service.observe(organization, self.settings, self.population(service, organization), self.access)

    def _assessed(self, service: Service, expected: Organization, organization: Organization, state: Any) -> Assessment:
        people = self.population(service, organization)
        if told_by(organization, people, self.settings) != told_by(expected, self.population(service, expected), self.settings):
            return self.assess(service, organization)
        return Assessment(organization, people, state, service.assess(state, organization, self.settings, people))

    def _assess_all(self, services: Sequence[Service], organization: Organization, reader: Reader) -> list[Assessment]:
        return self.access.parallel([partial(self.assess, service, organization, reader) for service in services])
