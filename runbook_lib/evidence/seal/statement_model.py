"""What statements about runs say, as models, as far as anybody reads them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from runbook_lib.base.own_files import Moment, Text, Whole
from runbook_lib.evidence.run.folder import NAME
from runbook_lib.evidence.seal.chain import HIGHEST

Digest = Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    """Base of every part; SLSA and in-toto write keys in camel case."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class _Sha256(_Part):
    sha256: Digest


class Subject(_Part):
    """A file of the run, by its name in the folder; or what else the statement is about."""

    name: Text
    digest: _Sha256


class Dependency(_Part):
    """What a run rests on: the entry before, approvals, the commit, packages."""

    name: Text | None = None
    digest: dict[Text, Text] = {}
    annotations: dict[Text, Any] = {}


class PhaseResult(_Part):
    """How one phase ended, with its counts and words."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int | str]

    status: Text | None = None
    state: Text = ""


class Result(_Part):
    """How a run ended."""

    status: Text = ""
    phases: dict[Text, PhaseResult] = {}
    calls_without_answer: Whole = 0
    journal: Text = ""


class Byproduct(_Part):
    """The result of a run, or a file that was kept out of it, with what was found in it."""

    name: Text
    digest: _Sha256 | None = None
    annotations: dict[Text, Any]


class _Outer(_Part):
    """What was asked. The rest of it is the kind's own."""

    mode: Literal["rehearsal", "live"]
    organization: Annotated[Text, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class _Inner(_Part):
    """Where in which chain."""

    chain: Text
    number: Annotated[Whole, Field(ge=1, le=HIGHEST)]
    folders: frozenset[Text]
    sealed: Moment
    signature: Text = ""


class _Definition(_Part):
    build_type: Text
    external_parameters: _Outer
    internal_parameters: _Inner
    resolved_dependencies: list[Dependency]


class _Builder(_Part):
    id: Text


class _Metadata(_Part):
    invocation_id: Annotated[Text, Field(pattern=f"^{NAME.pattern}$")]
    started_on: Moment
    finished_on: Moment | None = None


class _Details(_Part):
    builder: _Builder
    metadata: _Metadata
    byproducts: list[Byproduct]


class _Predicate(_Part):
    build_definition: _Definition
    run_details: _Details


class Statement(_Part):
    """The whole."""

    predicate_type: Literal["https://slsa.dev/provenance/v1"]
    subject: list[Subject]
    predicate: _Predicate


STATEMENT = TypeAdapter(Statement)
RESULT = TypeAdapter(Result)
WITHHELD = TypeAdapter(tuple[Text, ...])
