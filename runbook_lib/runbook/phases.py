"""The documented phases, in order: their notebooks, stages and what must have been applied before."""

from dataclasses import dataclass


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


MANAGEMENT = Stage("management", "calls made in the management account")
ENABLING = (
    Stage("prepare", "calls made in the delegated account before designation, so that designation switches on nothing by default"),
    MANAGEMENT,
    Stage("delegated", "calls made in the delegated account as administrator"),
    Stage("members", "calls made in member accounts through the member role"),
    Stage("workloads", "calls that act on workloads inside accounts: agents, snapshots, endpoints, scans of code and images"),
    Stage("lowering", "calls that lower protection, each named under allow_lowering"),
)

PREREQUISITES = Phase(
    "00_prerequisites",
    "Prerequisites",
    "organizations",
    (MANAGEMENT,),
    "Let Security Hub, GuardDuty and Inspector act across the organization (trusted access), so that one delegated security "
    "account can administer them.",
)
SECURITY_HUB = Phase(
    "10_security_hub",
    "Security Hub",
    "securityhub",
    ENABLING,
    "Bring the security findings of all accounts and Regions together in one place: make the delegated security account the "
    "administrator of Security Hub in each Region, add every existing account, see to it that new accounts join, and aggregate "
    "findings in the home Region.",
    (PREREQUISITES.name,),
)
GUARDDUTY = Phase(
    "20_guardduty",
    "GuardDuty",
    "guardduty",
    ENABLING,
    "Detect threats in all accounts: make the delegated security account the administrator of GuardDuty in each Region, enable "
    "it with the chosen protection plans in every existing account, and for accounts that join later.",
    (PREREQUISITES.name, SECURITY_HUB.name),
)
INSPECTOR = Phase(
    "30_inspector",
    "Inspector",
    "inspector2",
    ENABLING,
    "Find known vulnerabilities in all accounts: make the delegated security account the administrator of Inspector in each "
    "Region, switch on the chosen scan types in every existing account, and for accounts that join later.",
    (PREREQUISITES.name, SECURITY_HUB.name),
)
COVERAGE = Phase("90_coverage", "Coverage", "", (), "Show what is covered and what is not, and why; reads only.")
PHASES = (PREREQUISITES, SECURITY_HUB, GUARDDUTY, INSPECTOR, COVERAGE)


class UnknownPhase(ValueError):
    """No phase has that name."""


def phase_named(name: str) -> Phase:
    """The phase of that name, or of a name that begins so ("10"). Raises UnknownPhase naming all."""
    found = [phase for phase in PHASES if phase.name == name] or [phase for phase in PHASES if phase.name.startswith(name)]
    if len(found) != 1 or not name:
        raise UnknownPhase(f"no phase is called {name!r}; there are {', '.join(phase.name for phase in PHASES)}")
    return found[0]
