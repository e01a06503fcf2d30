"""The decision about a plan, without widgets: given as an approval file, or by a person who answers a question once."""

import datetime as dt
import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.base.documents import DocumentError
from runbook_lib.base.documents.files import decoded, read_bytes
from runbook_lib.base.files import write_text
from runbook_lib.base.privacy import findings, masked
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, ApprovalRefused, read_approval


@dataclass(frozen=True)
class Decision:
    """An approval, the plan it was given for, and the files they came from."""

    approval: Approval
    approved: Plan
    approval_file: Path
    plan_file: Path


def given(path: Path) -> Decision:
    """Read an approval and the plan it names. Raises ApprovalRefused when either cannot be read or is not what it says."""
    approval = read_approval(path)
    beside = path.parent / approval.plan
    _refuse_what_evidence_may_not_hold(path, approval)
    try:
        data = read_bytes(beside, plan_file.LARGEST)
        plan = plan_file.loads(decoded(data, str(beside)), str(beside))
    except (DocumentError, plan_file.PlanFileError) as error:
        raise ApprovalRefused([f"the plan that the approval names: {error}"]) from None
    if not approval.names(hashlib.sha256(data).hexdigest()):
        raise ApprovalRefused(
            [f"{beside}: is not the file that was approved; put that file back, or plan again and have it approved"]
        )
    return Decision(approval, plan, path, beside)


def _refuse_what_evidence_may_not_hold(path: Path, approval: Approval) -> None:
    """It is kept with the run as it is, since it may be signed: with a secret in it, it would be withheld, and prove nothing."""
    said = {"approver": approval.approver, "ticket": approval.ticket, "reason": approval.reason, "emergency": approval.emergency}
    if unfit := [name for name, text in said.items() if findings(text)]:
        text = "holds an e-mail address or a secret, which evidence may not; have the plan approved again without it"
        raise ApprovalRefused(f"{path}: {name}: {text}" for name in unfit)


@dataclass(frozen=True)
class Question:
    """What a person is asked. With a `phrase`, saying yes takes typing it; `needs_ticket` is for calls that reach AWS."""

    title: str
    mode: str
    facts: Mapping[str, object]
    calls: int = 0
    """How many calls a yes is to."""
    phrase: str = ""
    losses: tuple[str, ...] = ()
    """What is lost, each to be typed by its own words."""
    needs_ticket: bool = False
    ticket: str = ""
    """What the ticket field begins with."""
    not_yet: str = ""
    """Why the answer cannot be yes now; "" when it can."""


@dataclass(frozen=True)
class Answer:
    """Yes or no, why, under which ticket, and when."""

    approved: bool
    ticket: str
    reason: str
    at: dt.datetime
    loses: tuple[str, ...] = ()
    """What was typed of what is lost."""


@dataclass
class Ballot:
    """The one answer to one question. The first that is good counts, from whichever thread it comes; a closed ballot takes none."""

    question: Question
    answer: Answer | None = None
    closed: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def cast(self, *, approved: bool, ticket: str, reason: str, typed: str, now: dt.datetime, lost: Sequence[str] = ()) -> str:
        """Take an answer; says why it was not taken, "" when it was. `lost`: what was typed of what is lost."""
        ticket, reason = masked(ticket.strip()), masked(reason.strip())
        loses = tuple(" ".join(each.split()) for each in lost)
        with self._lock:
            if self.closed or self.answer is not None:
                return self.closed or "This has been decided already."
            if problem := self._problem(approved=approved, ticket=ticket, reason=reason, typed=typed.strip()):
                return problem
            missing = [each for each in self.question.losses if each not in loses] if approved else []
            if missing:
                return f"Not taken: to approve, type what is lost: {missing[0]}"
            self.answer = Answer(approved, ticket, reason, now, self.question.losses if approved else ())
        return ""

    def close(self, why: str) -> None:
        """Take no answer any more."""
        with self._lock:
            self.closed = self.closed or why

    def _problem(self, *, approved: bool, ticket: str, reason: str, typed: str) -> str:
        asked = self.question
        if not approved:
            return "" if reason else "Not taken: rejecting needs a reason."
        if asked.not_yet:
            return f"Not taken: {asked.not_yet}"
        if asked.phrase and typed != asked.phrase:
            return f"Not taken, {typed or 'nothing'} was typed: to approve, type exactly {asked.phrase}"
        return "Not taken: approving needs a ticket." if asked.needs_ticket and not ticket else ""


@dataclass(frozen=True)
class Rejection:
    """Who said no to which plan, and why."""

    phase: str
    fingerprint: str
    mode: str
    organization: str
    rejected_by: str
    ticket: str
    reason: str
    at: str

    def write(self, path: Path) -> None:
        write_text(path, json.dumps(self.__dict__, indent=2, sort_keys=True) + "\n")
