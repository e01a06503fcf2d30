"""What became of the steps of one stage: a final outcome per step and target account, and counts for a progress line."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.plan import Action, Step

NEXT_PLAN, AFTER_NEXT_PLAN = "NextPlan", "AfterNextPlan"
"""The codes of what was not attempted because it takes a call that only the next plan can know of, and of what depends on it."""


class Final(StrEnum):
    """The four truths about one target of one step. A Wait that was fulfilled counts as applied."""

    APPLIED = "applied"
    ALREADY_SO = "already so"
    FAILED = "failed"
    NOT_ATTEMPTED = "not attempted"

    @property
    def good(self) -> bool:
        return self in (Final.APPLIED, Final.ALREADY_SO)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one target account ("" for a step without targets); code and message say why it is not good."""

    account: str
    final: Final
    code: str = ""
    message: str = ""

    @property
    def is_later(self) -> bool:
        """Whether nothing has failed, and the next plan does it."""
        return self.final is Final.NOT_ATTEMPTED and self.code in (NEXT_PLAN, AFTER_NEXT_PLAN)


@dataclass(frozen=True)
class StepReport:
    """One step with one Result per target, sorted by account, and how many attempts were sent."""

    step: Step
    results: tuple[Result, ...]
    attempts: int = 0

    @property
    def ok(self) -> bool:
        return all(result.final.good for result in self.results)


@dataclass(frozen=True)
class StageReport:
    """All steps of one stage in the order of the plan. `stopped` is the reason when it ended early."""

    stage: str
    steps: tuple[StepReport, ...]
    stopped: str = ""

    @property
    def ok(self) -> bool:
        """Whether every target of every step came to what was planned."""
        return all(step.ok for step in self.steps)

    @property
    def orderly(self) -> bool:
        """Whether every target came to what was planned, or is left to the next plan."""
        return all(result.is_later for _, result in self.problems)

    @property
    def counts(self) -> Counter[Final]:
        """Units of Actions by final outcome; Waits are not counted."""
        return Counter(result.final for each in self.steps if isinstance(each.step, Action) for result in each.results)

    @property
    def problems(self) -> tuple[tuple[Step, Result], ...]:
        """Every target that failed or was not attempted, with its step."""
        return tuple((each.step, result) for each in self.steps for result in each.results if not result.final.good)


@dataclass(frozen=True, slots=True)
class Tick:
    """Progress of a stage: steps done of all, what is running now, failed targets, throttled calls, mutating calls per second."""

    done: int
    total: int
    service: str
    operation: str
    region: str
    failed: int
    throttles: int
    rate: float
