"""What run.json says, as a model: whoever reads it back relies on these keys and types, and on nothing else in it."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from runbook_lib.base.identity import SystemUser
from runbook_lib.base.own_files import LARGEST_WHOLE, MIB, Moment, Text, Whole

FORMAT = "runbook run 1"
MOST = 16 * MIB
LARGEST_PROCESS = 2**31 - 1
Mode = Literal["rehearsal", "live"]
Status = Literal["running", "done", "left-over", "failed", "stopped"]


class Part(BaseModel):
    """Base of every part. Further keys are kept: later versions say more."""

    model_config = ConfigDict(frozen=True, extra="allow")


def _short_numbers(results: "Results") -> "Results":
    """What goes into the statement that is sealed has to have one meaning there."""
    for name, value in (results.model_extra or {}).items():
        if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
            raise ValueError(f"{name} is a number that not every reader takes for the same")
    return results


class Results(Part):
    """What one phase counted; anything else that a notebook noted stands beside it."""

    state: Text = ""
    covered: Whole = 0
    gap: Whole = 0
    unknown: Whole = 0
    applied: Whole = 0


class PhaseRecord(Part):
    """How far one phase has come."""

    status: Status
    started: Moment
    finished: Moment | None
    results: Annotated[Results, AfterValidator(_short_numbers)]


class Git(Part):
    commit: Text
    dirty: Annotated[bool, Field(strict=True)]


class Versions(Part):
    """What exactly ran. Earlier versions of the library said less."""

    runbook: Text = ""
    git: Git | None = None
    files: Text | None = None
    dependencies: dict[Text, Text] = {}
    installed: dict[Text, Text] = {}


class RunRecord(Part):
    """The whole file."""

    format: Literal["runbook run 1"]
    run: Text
    mode: Mode
    organization: Text
    status: Status
    started: Moment
    finished: Moment | None
    exit_code: Whole | None
    resumes: Text | None
    error: Text | None
    command: list[Text]
    callers: dict[Text, Text]
    endpoints: dict[Text, dict[Text, list[Text]]] = {}
    """Service → host → Regions; empty in runs from before endpoints were recorded."""
    versions: Versions
    host: Text
    user: Annotated[SystemUser, BeforeValidator(SystemUser.read)] | None = None
    """None in runs from before users were recorded."""
    process: Annotated[Whole, Field(ge=1, le=LARGEST_PROCESS)]
    results: dict[Text, Any]
    phases: dict[Annotated[Text, Field(pattern=r"^[0-9a-z_]+$")], PhaseRecord]


RECORD = TypeAdapter(RunRecord)
