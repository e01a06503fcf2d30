"""The response as a service of the runbook: it has no administrator and no members, and calls several services of one account."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cell, Cells, Status
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Reference, Scope, Step, Wait
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_error, outcomes
from runbook_lib.services.aspect import Aspect, Place, Planned
from runbook_lib.services.column import BEYOND
from runbook_lib.services.not_enabling import NotEnabling
from runbook_lib.services.obstacles import bar_cells, explanations, region_bar
from runbook_lib.services.response import observe as reading
from runbook_lib.services.response.actions import Actions
from runbook_lib.services.response.automation import ARN, Automation, arn_of
from runbook_lib.services.response.beside import Besides
from runbook_lib.services.response.ceilings import Ceilings, too_early
from runbook_lib.services.response.destinations import URL, Destinations
from runbook_lib.services.response.functions import Permissions
from runbook_lib.services.response.names import NAME, PHASE, TITLE
from runbook_lib.services.response.roles import Roles
from runbook_lib.services.response.rules import Rules
from runbook_lib.services.response.state import State
from runbook_lib.services.view import View, view_of
from runbook_lib.settings import Settings
from runbook_lib.settings.response import ResponseSection

CONFIRM = frozenset(
    {
        "ResourceConflictException",
        "QueueAlreadyExists",
        "QueueNameExists",
        "ResourceAlreadyExistsException",
        "EntityAlreadyExists",
        "ResourceInUseException",
        "StateMachineAlreadyExists",
    }
)
"""Refusals after which a read tells whether what is there is what was wanted [model]."""
RETRY = frozenset({"QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently"})
"""A queue of that name was deleted less than 60 seconds ago [docs]."""
AUTOMATION = Automation()
STAGES = ("delegated", "lowering")


class Response(NotEnabling):
    """Channels and roles before routes, routes before custom actions."""

    name, title, phase = NAME, TITLE, PHASE
    principals: tuple[str, ...] = ()
    aspects: tuple[Aspect[ResponseSection, Any], ...] = (
        Destinations(),
        Permissions(),
        Roles(),
        Ceilings(),
        Rules(),
        Actions(),
        Besides(),
        AUTOMATION,
    )
    reads = reading.READS
    not_estimated: tuple[str, ...] = (
        "Messages of EventBridge, SQS and SNS are paid by number; how many there will be, nobody knows beforehand.",
    )

    @property
    def mutations(self) -> frozenset[str]:
        return frozenset().union(*(each.calls for each in self.aspects))

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        return view_of(organization, settings, NAME, scope)

    def observe(self, view: View, reader: Reader) -> State:
        return reading.observe(view, reader)

    def assess(self, state: State, view: View) -> Cells:
        """The Regions that have rules, and no others; where the delegated account cannot act, nothing can be done."""
        places = self._places(state, view)
        barred = {place.region: bar for place, _ in places if (bar := region_bar(view, place.region))}
        cells = [cell for place, aspects in places for each in aspects for cell in bar_cells(each.cells(place), barred)]
        return tuple(cells if view.population.whole else map(_beyond, cells))

    def _places(self, state: State, view: View) -> list[tuple[Place[ResponseSection, Any], Sequence[Aspect[ResponseSection, Any]]]]:
        """Each place with what is asked there: everything where rules are, automation rules in all of Security Hub's Regions."""
        section = view.settings.response
        if section is None:
            return []
        home = [each for each in self.aspects if not isinstance(each, Automation)]
        return [
            *((Place(NAME, view, section, seen, region), home) for region, seen in state.regions.items()),
            *((Place(NAME, view, section, seen, region), [AUTOMATION]) for region, seen in state.automation.items()),
        ]

    def plan(self, cells: Cells, state: State, view: View) -> Sequence[Step | NoChange | Blocker]:
        places = self._places(state, view)
        planned = {place.region: Planned() for place, _ in places}
        steps: list[Step] = []
        for stage in STAGES:
            for place, aspects in places:
                here = tuple(cell for cell in cells if cell.region == place.region)
                for aspect in aspects:
                    made = aspect.steps(place, here, stage, planned[place.region])
                    planned[place.region] = planned[place.region].with_more(aspect.name, made)
                    steps += made
        return [*steps, *explanations(cells)]

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> list[Outcome]:
        if isinstance(answer, CallFailed):
            if too_early(action, answer):
                return outcomes(action, Verdict.RETRY, answer.code, answer.message)
            return judge_error(action, answer, retry=RETRY, confirm=CONFIRM)
        return self._part(action).answered(action, answer)

    def check(self, step: Step, reader: Reader) -> Progress:
        if isinstance(step, Wait):
            return next(each for each in self.aspects if each.name == step.condition.aspect).reached(step, reader)
        return self._part(step).effect(step, reader)

    def _part(self, action: Action) -> Aspect[ResponseSection, Any]:
        return next(each for each in self.aspects if each.plans(action))

    def resolve(self, reference: Reference, reader: Reader) -> str:
        if reference.kind.startswith(ARN):
            return arn_of(reference, reader)
        if not reference.kind.startswith(URL):
            raise ValueError(f"{NAME} resolves no {reference.kind}")
        return reading.queue_url(reference.kind.removeprefix(URL), reference.account, reference.region, reader)


def _beyond(cell: Cell) -> Cell:
    """Rules are about the whole organization: a part of it shows them, and leaves them to the whole."""
    if cell.status is not Status.GAP:
        return replace(cell, in_scope=False)
    return replace(cell, in_scope=False, status=Status.NOT_APPLICABLE, gap=None, reason=BEYOND, next_step="", who="")


SERVICE = Response()
