"""The drill: a harmless finding for each route, followed hop by hop until it has arrived or is known not to, and then archived.

It is a procedure like any other: planned, approved, applied, verified. A wait ends when there is nothing more to wait for, or when
its own time limit is over; a finding that was lost fails no call, it is what Verify shows. So the findings are archived whatever
became of them. Sent findings are known by their id, so a run that was stopped resumes where it stopped.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, BackOut, Blocker, Condition, Loss, NoChange, Reference, Scope, Step, Wait
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_error, outcomes, text
from runbook_lib.services.aspect import NONE, WHOLE
from runbook_lib.services.obstacles import bar_cells, explanations, region_bar
from runbook_lib.services.response import hops
from runbook_lib.services.response.names import HUB, NAME, QUEUES
from runbook_lib.services.response.observe import observe as look
from runbook_lib.services.response.service import Response
from runbook_lib.services.response.trial import ACTIVE, ARCHIVED, JUST_NOW, NOW, Trial, as_sent, trials
from runbook_lib.services.response.underway import READS, Underway, read_found, underway
from runbook_lib.services.response.wanted import Wanted, regions_of
from runbook_lib.services.view import View, view_of
from runbook_lib.settings import Settings

SENDING, ENDING = "delegated", "ending"
GATHERED, DELIVERED, ANSWERED = "gathered", "delivered", "answered"
LIMITS = {GATHERED: 300, DELIVERED: 180}
"""Seconds of each hop: Security Hub gathers "in near real time" [docs], EventBridge delivers within seconds."""
LONGEST = 60
"""Minutes that people can be waited for; so long a notebook may stand at one cell."""
LEFT = 60
"""Seconds that a wait may take beyond its limit, so that the limit is what ends it."""


class BadDrillName(RunbookError, ValueError):
    """What cannot be part of a finding's id, or of a plan's words."""

    advice = "Name a drill with letters, digits and hyphens, at most 40, for example 2026-11-29 or spring-game-day."


class BadPatience(RunbookError, ValueError):
    """How long people cannot be waited for."""

    advice = f"Give whole minutes from 1 to {LONGEST}, or nothing where nobody is waited for."


class Drill(Response):
    """What the procedure does. `about` is its name, today's date where none is given, and minutes, where people are waited for."""

    reads = Response.reads | READS
    sends = frozenset({f"{HUB}:BatchImportFindings"})

    def __init__(self, about: str = "", clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        name, _, minutes = about.partition(" ")
        self.drill = name or f"{self.clock.now():%Y-%m-%d}"
        if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", self.drill):
            raise BadDrillName(f"{name!r} cannot be the name of a drill")
        if minutes.strip() and not (re.fullmatch(r"[0-9]{1,2}", minutes.strip()) and 1 <= int(minutes) <= LONGEST):
            raise BadPatience(f"{minutes.strip()!r}: people cannot be waited for so long")
        self.minutes = int(minutes) if minutes.strip() else 0
        self._begun: dict[str, float] = {}
        self._wanted: dict[str, Wanted] = {}

    @property
    def mutations(self) -> frozenset[str]:
        return self.sends

    @property
    def about(self) -> str:
        return f"{self.drill} {self.minutes}" if self.minutes else self.drill

    @property
    def member_role(self) -> str:
        return ""

    def losses(self, cells: Cells, state: Any) -> tuple[Loss, ...]:
        """Nothing is taken away."""
        return ()

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        return view_of(organization, settings, NAME, Scope())

    def observe(self, view: View, reader: Reader) -> Underway:  # type: ignore[override] # more than a phase's own state
        section = view.settings.response
        self._wanted = {each: Wanted(view, section, each) for each in regions_of(view.settings)} if section else {}
        tried = [trial for each in self._wanted.values() for trial in trials(each, self.drill)]
        return underway(look(view, reader), self._wanted, tried, self.drill, reader)

    def _trials(self, view: View) -> list[tuple[Trial, Wanted]]:
        section = view.settings.response
        if section is None:
            return []
        places = [Wanted(view, section, each) for each in regions_of(view.settings)]
        return [(trial, wanted) for wanted in places for trial in trials(wanted, self.drill)]

    def assess(self, state: Underway, view: View) -> Cells:  # type: ignore[override] # as in observe
        bars = {each: bar for each in regions_of(view.settings) if (bar := region_bar(view, each))}
        return tuple(cell for trial, wanted in self._trials(view) for cell in bar_cells(hops.cells(trial, wanted, state), bars))

    def plan(self, cells: Cells, state: Underway, view: View) -> Sequence[Step | NoChange | Blocker]:  # type: ignore[override] # as in observe
        """What is still to be sent, waited for and archived. What was lost or not tried is told, and holds up nothing."""
        steps: list[Step] = []
        for trial, wanted in self._trials(view):
            origin = state.arisen.get((trial.origin, trial.home))
            barred = region_bar(view, trial.origin) or region_bar(view, trial.home)
            if trial.finding is not None and not trial.untried and isinstance(origin, Known) and not barred:
                steps += self._steps(trial, wanted, state, origin.value.get(trial.id))
        told = [cell for cell in cells if cell.status is Status.UNKNOWN or cell.gap is Gap.BLOCKED]
        return [*steps, *map(_told, told), *explanations(cell for cell in cells if cell not in told)]

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> list[Outcome]:
        """HTTP 200 of BatchImportFindings is not success: what was refused is counted, each with its code."""
        if isinstance(answer, CallFailed):
            return judge_error(action, answer)
        refused: Mapping[str, Any] = next(iter(answer.get("FailedFindings") or ()), {})
        if answer.get("FailedCount") or refused:
            return outcomes(action, Verdict.FAILED, text(refused.get("ErrorCode")), text(refused.get("ErrorMessage")))
        return outcomes(action, Verdict.APPLIED)

    def check(self, step: Step, reader: Reader) -> Progress:
        if isinstance(step, Wait):
            return self._come(step, reader)
        asked = step.parameters["Findings"][0]
        found = read_found(self.drill, step.account, step.region, reader).get(asked["Id"])
        there = found is not None and found.get("RecordState") == asked["RecordState"]
        return Progress(WHOLE if there else NONE, {}, text(found.get("RecordState")) if found else "not there")

    def _come(self, wait: Wait, reader: Reader) -> Progress:
        """Whether there is nothing more to wait for: it has come, it is known not to, or the time of this hop is over."""
        hop, route = wait.condition.wanted
        begun = self._begun.setdefault(wait.id, self.clock.monotonic())
        wanted = self._wanted[wait.region]
        trial = next(each for each in trials(wanted, self.drill) if each.route == route)
        if hop == GATHERED:
            come = trial.id in read_found(self.drill, wait.account, wait.region, reader)
        else:
            state = underway(look(wanted.view, reader), self._wanted, [trial], self.drill, reader)
            come = (hops.told if hop == DELIVERED else hops.answered)(trial, wanted, state)
        if come:
            return Progress(WHOLE, {}, "come")
        limit = self._limit(hop)
        over = self.clock.monotonic() - begun >= limit
        return Progress(WHOLE if over else NONE, {}, f"not within {limit} seconds" if over else "not yet")

    def _limit(self, hop: str) -> int:
        return self.minutes * 60 if hop == ANSWERED else LIMITS[hop]

    def _steps(self, trial: Trial, wanted: Wanted, state: Underway, arisen: Mapping[str, Any] | None) -> list[Step]:
        """Import, waits, and the end of one route's finding, as far as they are still to be made."""
        if arisen is not None and _over(arisen):
            return []
        before: tuple[str, ...] = ()
        made: list[Step] = []
        if arisen is None:
            made.append(_import(trial, wanted, ACTIVE, ()))
            before = (made[0].id,)
        made.append(gathered := self._wait(trial, wanted, GATHERED, before))
        if not trial.pressed:
            made.append(self._wait(trial, wanted, DELIVERED, (*before, gathered.id)))
        if self.minutes and (trial.pressed or hops.asks_people(trial, wanted)):
            made.append(self._wait(trial, wanted, ANSWERED, (*before, gathered.id)))
        return [*made, _import(trial, wanted, ARCHIVED, before)]

    def _wait(self, trial: Trial, wanted: Wanted, hop: str, after: tuple[str, ...]) -> Wait:
        to, limit = ", ".join(trial.channels), self._limit(hop)
        pressing = f"{hops.button(trial, wanted)} is pressed on {trial.id} in Security Hub's console, and "
        words, service, operation = {
            GATHERED: (f"Security Hub in {trial.home} has the finding of route {trial.route}", HUB, "GetFindings"),
            DELIVERED: (
                f"the message of route {trial.route} has arrived at {to}, or is known not to", QUEUES, "ReceiveMessage",
            ),
            ANSWERED: (
                f"{pressing if trial.pressed else ''}{trial.id} has come to {to}; who cannot be looked at sets it to NOTIFIED",
                QUEUES, "ReceiveMessage",
            ),
        }[hop]  # fmt: skip
        return Wait(
            service, operation, wanted.view.delegated, trial.home, Condition(f"{trial.id} {hop}", hop, (hop, trial.route)),
            f"{words}; at most {limit} seconds", limit + LEFT, SENDING, after=after,
        )  # fmt: skip

    def resolve(self, reference: Reference, reader: Reader) -> str:
        if reference.kind in (JUST_NOW, NOW):
            when = self.clock.now().astimezone(dt.UTC) - dt.timedelta(seconds=reference.kind == JUST_NOW)
            return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return super().resolve(reference, reader)


def _told(cell: Cell) -> NoChange:
    return NoChange(cell.service, cell.region, cell.aspect, cell.accounts, f"{cell.item}: {cell.reason}. Next: {cell.next_step}")


def _over(finding: Mapping[str, Any]) -> bool:
    """Whether nothing is left to be done about it. One that was suppressed takes no update any more [model], and bothers nobody."""
    return finding.get("RecordState") == ARCHIVED or (finding.get("Workflow") or {}).get("Status") == "SUPPRESSED"


def _import(trial: Trial, wanted: Wanted, state: str, after: tuple[str, ...]) -> Action:
    us, ends = wanted.view.delegated, state == ARCHIVED
    said = "the finding of the drill is ended" if ends else "a harmless finding, marked as a drill"
    return Action(
        HUB, "BatchImportFindings", us, trial.origin, {"Findings": [as_sent(trial, state)]},
        reason=f"{trial.route}: {said}", affects=frozenset({us}), before="active" if ends else "no such finding",
        becomes=state.lower(), stage=ENDING if ends else SENDING, after=after,
        back_out=BackOut("A finding cannot be deleted; Security Hub drops archived ones by itself."),
    )  # fmt: skip
