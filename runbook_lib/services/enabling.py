"""An enabling service: its spec, how it is read, and its aspects in the order that works.

What is alike for all of them is here: the administrator first, Regions that are barred, accounts set aside, stages, and which
aspect reads back and judges a call. A service's `service.py` says the rest.
"""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Observation
from runbook_lib.coverage import Cell, Cells, Status
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Reference, Scope, Step, Wait
from runbook_lib.plan.cost import Charge, Trials
from runbook_lib.plan.outcome import Outcome, Progress
from runbook_lib.services.answers import judge_error
from runbook_lib.services.aspect import Aspect, P, Place, Planned
from runbook_lib.services.column import Column
from runbook_lib.services.designation import (
    ASPECT,
    REGISTER,
    Administrators,
    check_designation,
    designation_steps,
    judge_registration,
)
from runbook_lib.services.inventory import Writer
from runbook_lib.services.obstacles import Bar, administrator_cells, bar_cells, bars, explanations, unreadable
from runbook_lib.services.offers import not_offered
from runbook_lib.services.population import aside_cells
from runbook_lib.services.regional import missing_administrators
from runbook_lib.services.remarks import Remark
from runbook_lib.services.spec import STAGES, ServiceSpec
from runbook_lib.services.view import View, view_of
from runbook_lib.settings import Settings


class Administered(Protocol):
    """A service as it was seen, as far as its administrator is concerned."""

    @property
    def administrators(self) -> Administrators:
        """Region → account → status, of all Regions."""


S = TypeVar("S", bound=Administered)
R = TypeVar("R")


