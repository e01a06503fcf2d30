"""The notebooks, of three kinds, in order: their stages, and what must have been applied before."""

from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.base.errors import RunbookError
from runbook_lib.services.registry import by_name, specs, titles
from runbook_lib.services.response.names import DRILL, HUB, NAME, REMEDIATION, TITLE
from runbook_lib.services.response.names import PHASE as RESPONDING
from runbook_lib.services.spec import STAGES, ServiceSpec


@dataclass(frozen=True)
class Stage:
    """The steps of a phase made from one account, or of one kind, with its own gate."""

    name: str
    title: str


class Kind(StrEnum):
    """What kind of notebook it is. Commands, waves and coverage walk the phases alone.

    PHASE: a step of the roll-out, planned and applied in its turn. READING: changes nothing. PROCEDURE: has a plan of its own, and
    is run when somebody asks for it.
    """

    PHASE = "phase"
    READING = "reading"
    PROCEDURE = "procedure"


@dataclass(frozen=True)
class Phase:
    """One notebook, and what is recorded under its name. `service` is the registered service; empty where it has none."""

    name: str
    title: str
    service: str
    stages: tuple[Stage, ...]
    purpose: str
    """What the change is for, as a change board reads it."""
    requires: tuple[str, ...] = ()
    kind: Kind = Kind.PHASE
    parameters: tuple[str, ...] = ()
    """What its notebook is given beside what all are given: what it is about."""

    @property
    def plans(self) -> bool:
        """Whether it has a plan, which is decided about and applied."""
        return self.kind is not Kind.READING

    @property
    def enables(self) -> bool:
        """Whether it enables a service in accounts and Regions, as the registry has it."""
        return self.service in by_name()

    @property
    def covers(self) -> bool:
        """Whether coverage speaks of it: what settings ask for beyond the prerequisites."""
        return bool(self.service) and self.service != PREREQUISITES.service


ENABLING = tuple(Stage(name, title) for name, title in STAGES.items())

PREREQUISITES = Phase(
    "00_prerequisites",
    "Prerequisites",
    "organizations",
    (Stage("management", STAGES["management"]),),
    f"Let {titles()} act across the organization (trusted access), so that one delegated security account can administer them.",
)
FIRST_LIVE_RUN = Phase(
    "05_first_live_run",
    "First live run",
    "",
    (),
    "Ask what only a live account can settle, and compare the answers with what the simulation does; reads only.",
    kind=Kind.READING,
)
RESPONSE = Phase(
    RESPONDING,
    TITLE,
    NAME,
    tuple(Stage(name, STAGES[name]) for name in ("delegated", "lowering")),
    "Bring findings to the people and systems that answer for them: queues and topics, rules of EventBridge, custom actions.",
    (PREREQUISITES.name, by_name()[HUB].phase),
)
DRILLING = Phase(
    DRILL,
    "Drill",
    "",
    (Stage("delegated", STAGES["delegated"]), Stage("ending", "the drill's findings are archived, whatever became of them")),
    "Send a harmless finding on every route, and see hop by hop whether it reaches those who answer for it.",
    (PREREQUISITES.name, by_name()[HUB].phase, RESPONSE.name),
    kind=Kind.PROCEDURE,
    parameters=("name", "wait"),
)
REMEDIATING = Phase(
    REMEDIATION,
    "Remediation",
    "",
    (
        Stage("workloads", "what AWS's own documents do in member accounts, by the workflow's role"),
        Stage("closing", "the findings' workflow status, where the cause is gone"),
    ),
    "Mend the causes of findings on their resources, and look whether they are gone, as one workflow of the register says.",
    (PREREQUISITES.name, by_name()[HUB].phase),
    kind=Kind.PROCEDURE,
    parameters=("workflow", "findings", "emergency"),
)
STACK = Phase(
    "80_stack",
    "CloudFormation stack",
    "",
    (),
    "Deploy the phases as resources of a CloudFormation stack where every change has to be one; look at it, update it, delete it.",
    kind=Kind.PROCEDURE,
    parameters=("operation", "stack", "bucket", "profile", "confirmed"),
)
OFFBOARDING = Phase(
    "95_offboarding",
    "Leaving a service",
    "",
    tuple(Stage(name, STAGES[name]) for name in ("management", "delegated", "members")),
    "Take one level of one service away, deliberately: what settings allow by name, and nothing else.",
    kind=Kind.PROCEDURE,
    parameters=("service", "level"),
)
BACK_OUT = Phase(
    "95_back_out",
    "Backing out a change",
    "",
    (
        Stage("delegated", STAGES["delegated"]),
        Stage("management", STAGES["management"]),
        Stage("members", "calls made in accounts, when they are neither members nor administrators any longer"),
        *REMEDIATING.stages,
    ),
    "Take back what one run changed in one phase, as far as it is still as that run left it, and nothing else.",
    kind=Kind.PROCEDURE,
    parameters=("undo_run", "undo_phase"),
)
COVERAGE = Phase("90_coverage", "Coverage", "", (), "Show what is covered and what is not, and why; reads only.", kind=Kind.READING)


def _enabling(spec: ServiceSpec) -> Phase:
    before = (PREREQUISITES.name, *(by_name()[name].phase for name in spec.after if name in by_name()))
    return Phase(spec.phase, spec.title, spec.name, ENABLING, spec.purpose, before)


NOTEBOOKS = tuple(
    sorted(
        (
            PREREQUISITES,
            FIRST_LIVE_RUN,
            *map(_enabling, specs()),
            RESPONSE,
            DRILLING,
            REMEDIATING,
            STACK,
            COVERAGE,
            OFFBOARDING,
            BACK_OUT,
        ),
        key=lambda notebook: notebook.name,
    )
)
"""Every notebook, in the order of their names. A new one of any kind is declared here."""
PHASES = tuple(notebook for notebook in NOTEBOOKS if notebook.kind is Kind.PHASE)


class UnknownPhase(RunbookError, ValueError):
    """No phase has that name."""

    advice = "Name a phase that there is; a notebook has to be opened as it came."


def phase_named(name: str) -> Phase:
    """The notebook of that name, or of a name that begins so ("10"). Raises UnknownPhase naming all."""
    found = [each for each in NOTEBOOKS if each.name == name] or [each for each in NOTEBOOKS if each.name.startswith(name)]
    if len(found) != 1 or not name:
        raise UnknownPhase(f"no phase is called {name!r}; there are {', '.join(each.name for each in NOTEBOOKS)}")
    return found[0]
