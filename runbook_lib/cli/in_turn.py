"""Phases one after the other: one that could not do its work holds up those that build on it, and no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runbook_lib.cli.phase_result import PhaseResult
from runbook_lib.evidence.run.folder import RunStatus
from runbook_lib.runbook.phases import Phase


@dataclass(frozen=True)
class Turn:
    """One phase's turn; `wave` is the part of the organization that it is about, by name, "" where there are no waves."""

    phase: Phase
    run: Callable[[], PhaseResult]
    wave: str = ""

    @property
    def title(self) -> str:
        """How it is spoken of."""
        return f"{self.phase.name} in wave {self.wave}" if self.wave else self.phase.name


@dataclass
class Course:
    """How the turns of one command went: what was executed, and what was not attempted, each with the reason."""

    results: list[PhaseResult] = field(default_factory=list)
    not_attempted: dict[str, str] = field(default_factory=dict)
    """Title of a turn → why."""
    _held: dict[str, str] = field(default_factory=dict)
    """Phase that failed or was not attempted → how that is said."""

    def take(self, turns: Sequence[Turn], say: Callable[[str], None]) -> None:
        """Take every turn that nothing holds up.

        A phase is held up where one that it requires failed or was itself held up, in this wave or an earlier one, and where it
        failed itself in an earlier wave. Whoever stops a command means all that would come after, too.
        """
        for turn in turns:
            if why := self._why_not(turn):
                self.not_attempted[turn.title] = why
                self._held.setdefault(turn.phase.name, f"{turn.title} was not attempted")
                say(f"{turn.title}: not attempted: {why}")
                continue
            self.results.append(result := turn.run())
            if result.exit_code == 1:
                self._held[turn.phase.name] = f"{turn.title} failed"

    def _why_not(self, turn: Turn) -> str:
        if self.stopped:
            return "the command was stopped"
        before = [name for name in (*turn.phase.requires, turn.phase.name) if name in self._held]
        return f"{self._held[before[0]]}, and has to come first" if before else ""

    @property
    def stopped(self) -> bool:
        """Whether somebody, or a time limit, stopped the last phase that was executed."""
        return bool(self.results) and self.results[-1].status is RunStatus.STOPPED

    @property
    def summary(self) -> tuple[str, ...]:
        """One line for each reason for which something was not attempted."""
        reasons: dict[str, list[str]] = {}
        for title, why in self.not_attempted.items():
            reasons.setdefault(why, []).append(title)
        return tuple(f"not attempted: {', '.join(titles)}: {why}" for why, titles in reasons.items())