class Enabling(ABC, Generic[S, P, R]):
    """The Service protocol for a service made of aspects."""

    spec: ServiceSpec
    aspects: Sequence[Aspect[P, R]]
    orders: Mapping[str, Sequence[Aspect[P, R]]] = {}
    """Stage → its aspects, where their order is another one there."""
    reading: frozenset[str] = frozenset()
    """The reads beside those of the designation: operations of the service, or of another as "config:Operation"."""
    not_estimated: tuple[str, ...] = ()

    # What a service brings.

    @abstractmethod
    def observe(self, view: View, reader: Reader) -> S:
        """Read everything that the aspects need. Reads only."""

    @abstractmethod
    def seen(self, state: S, region: str) -> R:
        """What was seen in one Region that is asked for."""

    def usable(self, state: S, region: str) -> Observation[Any] | None:
        """What the delegated account got when it read as administrator, NotYet while AWS is still spreading the designation.

        Not asked of a service without a designation.
        """
        raise NotImplementedError

    def can_act(self, wait: Wait, reader: Reader) -> Progress:
        """Whether the administrator can act."""
        raise NotImplementedError

    def refused(self, action: Action, error: CallFailed) -> list[Outcome]:
        """What a failed call means; a service adds its own texts."""
        return judge_error(action, error)

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        """What settings name and only AWS knows; nothing, unless a service says otherwise."""
        return ()

    def own(self, state: S, region: str) -> Observation[Any] | None:
        """What the delegated account was told of itself in a Region, whoever administers there; None where nothing is asked."""
        return None

    def closed(self, state: S, view: View) -> dict[str, Bar]:
        """Regions that the service itself found closed: nothing is designated or planned there."""
        return unreadable({region: self.own(state, region) for region in view.population.regions})

    def held(self, cells: Cells, state: S) -> Cells:
        """The cells, with what something else than the administrator decides blocked."""
        return cells

    def named(self, view: View) -> Sequence[str]:
        """The Regions for which accounts that are set aside are shown: those that settings name."""
        return sorted(view.settings.sections()[self.name].regions)

    def elsewhere(self, state: S, view: View) -> Cells:
        """What is shown of Regions that are not asked for, besides the administrator."""
        return ()

    def charges(self, actions: Sequence[Action], cells: Cells, state: S, view: View) -> Sequence[Charge]:
        """The paid features that these calls switch on."""
        return ()

    def trials(self, charged: Sequence[Charge], state: S, view: View, reader: Reader, now: dt.datetime) -> Trials:
        """What AWS says of trials."""
        return Trials()

    def resources(self, state: S, view: View, reader: Reader) -> Cells:
        """What AWS says of live resources; nothing, unless a service watches any."""
        return ()

    def grants(self, settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
        """What buckets and keys that settings name have to grant to the service itself: ARN, and a statement of its policy."""
        yield from ()

    def inventory(self, state: S, writer: Writer) -> dict[str, Any]:
        """The state as an inventory writes it."""
        return {}

    def resolve(self, reference: Reference, reader: Reader) -> str:
        """The value of a Reference; a service without identifiers that AWS assigns has none."""
        raise ValueError(f"{self.name} resolves no {reference.kind}")

    # What follows.

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        return view_of(organization, settings, self.name, scope)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def phase(self) -> str:
        return self.spec.phase

    @property
    def principals(self) -> tuple[str, ...]:
        return self.spec.principals

    @property
    def reads(self) -> frozenset[str]:
        own = frozenset(each if ":" in each else f"{self.name}:{each}" for each in self.reading)
        return own | (self.spec.designation.reads if self.spec.designation else frozenset())

    @property
    def told_only(self) -> frozenset[str]:
        """The aspects for which nothing is ever planned."""
        return frozenset(aspect.name for aspect in self.aspects if aspect.told_only)

    @property
    def mutations(self) -> frozenset[str]:
        own = frozenset(f"{self.name}:{operation}" for aspect in self.aspects for operation in aspect.calls)
        return own | (self.spec.designation.mutations if self.spec.designation else frozenset())

    def assess(self, state: S, view: View) -> Cells:
        """The administrator, then the accounts set aside, then every asked Region, with what bars it or is decided elsewhere."""
        places = self._places(state, view)
        closed = self.closed(state, view)
        spec = self.spec.designation
        first: Cells = ()
        if spec:
            usable = {region: found for region in view.population.regions if (found := self.usable(state, region))}
            first = administrator_cells(spec, view, state.administrators, usable, closed)
        if not (section := view.settings.sections().get(self.name)):
            return first + self.elsewhere(state, view)
        barred = {**closed, **bars(spec, view, state.administrators)}
        single = [aspect.name for aspect in self.aspects if aspect.of_members(section)]  # type: ignore[arg-type] # its own section
        aside = [aside_cells(self.name, name, view.population, region) for region in self.named(view) for name in single]
        own = [bar_cells(aspect.cells(place), barred) for place in places for aspect in self.aspects]
        asked = tuple(cell for cells in own for cell in cells)
        here = self.held((*_item_by_item((cell for cells in aside for cell in cells), asked), *asked), state)
        return first + self._lacking(view) + here + self.elsewhere(state, view)

    def _lacking(self, view: View) -> Cells:
        """The Regions that settings name and in which there is no such service, one row each."""
        lacking = [region for region in self.named(view) if not self.spec.exists_in(region)]
        rows = [Column(self.name, region, ASPECT, "service") for region in lacking]
        return tuple(cell for row in rows for cell in row.not_applicable({view.delegated}, not_offered(self.spec)))

    def _places(self, state: S, view: View) -> list[Place[P, R]]:
        section: Any = view.settings.sections().get(self.name)
        regions = view.population.regions if section else ()
        return [Place(self.name, view, section, self.seen(state, region), region) for region in regions]

    def plan(self, cells: Cells, state: S, view: View) -> Sequence[Step | NoChange | Blocker]:
        """The steps stage by stage and Region by Region; designations end the management account's stage."""
        places = self._places(state, view)
        planned = {place.region: Planned() for place in places}
        steps: list[Step] = []
        for stage in STAGES:
            for place in places:
                here = tuple(cell for cell in cells if cell.region == place.region)
                if wait := planned[place.region].waiting if stage == "delegated" else None:
                    steps.append(wait)
                for aspect in self.orders.get(stage, self.aspects):
                    made = aspect.steps(place, here, stage, planned[place.region])
                    planned[place.region] = planned[place.region].with_more(aspect.name, made)
                    steps += made
            if stage == "management" and places and self.spec.designation:
                prepared = {region: each.made_in("prepare") for region, each in planned.items()}
                designations, waits = designation_steps(self.spec.designation, cells, view.population, prepared)
                planned = {region: replace(each, waiting=waits.get(region)) for region, each in planned.items()}
                steps += designations
        return [*steps, *explanations(cells, self.told_only)]

    def foundation(self, view: View, reader: Reader) -> S:
        """What `missing` looks at: all of it, unless a service reads less."""
        return self.observe(view, reader)

    def missing(self, state: S, view: View) -> Sequence[str]:
        """Later phases need the administrator designated in every asked Region."""
        if not (spec := self.spec.designation):
            return ()
        managed = self.name in view.settings.sections()
        return missing_administrators(spec, state.administrators if managed else {}, view.population)

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> list[Outcome]:
        """Exactly one outcome per target. HTTP 200 is not success: the aspect that planned the call reads the answer."""
        if action.operation == REGISTER:
            return judge_registration(action, answer)
        if isinstance(answer, CallFailed):
            return self.refused(action, answer)
        return self._aspect_of(action).answered(action, answer)

    def check(self, step: Step, reader: Reader) -> Progress:
        """How far a Wait's condition, or an Action's effect, has come."""
        designation = self.spec.designation
        if isinstance(step, Wait):
            if step.condition.aspect == ASPECT:
                return self.can_act(step, reader)
            awaited = (aspect for aspect in self.aspects if aspect.name == step.condition.aspect)
            return next(awaited, Aspect[P, R]()).reached(step, reader)
        if designation and step.operation in (REGISTER, designation.enable_operation):
            return check_designation(designation, step, reader)
        return self._aspect_of(step).effect(step, reader)

    def _aspect_of(self, action: Action) -> Aspect[P, R]:
        return next((each for each in self.aspects if each.plans(action)), Aspect[P, R]())


def _item_by_item(aside: Iterable[Cell], asked: Cells) -> Iterator[Cell]:
    """Accounts of which it is unknown whether they can be asked, for each item that they would be asked about.

    They count as much as if they had been asked: what could not be read takes nobody out of what a percentage is of.
    """
    for cell in aside:
        items = {each.item for each in asked if (each.region, each.aspect) == (cell.region, cell.aspect) and each.in_scope}
        several = cell.status is Status.UNKNOWN and items
        yield from (replace(cell, item=item) for item in sorted(items)) if several else (cell,)
