"""How what a procedure took away comes back: the notebook and the command that bring it back, and what their plan would hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.base.account_sets import count_of
from runbook_lib.plan import Plan
from runbook_lib.runbook import ApplyReport
from runbook_lib.runbook.phases import PREREQUISITES
from runbook_lib.services.departure_levels import TrustedAccess
from runbook_lib.services.leaving import Leaving
from runbook_lib.services.protocol import Service
from runbook_lib.services.registry import sentence
from runbook_lib.services.undoing import Undoing

Places = frozenset[tuple[str, str]]
"""(account, Region)."""


@dataclass(frozen=True)
class WayBack:
    """The ordinary way in again, after one level of a way out or a back-out."""

    phase: str
    """The notebook that brings it back."""
    first: str
    """What has to be so before its plan holds anything."""
    calls: Mapping[str, Places]
    """What its plan would hold, as "service:Operation" → whom it would be about: the reverse of what was done."""
    without: tuple[str, ...]
    """What was done and has no reverse call."""
    lost: tuple[str, ...]
    """What it does not bring back."""

    def lines(self) -> Iterator[str]:
        """The same in sentences; none where nothing was done."""
        if not (self.calls or self.without):
            return
        yield f"Coming back: {self.first}, then runbook plan -p SETTINGS --phase {self.phase}, and apply that plan."
        if self.calls:
            yield f"That plan would hold {sentence(tuple(_about(*each) for each in sorted(self.calls.items())))}."
        if self.without:
            yield f"Without a reverse call: {sentence(self.without)}."
        if self.lost:
            yield f"It does not bring back {sentence(self.lost)}."


def _about(operation: str, places: Places) -> str:
    accounts, regions = zip(*places, strict=True)
    return f"{operation} for {count_of(accounts)} in {sentence(tuple(sorted(set(regions))))}"


def way_back(service: Service, plan: Plan, report: ApplyReport) -> WayBack | None:
    """The way back from what an apply did of a plan, or found done; None where the service takes nothing away."""
    if isinstance(service, Undoing):
        first, phase = "settings that still ask for it are all it takes", service.phase
    elif isinstance(service, Leaving):
        trusting = isinstance(service.level, TrustedAccess)
        first, phase = f"let settings ask for {service.title} again", PREREQUISITES.name if trusting else service.phase
    else:
        return None
    done = _done(report)
    calls: dict[str, set[tuple[str, str]]] = {}
    without = set[str]()
    for action in plan.actions:
        accounts = {target for unit, target in action.units if (unit, target) in done}
        if not accounts:
            continue
        owner, _, operation = action.back_out.operation.rpartition(":")
        if operation:
            about = accounts if action.targets else action.affects
            calls.setdefault(f"{owner or action.service}:{operation}", set()).update((each, action.region) for each in about)
        else:
            without.add(f"{action.service}:{action.operation}")
    lost = tuple(each.words for each in plan.losses if each.for_good) if calls or without else ()
    return WayBack(phase, first, {name: frozenset(places) for name, places in calls.items()}, tuple(sorted(without)), lost)


def _done(report: ApplyReport) -> set[tuple[str, str]]:
    """Units that were applied, or were so already."""
    steps = [each for _, stage in report.stages for each in stage.steps]
    made = {
        (unit, target)
        for each in steps
        for unit, target in getattr(each.step, "units", ())
        for result in each.results
        if result.final.good and (result.account or target) == target
    }
    return made.union(*(covered.already_so for _, covered in report.covered))
