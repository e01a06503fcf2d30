"""The lines of a journal, as models: what whoever reads one back relies on."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, TypeAdapter

from runbook_lib.base.own_files import Moment, Text, Whole

_DIGEST = r"^[0-9a-f]{64}$"


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seq: Annotated[Whole, Field(ge=1)]
    previous: Annotated[Text, Field(pattern=_DIGEST)]
    time: Moment
    run: Text


class _About(_Line):
    """Which attempt of which call: id of the Action, its unit key, number of the attempt (from 1), botocore's invocation id."""

    action: Text
    unit: Text
    attempt: Annotated[Whole, Field(ge=1)]
    invocation: Text


class Intent(_About):
    """One attempt that was about to be sent. `target_accounts`: the accounts it was about, none for a call without targets."""

    kind: Literal["intent"]
    service: Text
    operation: Text
    account: Text
    region: Text
    targets: Whole
    target_accounts: list[Text]


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account: Text
    verdict: Literal["applied", "already so", "failed", "retry", "confirm"]
    code: Text
    message: Text


class Answered(_About):
    """What AWS answered to an attempt. `status` 0: no answer came."""

    kind: Literal["outcome"]
    status: Whole
    code: Text
    message: Text
    request_id: Text
    date: Text
    outcomes: list[_Verdict]


class Note(_Line):
    """Something else that a reader of the run must know."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["note"]
    text: Text


def _short_facts(note: Note) -> Note:
    if any(not isinstance(fact, str | int) for fact in (note.model_extra or {}).values()):
        raise ValueError("a note holds texts and whole numbers only")
    return note


Line = Annotated[Intent | Answered | Annotated[Note, AfterValidator(_short_facts)], Discriminator("kind")]
LINE: TypeAdapter[Any] = TypeAdapter(Line)
