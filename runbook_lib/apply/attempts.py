"""One step on its way: what is still to be sent, in doubt or settled, and one try at a time of calling or polling for it.

A try never sleeps; it says when the step is due again. Whatever AWS's answer leaves open is read (`Service.check`) before the
same call is sent again.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from runbook_lib.apply.journal import Journal, brief
from runbook_lib.apply.report import NEXT_PLAN, Final, Result
from runbook_lib.aws.errors import EXPIRED, CallFailed, denied
from runbook_lib.aws.reader import Reader
from runbook_lib.base.clock import Clock
from runbook_lib.plan import Action, Reference, Step, Wait
from runbook_lib.plan.outcome import Outcome, Verdict
from runbook_lib.services.protocol import Service

if TYPE_CHECKING:
    # Whoever reads a journal comes by here, and needs no AWS client.
    from runbook_lib.aws.access import Answer, Counters

ATTEMPTS, RETRY_SECONDS = 20, 300.0
"""At most so many attempts of one call, in at most so many seconds; as long as AWS is known to refuse, where that is longer."""
BACK_OFF, LONGEST_BACK_OFF = 0.5, 30.0
POLL, POLL_GROWTH, LONGEST_POLL = 0.03, 1.5, 15.0
"""The first pause between two polls, its growth, the longest: a state that took a while is seen at most half as much later."""


S = TypeVar("S", Action, Wait)


class Halted(Exception):
    """Raised inside a call, before it leaves, once the run is to stop; nothing was sent."""


class Writer(Reader, Protocol):
    """What apply uses of Access: reads, and one attempt of one mutating call."""

    concurrency: int

    @property
    def counters(self) -> "Counters":
        """Attempts and throttles so far."""

    def admit(self, service: str, operation: str, account: str, region: str) -> float:
        """0 when one attempt may be made now at AWS's rate (it is counted then), else seconds after which to ask again."""

    def mutate(
        self, service: str, operation: str, account: str, region: str, parameters: dict[str, object], on_send: Callable[[str], None]
    ) -> "Answer":
        """Make one attempt; `on_send` gets the invocation id before it leaves."""


