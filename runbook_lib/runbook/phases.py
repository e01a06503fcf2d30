"""The documented phases, in order: their notebooks, stages and what must have been applied before."""

from dataclasses import dataclass

from runbook_lib.base.errors import RunbookError
from runbook_lib.services.registry import by_name, specs, titles
from runbook_lib.services.spec import STAGES, ServiceSpec


@dataclass(frozen=True)
class Stage:
    """The steps of a phase made from one account, or of one kind, with its own gate."""

    name: str
    title: str


@dataclass(frozen=True)
class Phase:
    """One notebook. `service` is the registered service; empty for the phase that only reads all of them."""

    name: str
    title: str
    service: str
    stages: tuple[Stage, ...]
    purpose: str
    """What the change is for, as a change board reads it."""
    requires: tuple[str, ...] = ()

    @property
    def enables(self) -> bool:
        """Whether it enables a service: neither the prerequisites nor the phase that only reads."""
        return self.service in by_name()


ENABLING = tuple(Stage(name, title) for name, title in STAGES.items())

PREREQUISITES = Phase(
    "00_prerequisites",
    "Prerequisites",
    "organizations",
    (Stage("management", STAGES["management"]),),
    f"Let {titles()} act across the organization (trusted access), so that one delegated security account can administer them.",
)
COVERAGE = Phase("90_coverage", "Coverage", "", (), "Show what is covered and what is not, and why; reads only.")


def _enabling(spec: ServiceSpec) -> Phase:
    before = (PREREQUISITES.name, *(by_name()[name].phase for name in spec.after if name in by_name()))
    return Phase(spec.phase, spec.title, spec.name, ENABLING, spec.purpose, before)


PHASES = (PREREQUISITES, *sorted((_enabling(spec) for spec in specs()), key=lambda phase: phase.name), COVERAGE)


class UnknownPhase(RunbookError, ValueError):
    """No phase has that name."""

    advice = "Name a phase that there is; a notebook has to be opened as it came."


def phase_named(name: str) -> Phase:
    """The phase of that name, or of a name that begins so ("10"). Raises UnknownPhase naming all."""
    found = [phase for phase in PHASES if phase.name == name] or [phase for phase in PHASES if phase.name.startswith(name)]
    if len(found) != 1 or not name:
        raise UnknownPhase(f"no phase is called {name!r}; there are {', '.join(phase.name for phase in PHASES)}")
    return found[0]
