"""One level of leaving one service, as a service that the runbook observes, plans, applies and verifies like any other.

Nothing here enables anything, and nothing that enables imports this. What settings allow (`offboarding`), and what they still want
of the service, is held against every level in one place.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells, Gap
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, BackOut, Blocker, Loss, NoChange, Reference, Scope, Step
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import outcomes
from runbook_lib.services.column import SETTINGS_OWNER
from runbook_lib.services.departure import Ground, Left, Level, Losing
from runbook_lib.services.implementations import service_named
from runbook_lib.services.kept import KEPT, Kept, nothing_kept
from runbook_lib.services.not_enabling import NotEnabling
from runbook_lib.services.obstacles import Bar, bar_cells, explanations
from runbook_lib.services.population import everybody
from runbook_lib.services.spec import GLOBAL
from runbook_lib.services.view import View
from runbook_lib.settings import Settings

READS = frozenset(
    {
        "organizations:ListDelegatedAdministrators",
        "organizations:ListDelegatedServicesForAccount",
        "organizations:ListPolicies",
    }
)
"""What every way out reads, beside what the service itself does."""


def _as_planned(action: Action, before: frozenset[tuple[str, str]]) -> BackOut:
    return action.back_out


def _free(level: Level[Any], ground: Ground[Any]) -> Bar | None:
    return None


@dataclass(frozen=True)
class Departure:
    """One service's way out: its levels, in the order that works for it."""

    spec: Left
    levels: tuple[Level[Any], ...]
    further: Mapping[str, Any] = field(default_factory=dict)
    """What is read beside what the service reads: name → a reading function of (view, reader)."""
    reads: frozenset[str] = frozenset()
    told: Mapping[str, Callable[[Any, Ground[Any]], Iterable[str]]] = field(default_factory=dict)
    """Of that, what is said to whoever decides: name → sentences about what was read. What was not read is said too."""
    undoing: Mapping[str, Losing] = field(default_factory=dict)
    """Calls that are made to take a change back and by no level, as "service:Operation" → what they take."""
    made: Mapping[str, Callable[[Action, Reader], Progress]] = field(default_factory=dict)
    """Operation that makes something → the read whether that is there, whatever else was set in it since."""
    held: Callable[[Level[Any], Ground[Any]], Bar | None] = _free
    """What depends on the service and would go without it: why a level may not be done yet."""
    reverse: Callable[[Action, frozenset[tuple[str, str]]], BackOut] = _as_planned
    """The exact reverse of a call for accounts in which these (aspect, item) were so before it."""
    kept: Callable[[Mapping[str, Any], View, Reader], Kept] = nothing_kept
    """What its administrator keeps that reaches members, read once the service has been: from Region → what was seen there."""

    def level(self, name: str) -> Level[Any]:
        """The level of that name. Raises KeyError: the service has none."""
        found = {level.name: level for level in self.levels}
        return found[name]