@dataclass
class Task:
    """The state of one step. Every target is in exactly one of `open` and `settled`."""

    step: Step
    order: int
    open: set[str] = field(default_factory=set)
    settled: dict[str, Result] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    """Open targets whose last answer did not say; read before sending again."""
    perhaps_ours: set[str] = field(default_factory=set)
    """Targets for which an earlier attempt of ours may have done it."""
    last: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Target → code and message of the last refusal."""
    attempts: int = 0
    patience: float = 0.0
    """Seconds for which AWS is known to give an answer that this step got; 0: the usual limits hold."""
    began: float | None = None
    due: float = 0.0

    def __post_init__(self) -> None:
        self.open = set(self.step.targets or ("",))

    def settle(self, target: str, final: Final, code: str = "", message: str = "") -> None:
        """Give one open target its final outcome."""
        if target in self.open:
            self.open.remove(target)
            self.doubtful.discard(target)
            self.settled[target] = Result(target, final, code, brief(message))

    def settle_all(self, final: Final, code: str, message: str) -> None:
        for target in sorted(self.open):
            self.settle(target, final, code, message)

    def abandon(self, reason: str) -> None:
        """The run stops: targets never sent were not attempted, those that AWS put off or left open have failed so far."""
        for target in sorted(self.open):
            if target in self.last:
                code, message = self.last[target]
                self.settle(target, Final.FAILED, code, f"stopped before it could be settled ({reason}): {message}")
            else:
                self.settle(target, Final.NOT_ATTEMPTED, "", reason)


@dataclass(frozen=True)
class Calling:
    """Everything one try needs. `halted` gives the reason once nothing new may be sent."""

    service: Service
    access: Writer
    journal: Journal
    clock: Clock
    resolve: Callable[[Reference], str]
    halted: Callable[[], str]

    def advance(self, task: Task) -> None:
        """Make one try for a task; afterwards its targets are settled or it is due again. Raises Halted when the run stops."""
        if reason := self.halted():
            raise Halted(reason)
        if task.began is None:
            task.began = self.clock.monotonic()
        if isinstance(task.step, Wait):
            self._poll(task, task.step)
        else:
            self._attempt(task, task.step)

    # Waits.

    def _poll(self, task: Task, wait: Wait) -> None:
        task.attempts += 1
        try:
            progress = self.service.check(_narrowed(wait, task.open), self.access)
        except CallFailed as failure:
            if denied(failure):
                task.settle_all(Final.FAILED, failure.code, f"whether it is so cannot be read: {failure.message}")
            self._put_off(task, task.open, failure.code, failure.message)
        else:
            for target in sorted(task.open & progress.reached):
                task.settle(target, Final.APPLIED)
            for target, why in sorted(progress.refused.items()):
                task.settle(target, Final.FAILED, "Refused", why)
            for target, why in sorted(progress.later.items()):
                task.settle(target, Final.NOT_ATTEMPTED, NEXT_PLAN, why)
            self._put_off(task, task.open, "DeadlinePassed", progress.seen)
        passed = self.clock.monotonic() - (task.began or 0.0)
        if task.open and passed >= wait.deadline:
            for target in sorted(task.open):
                code, message = task.last[target]
                task.settle(target, Final.FAILED, code, f"not so after {wait.deadline} s: {wait.waits_for} {message}".strip())
        pause = min(POLL * POLL_GROWTH ** (task.attempts - 1), LONGEST_POLL)
        left = max(wait.deadline - passed, 0.0)
        task.due = self.clock.monotonic() + min(pause * self._random(task).uniform(0.9, 1.1), left)

    # Actions.

    def _attempt(self, task: Task, planned: Action) -> None:
        if task.doubtful:
            self._confirm(task, planned)
        parameters = self._parameters(task, planned) if task.open - task.doubtful else None
        if parameters is not None:
            self._send(task, _narrowed(planned, task.open - task.doubtful), parameters)
        if not task.open:
            return
        passed = self.clock.monotonic() - (task.began or 0.0)
        if passed >= max(RETRY_SECONDS, task.patience) or (task.attempts >= ATTEMPTS and not task.patience):
            for target in sorted(task.open):
                code, message = task.last[target]
                task.settle(target, Final.FAILED, code, f"gave up after {task.attempts} attempts: {message}")
            return
        back_off = min(BACK_OFF * 2.0 ** min(task.attempts, 16), LONGEST_BACK_OFF)
        task.due = self.clock.monotonic() + self._random(task).uniform(0, back_off)

    def _parameters(self, task: Task, planned: Action) -> dict[str, object] | None:
        """The request for all targets that may be sent, every Reference resolved; None when there is nothing to send.

        A Reference of one target that cannot be resolved holds back that target only.
        """
        while sendable := task.open - task.doubtful:
            bad: dict[str, CallFailed] = {}

            request = _narrowed(planned, sendable).request(self._resolving(bad))
            if not bad:
                return request
            held_back = sendable & bad.keys() or sendable
            failure = next(iter(bad.values()))
            task.attempts += 1
            if held_back == sendable and all(self._passing(each) for each in bad.values()):
                self._put_off(task, held_back, failure.code, failure.message)
                return None
            for target in sorted(held_back):
                why = bad.get(target, failure)
                task.settle(target, Final.FAILED, why.code, f"not sent, a value it needs could not be read: {why.message}")
        return None

    def _resolving(self, bad: dict[str, CallFailed]) -> Callable[[Reference], str]:
        """Resolve References, collecting in `bad` (by the account they are about) those that cannot be."""

        def resolved(reference: Reference) -> str:
            try:
                return self.resolve(reference)
            except CallFailed as failure:
                bad[reference.account] = failure
                return ""

        return resolved

    def _passing(self, failure: CallFailed) -> bool:
        """Whether the service's own judgement would have an error of this kind tried again."""
        return failure.code in EXPIRED or failure.status in (0, 429) or failure.status >= 500

    def _send(self, task: Task, action: Action, parameters: dict[str, object]) -> None:
        """One attempt: intent, call, judgement, outcome."""
        invocation = ""
        attempt = task.attempts + 1

        def on_send(identity: str) -> None:
            nonlocal invocation
            if self.halted():
                raise Halted(self.halted())
            self.journal.intent(action, attempt, identity)
            invocation = identity

        answer: Answer | CallFailed
        try:
            answer = self.access.mutate(action.service, action.operation, action.account, action.region, parameters, on_send)
        except CallFailed as failure:
            answer = failure
        task.attempts = attempt
        outcomes: list[Outcome] = []
        try:
            outcomes = self._judged(action, answer, sent=bool(invocation))
        finally:
            if invocation:
                self._record(action, attempt, invocation, answer, outcomes)
        lost = isinstance(answer, CallFailed) and bool(invocation) and answer.sent and (not answer.status or answer.status >= 500)
        self._take(task, outcomes, lost=lost)
        asked = {outcome.account for outcome in outcomes if outcome.verdict is Verdict.CONFIRM} & task.doubtful
        if asked and not lost:
            self._confirm(task, action, still_in_doubt=True)

    def _judged(self, action: Action, answer: "Answer | CallFailed", *, sent: bool) -> list[Outcome]:
        """Exactly one outcome per target. What AWS cannot have received, or surely refused, or may have done is told here."""
        targets = action.targets or ("",)
        if isinstance(answer, CallFailed):
            if answer.code in EXPIRED:
                return [Outcome(target, Verdict.RETRY, answer.code, answer.message) for target in targets]
            if sent and answer.sent and not answer.status:
                return [Outcome(target, Verdict.CONFIRM, answer.code, answer.message) for target in targets]
        given = list(self.service.judge(action, answer if isinstance(answer, CallFailed) else answer.data))
        return list(_one_each(self.service.name, action, given))

    def _record(
        self, action: Action, attempt: int, invocation: str, answer: "Answer | CallFailed", outcomes: list[Outcome]
    ) -> None:
        if isinstance(answer, CallFailed):
            self.journal.outcome(
                action,
                attempt,
                invocation,
                outcomes,
                status=answer.status,
                code=answer.code,
                message=answer.message,
                request_id=answer.request_id,
            )
        else:
            self.journal.outcome(
                action, attempt, invocation, outcomes, status=answer.status, request_id=answer.request_id, date=answer.date
            )

    def _take(self, task: Task, outcomes: Iterable[Outcome], *, lost: bool) -> None:
        """Settle what is final; keep the rest open, remembering why, and whether an attempt of ours may have done it."""
        for outcome in outcomes:
            target = outcome.account
            if outcome.verdict is Verdict.APPLIED:
                task.settle(target, Final.APPLIED, outcome.code, outcome.message)
            elif outcome.verdict is Verdict.ALREADY_SO:
                self._found(task, target, outcome.code, outcome.message)
            elif outcome.verdict is Verdict.FAILED:
                task.settle(target, Final.FAILED, outcome.code, outcome.message)
            else:
                task.last[target] = (outcome.code, outcome.message)
                task.patience = max(task.patience, outcome.lasts)
                if outcome.verdict is Verdict.CONFIRM:
                    task.doubtful.add(target)
                    if lost or not outcome.code:
                        task.perhaps_ours.add(target)

    def _found(self, task: Task, target: str, code: str = "", message: str = "") -> None:
        """A target is as wanted without an answer that said "applied": ours where an earlier attempt may have done it."""
        task.settle(target, Final.APPLIED if target in task.perhaps_ours else Final.ALREADY_SO, code, message)

    def _confirm(self, task: Task, action: Action, *, still_in_doubt: bool = False) -> None:
        """Read the effect for the targets in doubt. Not so: to be sent again, after another look when `still_in_doubt`.

        Not readable: stays in doubt, and nothing is sent for it.
        """
        try:
            progress = self.service.check(_narrowed(action, task.doubtful), self.access)
        except CallFailed as failure:
            task.attempts += 1
            self._put_off(task, task.doubtful, failure.code, f"could not be confirmed: {failure.message}")
            return
        for target in sorted(task.doubtful):
            if target in progress.reached:
                self._found(task, target)
            elif target in progress.refused:
                task.settle(target, Final.FAILED, "Refused", progress.refused[target])
        if not still_in_doubt:
            task.doubtful.clear()

    def _put_off(self, task: Task, targets: Iterable[str], code: str, message: str) -> None:
        for target in targets:
            task.last[target] = (code, message)

    def _random(self, task: Task) -> random.Random:
        """Jitter that differs between steps and tries, and is the same in a repeated run."""
        return random.Random(f"{task.step.id}/{task.attempts}")  # noqa: S311 spreads calls in time, guards nothing


def _one_each(service: str, action: Action, given: list[Outcome]) -> Iterable[Outcome]:
    """Hold a judgement to one outcome per target; whatever is missing, double or foreign is a failure that names the service."""
    counted = Counter(outcome.account for outcome in given)
    targets = action.targets or ("",)
    foreign = sorted(counted.keys() - set(targets))
    by_target = {outcome.account: outcome for outcome in given}
    for target in targets:
        if counted[target] == 1 and not foreign:
            yield by_target[target]
        else:
            about = (
                f"names {', '.join(foreign)}, which was not sent" if foreign else f"gives {counted[target]} outcomes for one target"
            )
            text = f"{service} cannot tell how {action.operation} ended: its judgement {about}; observe again"
            yield Outcome(target, Verdict.FAILED, "Misjudged", text)


def _narrowed(step: S, targets: set[str]) -> S:
    """The step for fewer targets; itself when none is missing (its id then stays the planned one)."""
    return step if targets == set(step.targets or ("",)) else step.only(targets)


__all__ = ["Calling", "Halted", "Task", "Writer"]
