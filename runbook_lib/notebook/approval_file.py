"""The approval that other people write while the operator waits: noticed, and held to all that `--approval` is held to.

Other people approve the plan of the phase as a whole, with `runbook approve`, in a shell of their own. That command writes one
file; each signature changes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.evidence.people import four_eyes
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.plan import Plan
from runbook_lib.plan.approval import Approval, ApprovalRefused
from runbook_lib.plan.decision import Decision, given
from runbook_lib.runbook import Runbook

AGAIN = 5.0
"""Seconds after which an unchanged approval is held against the clock and the other runs again."""


@dataclass(frozen=True)
class ApprovalState:
    """How far the approval is, in words; who has signed; and the decision, once it is good."""

    words: str
    signed: tuple[str, ...] = ()
    decision: Decision | None = None


class ApprovalFile:
    """The approval file of one plan, judged again whenever it changes. Raises ApprovalRefused when no policy can be read."""

    def __init__(self, path: Path, plan: Plan, runbook: Runbook, run: RunFolder, callers: Iterable[str]) -> None:
        self.path, self.plan, self.runbook, self.run = path, plan, runbook, run
        self._trust, self._runner = four_eyes.parties(runbook.settings, run.path.parent, callers)
        self.needed = self._trust.needed(runbook.settings.mode)
        self._seen: tuple[int, ...] = ()
        self._judged = 0.0
        self.state = self._waiting()

    def people(self) -> list[str]:
        """Who may approve this, by name."""
        return four_eyes.may_approve(self._trust, self.plan.mode, self._runner, self.runbook.clock.now())

    def look(self) -> ApprovalState:
        """How far it is now; the file is read again only when it has changed, or after a while."""
        now, there = self.runbook.clock.monotonic(), _identity(self.path)
        if there != self._seen or (there and now - self._judged >= AGAIN):
            self._seen, self._judged = there, now
            self.state = self._judge()
        return self.state

    def problem(self) -> str:
        """Why the operator cannot confirm at this moment, judged anew; "" when nothing speaks against it."""
        self.state = self._judge()
        return "" if self.state.decision is not None else f"Not taken. {self.state.words}"

    def _judge(self) -> ApprovalState:
        if not self.path.exists():
            return self._waiting()
        try:
            decision = given(self.path)
        except ApprovalRefused as refused:
            return _refused(refused.reasons)
        approval, found = decision.approval, list[str]()
        if approval.fingerprint != self.plan.fingerprint:
            found.append("it was given for another plan than the one shown here")
        try:
            self.runbook.refuse(approval, decision.approved)
        except ApprovalRefused as refused:
            found += refused.reasons
        signed = tuple(sorted(four_eyes.signers(approval, self._trust, self._runner, self.runbook.clock.now())[1].values()))
        people = four_eyes.reasons(approval, self._trust, self._runner, self.run)
        if not found and len(people) == 1 and 0 < len(signed) < self.needed:
            return self._waiting(signed)  # nothing but the number of signatures speaks against it
        if found or people:
            return _refused([*found, *people], signed)
        return ApprovalState(_approved(approval, signed), signed, decision)

    def _waiting(self, signed: tuple[str, ...] = ()) -> ApprovalState:
        who = f" ({', '.join(signed)})" if signed else ""
        return ApprovalState(f"Waiting: {len(signed)} of {self.needed} have approved{who}.", signed)


def _refused(reasons: Iterable[str], signed: tuple[str, ...] = ()) -> ApprovalState:
    return ApprovalState(f"An approval is there that cannot be used: {'; '.join(reasons)}. Waiting for a good one.", signed)


def _approved(approval: Approval, signed: tuple[str, ...]) -> str:
    people = ", ".join(signed) or approval.approver
    until = f"{approval.not_after:%Y-%m-%d %H:%M} UTC"
    return f"Approved by {people}, ticket {approval.ticket}, valid until {until}. Press Confirm to begin."


def _identity(path: Path) -> tuple[int, ...]:
    """What changes when a file is written anew; empty when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
