"""What only a live account can settle: questions as data, those that a read answers asked, the others listed.

An answer is kept as what it shows and nothing else: answered or refused with which code, a member there or not. So it names nobody,
and is compared with what the simulation does, which a test holds to the same words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from runbook_lib import services
from runbook_lib.aws.denials import denial
from runbook_lib.aws.endpoints import sts_region
from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.documents.yaml_text import Form, read_yaml
from runbook_lib.base.errors import RunbookError
from runbook_lib.settings import Settings

FILE = Path(__file__).with_name("questions.yaml")
SERVICES = Path(services.__file__).parent
"""Each service's questions lie in its folder, in a file of the same name."""
LARGEST = 100_000
ANSWERED, THERE, NOT_THERE = "answered", "there", "not there"
BY: Mapping[str, str] = {
    "change": "changes have to be made, in an organization that can be thrown away",
    "time": "changes have to be made, in an organization that can be thrown away, and days to pass",
    "elsewhere": "in another partition, or from an account of another kind",
    "sight": "somebody has to look, at the console or in CloudTrail",
}
"""How a question is settled that no read answers."""


DELEGATIONS = "organizations", "ListDelegatedServicesForAccount"
"""What says, to the management account, whether the delegated account administers anything."""


class Verdict(StrEnum):
    """What became of a question; unknown and open are never settled."""

    AS_ASSUMED = "as assumed"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    OPEN = "open"


@dataclass(frozen=True)
class Read:
    """The read that answers a question, made in one Region."""

    door: str
    service: str
    operation: str
    parameters: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True)
class Question:
    """One thing that is taken for granted. Without a read it says who or what settles it (`by`)."""

    id: str
    asks: str
    read: Read | None = None
    looks_at: tuple[str, ...] = ()
    assumed: str = ""
    where: str = ""
    by: str = ""


@dataclass(frozen=True)
class Answer:
    """What was seen of a question; `reason` says why it was not."""

    question: Question
    verdict: Verdict
    seen: str = ""
    reason: str = ""


def questions() -> tuple[Question, ...]:
    """All questions, those of no single service first."""
    files = [FILE, *sorted(SERVICES.glob(f"*/{FILE.name}"))]
    found = [read_yaml(file, Form(start=""), LARGEST).values["questions"] for file in files]
    return tuple(_question(name, each) for values in found for name, each in values.items())


def _question(name: str, said: Mapping[str, Any]) -> Question:
    asked = said.get("read")
    read = None
    if asked:
        service, operation = asked["operation"].split(":")
        read = Read(asked["door"], service, operation, asked.get("parameters", {}))
    looks_at, further = tuple(said.get("looks at", ())), {key: said.get(key, "") for key in ("assumed", "where", "by")}
    return Question(name, said["asks"], read, looks_at, **further)


def reads() -> frozenset[str]:
    """Every operation that asking may use."""
    return frozenset(each.read.name for each in questions() if each.read) | {":".join(DELEGATIONS)}


def ask(settings: Settings, access: Reader) -> Iterator[Answer]:
    """Ask every question that a read answers, one after the other. The others are open."""
    no_premise = _no_premise(settings, access)
    for each in questions():
        if each.read is None:
            yield Answer(each, Verdict.OPEN, reason=BY[each.by])
        elif each.where and no_premise:
            yield Answer(each, Verdict.UNKNOWN, reason=no_premise)
        else:
            yield _asked(each, each.read, settings, access)


def _no_premise(settings: Settings, access: Reader) -> str:
    """Why the delegated account may be no administrator of anything yet; "" where it is one."""
    told = settings.organization
    try:
        found = access.read(*DELEGATIONS, told.management_account, sts_region(settings), AccountId=told.delegated_account)
    except RunbookError as error:
        return f"whether the delegated account administers a service could not be read: {error}"
    return "" if found["DelegatedServices"] else "the delegated account administers no service yet; ask again after the first run"


def _asked(question: Question, read: Read, settings: Settings, access: Reader) -> Answer:
    told = settings.organization
    account = told.management_account if read.door == "management" else told.delegated_account
    parameters = {name: told.delegated_account if value == "$delegated" else value for name, value in read.parameters.items()}
    try:
        seen = _seen(access.read(read.service, read.operation, account, sts_region(settings), **parameters), question.looks_at)
    except CallFailed as failure:
        # A policy of ours, a shut door or a network that fails says nothing about AWS.
        if not failure.status or denial(failure.message) or (failure.service, failure.operation) != (read.service, read.operation):
            return Answer(question, Verdict.UNKNOWN, reason=f"{failure}")
        seen = f"refused {failure.code}"
    except RunbookError as error:
        return Answer(question, Verdict.UNKNOWN, reason=f"{error}")
    if not seen:
        return Answer(question, Verdict.UNKNOWN, reason=f"{read.name} answered with nothing to look at")
    return Answer(question, Verdict.AS_ASSUMED if seen == question.assumed else Verdict.DIFFERS, seen)


def _seen(answer: Any, keys: tuple[str, ...]) -> str:
    """What an answer shows; "" where a list that is looked into is empty."""
    for key in keys:
        if isinstance(answer, list):
            if not answer:
                return ""
            answer = answer[0]
        if key not in answer:
            return NOT_THERE
        answer = answer[key]
    return THERE if keys else ANSWERED
