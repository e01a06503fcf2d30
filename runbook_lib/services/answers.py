"""What AWS's answers mean where all services agree: errors of mutating calls as verdicts, errors of reads as Unknown.

Sources: the table of AWS error classes that the runbook's services share; a service adds its own texts first and falls back on
this. No class leads to a call, or drops a Region or account, that the approved plan does not hold.
"""

from collections.abc import Collection, Mapping
from typing import Any

from runbook_lib.aws.errors import CONCURRENT, DENIED, EXPIRED, REFUSED_FOR_NOW, SERVER, THROTTLED, UNREACHABLE, CallFailed
from runbook_lib.plan import Action
from runbook_lib.plan.outcome import Outcome, Verdict


def outcomes(action: Action, verdict: Verdict, code: str = "", message: str = "", lasts: float = 0.0) -> list[Outcome]:
    """The same verdict for every target of the action, or for "" where it has none."""
    return [Outcome(target, verdict, code, message, lasts) for target in action.targets or ("",)]


def verdict_of(error: CallFailed) -> Verdict:
    """The common meaning of a failed call.

    A refusal that AWS made before acting (throttle, concurrent change, expired credentials) is sent again. Where the call may
    have been applied although no good answer came (server error, connection lost after sending) the effect is read first.
    Everything else, access denied above all, is a failure.
    """
    if error.code in THROTTLED | CONCURRENT | EXPIRED | REFUSED_FOR_NOW or error.status in (429, 503):
        return Verdict.RETRY
    if error.code in SERVER or error.status >= 500:
        return Verdict.CONFIRM
    if error.code in UNREACHABLE:
        return Verdict.CONFIRM if error.sent else Verdict.RETRY
    return Verdict.CONFIRM if error.sent and not error.status and error.code not in DENIED else Verdict.FAILED


def judge_error(action: Action, error: CallFailed, *, retry: Collection[str] = (), confirm: Collection[str] = ()) -> list[Outcome]:
    """One outcome per target for a failed call; `retry` and `confirm` name the operation's own codes, looked at first."""
    verdict = Verdict.RETRY if error.code in retry else Verdict.CONFIRM if error.code in confirm else verdict_of(error)
    return outcomes(action, verdict, error.code, error.message)


def judge_unprocessed(action: Action, unprocessed: Mapping[str, Outcome]) -> list[Outcome]:
    """One outcome per target of an answer with status 200: applied, but for the accounts that AWS handed back."""
    return [unprocessed.get(target) or Outcome(target, Verdict.APPLIED) for target in action.targets]


def text(value: Any) -> str:
    """A value of AWS's JSON as text; missing is empty."""
    return "" if value is None else str(value)
