"""What is kept of the answers: no account, no name, nothing of an answer but what it shows, so that it can be given to others."""

import datetime as dt
import json
from collections.abc import Sequence

from runbook_lib import __version__
from runbook_lib.aws.endpoints import sts_region
from runbook_lib.inventory.checklist import Answer, Verdict
from runbook_lib.settings import Settings

VERSION = 1


def counted(answers: Sequence[Answer]) -> dict[str, int]:
    """How many questions have come to each verdict."""
    return {each.value: sum(answer.verdict is each for answer in answers) for each in Verdict}


def settled(answers: Sequence[Answer]) -> bool:
    """Whether everything is as assumed, and nothing is open."""
    return all(each.verdict is Verdict.AS_ASSUMED for each in answers)


def text_of(settings: Settings, when: dt.datetime, answers: Sequence[Answer]) -> str:
    """The record as JSON. The same command writes the same keys, so two records are compared line by line."""
    found = {
        "version": VERSION,
        "runbook": __version__,
        "mode": settings.mode,
        "organization": settings.organization.id,
        "region": sts_region(settings),
        "asked": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "answers": [_kept(each) for each in answers],
    }
    return json.dumps(found, indent=2) + "\n"


def _kept(answer: Answer) -> dict[str, str]:
    question = answer.question
    read = {"read": question.read.name, "door": question.read.door} if question.read else {"by": question.by}
    return {
        "id": question.id,
        "asks": question.asks,
        **read,
        "assumed": question.assumed,
        "seen": answer.seen,
        "verdict": answer.verdict,
    }