class Leaving(NotEnabling):
    """The Service protocol for one level; without a level, for looking at all of them."""

    def __init__(self, departure: Departure, level: str = "") -> None:
        self.departure = departure
        self.level: Level[Any] | None = departure.level(level) if level else None
        self._service = service_named(departure.spec.name)

    @property
    def name(self) -> str:
        return self.departure.spec.name

    @property
    def title(self) -> str:
        return self.departure.spec.title

    @property
    def phase(self) -> str:
        return self.departure.spec.phase

    @property
    def principals(self) -> tuple[str, ...]:
        return self.departure.spec.principals

    @property
    def reads(self) -> frozenset[str]:
        return self._service.reads | READS | self.departure.reads

    @property
    def mutations(self) -> frozenset[str]:
        return self.level.operations if self.level else frozenset()

    @property
    def member_role(self) -> str:
        return ""

    @property
    def about(self) -> str:
        """What a plan of it is about."""
        return f"{self.name} {self.level.name}" if self.level else ""

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        """Everybody, in every Region that is enabled: who is there, and not who should be."""
        return View(organization, settings, everybody(organization, settings, self.name, scope))

    def observe(self, view: View, reader: Reader) -> Ground[Any]:
        """Whom Organizations has registered comes first: a service without a designation of its own is administered by that."""
        spec, designation = self.departure.spec, self.departure.spec.designation
        assert designation is not None
        found = _try(partial(registered, designation.principal, view, reader))
        known = {**view.organization.delegated_administrators, designation.principal: found}
        here = replace(view, organization=replace(view.organization, delegated_administrators=known))
        jobs = [
            partial(self._service.observe, here, reader),
            partial(_try, partial(_policies, spec, view, reader)),
            partial(_try, partial(_delegations, view, reader)),
            *(partial(_try, partial(read, here, reader)) for read in self.departure.further.values()),
        ]
        state, policies, delegations, *further = reader.parallel(jobs)
        seen = {region: self._service.seen(state, region) for region in view.population.regions}  # type: ignore[attr-defined]
        allowed = view.settings.leaves(self.name)
        beside = {KEPT: Known(self.departure.kept(seen, here, reader)), **dict(zip(self.departure.further, further, strict=True))}
        return Ground(spec, here, allowed.exit if allowed else "", seen, state.administrators, found, policies, delegations, beside)

    def ground(self, state: Ground[Any], view: View) -> Ground[Any]:
        """What was seen, in that view: when it was read, who is in the organization may not have been listed yet."""
        known = state.view.organization.delegated_administrators
        return replace(state, view=replace(view, organization=replace(view.organization, delegated_administrators=known)))

    def assess(self, state: Ground[Any], view: View) -> Cells:
        """The cells of the level; of all of them, where none is named."""
        levels = (self.level,) if self.level else self.departure.levels
        ground = self.ground(state, view)
        return tuple(cell for level in levels for cell in self.cells_of(level, ground))

    def cells_of(self, level: Level[Any], ground: Ground[Any]) -> Cells:
        """One level's cells, with what stands in the way of every level applied; what settings allow is held against plans."""
        made = level.cells(ground)
        regions = {cell.region for cell in made}
        above = {region: bar for region in regions if (bar := ruled(ground) or self.departure.held(level, ground))}
        asked = {region: bar for region in regions if self.level and (bar := self._by_settings(level, ground, region))}
        return bar_cells(bar_cells(made, above), asked)

    def _by_settings(self, level: Level[Any], ground: Ground[Any], region: str) -> Bar | None:
        """What settings do not allow, or still want."""
        settings, spec = ground.view.settings, ground.spec
        allowed = settings.leaves(self.name)
        if allowed is None or level.name not in allowed.levels:
            return Bar(
                f"settings do not allow level {level.name} for {spec.title}",
                f"Name service {self.name} and the level under offboarding, with exit, reason, owner and expires.",
                SETTINGS_OWNER,
            )
        if self.still_wanted(level, ground, region):
            return Bar(
                f"settings still ask for {spec.title} here ({spec.section}): the next apply would undo this level",
                self.let_go,
                SETTINGS_OWNER,
            )
        return None

    @property
    def let_go(self) -> str:
        """What has to be done to settings that still ask for it."""
        return f"Take the Region out of {self.departure.spec.section}.regions, or the section out of the file."

    def still_wanted(self, level: Level[Any], ground: Ground[Any], region: str) -> bool:
        """Whether settings ask for what the level takes away, in the Region."""
        section = ground.view.settings.sections().get(self.name)
        wanted = section is not None and (region in section.regions or region not in ground.administrators)
        return wanted and section is not None and level.contradicted_by(section)

    def notes(self, ground: Ground[Any]) -> tuple[str, ...]:
        """What is around the service and is told to whoever decides, as sentences."""
        found: list[str] = []
        for name, tell in self.departure.told.items():
            seen = ground.further.get(name)
            if isinstance(seen, Known):
                found += tell(seen.value, ground)
            elif isinstance(seen, Unknown):
                found.append(f"{name} could not be read: {seen.reason}")
        return tuple(found)

    def losses(self, cells: Cells, state: Ground[Any]) -> tuple[Loss, ...]:
        return self.level.losses(state, cells) if self.level else ()

    def plan(self, cells: Cells, state: Ground[Any], view: View) -> Sequence[Step | NoChange | Blocker]:
        assert self.level is not None
        ground = self.ground(state, view)
        under_way = [cell for cell in cells if cell.gap is Gap.IN_PROGRESS]
        around = [NoChange(self.name, GLOBAL, self.level.name, frozenset({view.delegated}), each) for each in self.notes(ground)]
        return [*self.level.steps(ground, cells), *self.level.awaited(ground, under_way), *explanations(cells), *around]

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> Iterable[Outcome]:
        """Strangers are "not associated" too, so whether it is so already a read says."""
        assert self.level is not None
        if not isinstance(answer, CallFailed):
            return self.level.answered(action, answer)
        if self.level.says_already(answer):
            return outcomes(action, Verdict.CONFIRM, answer.code, answer.message)
        return self._service.judge(action, answer)

    def check(self, step: Step, reader: Reader) -> Progress:
        assert self.level is not None
        return self.level.reached(step, reader)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        return self._service.resolve(reference, reader)


def ruled(ground: Ground[Any]) -> Bar | None:
    """What rules the service from above its administrator."""
    if isinstance(ground.policies, Unknown):
        return Bar(ground.policies.reason, ground.policies.next_step or "Make the read possible, then look again.")
    if isinstance(ground.policies, Known) and ground.policies.value:
        return Bar(
            f"{ground.policies.value} Organizations policies of type {ground.spec.policy_type} switch the service on again, or "
            "refuse that it is switched off",
            "Detach them first; this runbook does not.",
        )
    return None


def _try(read: Any) -> Observation[Any]:
    try:
        return Known(read())
    except CallFailed as error:
        return unread(error)


def _listed(operation: str, key: str, view: View, reader: Reader, **parameters: Any) -> list[dict[str, Any]]:
    region = min(view.organization.enabled_regions)
    pages = reader.pages("organizations", operation, view.management, region, **parameters)
    return [each for page in pages for each in page.get(key) or ()]


def registered(principal: str, view: View, reader: Reader) -> frozenset[str]:
    found = _listed("ListDelegatedAdministrators", "DelegatedAdministrators", view, reader, ServicePrincipal=principal)
    return frozenset(str(each["Id"]) for each in found)


def _policies(spec: Left, view: View, reader: Reader) -> int:
    return len(_listed("ListPolicies", "Policies", view, reader, Filter=spec.policy_type)) if spec.policy_type else 0


def _delegations(view: View, reader: Reader) -> frozenset[str]:
    """What else the delegated account administers; nothing where Organizations knows it as no administrator at all."""
    try:
        found = _listed("ListDelegatedServicesForAccount", "DelegatedServices", view, reader, AccountId=view.delegated)
    except CallFailed as error:
        if error.code == "AccountNotRegisteredException":
            return frozenset()
        raise
    return frozenset(str(each["ServicePrincipal"]) for each in found)
