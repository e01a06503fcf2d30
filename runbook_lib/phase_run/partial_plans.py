"""Planning anew for a part that was chosen at the gate: from the observation in hand, with a plan and fingerprint of its own."""

from runbook_lib.plan import Plan
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.choice import Choice, Offer, Turn, offer
from runbook_lib.runbook.observer import Assessment
from runbook_lib.runbook.wave_progress import WaveProgress
from runbook_lib.services.waves import earlier, wave_of

WAY = ' {how} the notebook its part: scope {{"wave": "{name}"}}.'
"""What to do where it is another wave's turn."""


class PartialPlans:
    """One observation of the whole, and what may be planned of it. Reads nothing and calls nothing.

    Where the notebook was given a part, or holds for the whole organization at once, there is nothing to choose.
    """

    def __init__(self, runbook: Runbook, seen: Assessment) -> None:
        self._runbook, self._seen = runbook, seen
        self.progress: tuple[WaveProgress, ...] = runbook.wave_progress(seen) if runbook.scope.whole else ()

    @property
    def offer(self) -> Offer | None:
        """What may be chosen; None where nothing may."""
        if not self._runbook.scope.whole or not self._runbook.phase.enables:
            return None
        turns, turn = [], True
        for each in self.progress:
            turns.append(Turn(each.wave, each.words, open=turn and not each.done))
            turn = turn and each.done
        return offer(self._seen.organization, self._seen.population.regions, turns)

    def plan(self, choice: Choice) -> tuple[Runbook, Plan]:
        """The phase on the chosen part, and its plan."""
        part = self._runbook.within(choice.scope(self._runbook.settings))
        return part, part.plan(part.narrowed(self._seen))

    def not_yet(self, plan: Plan, *, choosing: bool = True) -> str:
        """Why a plan cannot be approved now: a wave that comes before is not done. Apply asks AWS again.

        `choosing`: whether a part can be chosen where this is shown.
        """
        wave = wave_of(plan.scope, self._runbook.settings)
        before = {each.name for each in earlier(wave, self._runbook.settings)} if wave and self._runbook.in_waves else set()
        left = [each for each in self.progress if each.wave.name in before and not each.done]
        if not left:
            return ""
        how = "Choose it below, or give" if choosing else "Give"
        return f"{left[0].wave.title} comes first ({left[0].words})." + WAY.format(how=how, name=left[0].wave.name)
