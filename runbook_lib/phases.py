"""The documented phases, in order: their notebooks, stages and what must have been applied before."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """The steps of a phase made from one account, with its own gate."""

    name: str
    title: str


@dataclass(frozen=True)
class Phase:
    """One notebook. `service` is the registered service; empty for the phase that only reads all of them."""

    name: str
    title: str
    service: str
    stages: tuple[Stage, ...]
    requires: tuple[str, ...] = ()


MANAGEMENT = Stage("management", "calls made in the management account")
ENABLING = (
    Stage("prepare", "calls made in the delegated account before designation, so that designation switches on nothing by default"),
    MANAGEMENT,
    Stage("delegated", "calls made in the delegated account as administrator"),
    Stage("members", "calls made in member accounts through the member role"),
    Stage("lowering", "calls that lower protection, each named under allow_lowering"),
)

PHASES = (
    Phase("00_prerequisites", "Prerequisites", "organizations", (MANAGEMENT,)),
    Phase("10_security_hub", "Security Hub", "securityhub", ENABLING, ("00_prerequisites",)),
    Phase("20_guardduty", "GuardDuty", "guardduty", ENABLING, ("00_prerequisites", "10_security_hub")),
    Phase("30_inspector", "Inspector", "inspector2", ENABLING, ("00_prerequisites", "10_security_hub")),
    Phase("90_coverage", "Coverage", "", ()),
)


class UnknownPhase(ValueError):
    """No phase has that name."""


def phase_named(name: str) -> Phase:
    """The phase of that name, or of a name that begins so ("10"). Raises UnknownPhase naming all."""
    found = [phase for phase in PHASES if phase.name == name] or [phase for phase in PHASES if phase.name.startswith(name)]
    if len(found) != 1 or not name:
        raise UnknownPhase(f"no phase is called {name!r}; there are {', '.join(phase.name for phase in PHASES)}")
    return found[0]
