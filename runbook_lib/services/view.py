"""What a service looks at: which organization, which settings, and whom it is asked about there."""

import datetime as dt
from dataclasses import dataclass

from runbook_lib.organization import Organization
from runbook_lib.plan import Scope
from runbook_lib.services.population import Population, excluded_from, population
from runbook_lib.settings import Settings


@dataclass(frozen=True)
class View:
    """One service's view of an organization; what was read there is its state, beside it."""

    organization: Organization
    settings: Settings
    population: Population
    day: dt.date | None = None
    """The day (UTC) of the look, for what settings end on one; None where nothing is decided by it. No read depends on it."""
    reads_told: bool = True
    """Whether what is only told, and for which nothing is ever planned, is read too: a look before a stage decides without it."""

    @property
    def management(self) -> str:
        return self.population.management

    @property
    def delegated(self) -> str:
        return self.population.delegated

    def excluded_from(self, service: str, aspect: str, account: str, region: str) -> str:
        """Why settings leave an account out of one aspect of a service in a Region; empty where they do not."""
        return excluded_from(self.organization, self.settings, service, aspect, account, region)


def view_of(organization: Organization, settings: Settings, service: str, scope: Scope = Scope()) -> View:  # noqa: B008 a frozen value
    """The view of one service on a part of the organization."""
    return View(organization, settings, population(organization, settings, service, scope))


def reads_depend_on(view: View) -> tuple[object, ...]:
    """What decides, of organization and population, which reads a service makes: where this is the same, so is what was read.

    Who else is a member decides it only where a part of the organization is looked at, or members are entered by a role. A test
    holds every service to it.
    """
    people = view.population
    pair = {people.management, people.delegated}
    asked = {region: pair & members for region, members in people.members.items() if region in people.regions}
    out = [region for region in people.regions for aside in people.aside.get(region, ()) if people.delegated in aside.accounts]
    by_account = people.members if not people.whole or view.settings.access.members is not None else None
    opted = view.organization.regions.get(people.management)
    told = view.reads_told
    return people.management, people.delegated, people.regions, people.other_regions, asked, out, by_account, opted, told
