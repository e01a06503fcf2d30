"""The AWS services of the runbook: the protocol that each follows and what they see of the rest.

A service module knows one AWS service and nothing of the others. Everything but `observe`, `check` and `resolve` is pure.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Reference, Scope, Step, Wait
from runbook_lib.plan.cost import Charge, Trials
from runbook_lib.preflight import Remark
from runbook_lib.scope import Population
from runbook_lib.settings import Settings

T = TypeVar("T")


class CallFailed(Exception):
    """An AWS call that did not succeed: AWS's own error code and message, or a code of ours for what never reached AWS.

    `sent` is False when it is certain that AWS did not receive the call. `request_id` and `status` are AWS's where it answered.
    """

    def __init__(
        self, code: str, message: str, *, service: str, operation: str, account: str, region: str,
        status: int = 0, request_id: str = "", sent: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(f"{service}:{operation} as {account} in {region}: {code}: {message}")
        self.code, self.message = code, message
        self.service, self.operation, self.account, self.region = service, operation, account, region
        self.status, self.request_id, self.sent = status, request_id, sent


class Reader(Protocol):
    """What a service may use of AWS: reads only. `account` is always an account id; errors are `CallFailed`."""

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        """Make one reading call; refuses an operation that the service does not list under `reads`."""

    def pages(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page of a paged read, to the last; a token that comes twice is an error, an empty page is not the end."""

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        """Run reading jobs side by side (bounded by settings' concurrency); results in the order given."""

    def reaches(self, account: str) -> bool:
        """Whether settings name a door into this account (management, delegated, or a member role)."""


class Verdict(StrEnum):
    """What one answer means for one account.

    RETRY: AWS refused for a passing reason, send the same again later. CONFIRM: the answer does not say; read (`check` of the
    action's effect) and, if it is not so, send again. The other three are final.
    """

    APPLIED = "applied"
    ALREADY_SO = "already so"
    FAILED = "failed"
    RETRY = "retry"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict for one target account ("" for a call without targets), with AWS's code and words."""

    account: str
    verdict: Verdict
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a Wait, or an Action's effect, has come: target accounts that are there, those refused for good, and what is seen.

    Targets in neither set are still pending. A condition without targets uses "" as its target.
    """

    reached: frozenset[str]
    refused: Mapping[str, str]
    """account → why it will never get there."""
    seen: str = ""


class Service(Protocol):
    """One AWS service, as the runbook sees it."""

    name: str
    """The boto3 client name."""
    title: str
    """AWS's name."""
    phase: str
    principals: tuple[str, ...]
    """Service principals that need trusted access."""
    reads: frozenset[str]
    mutations: frozenset[str]
    """Operation names in AWS's spelling as "service:Operation" (a service may need another one's operation, for example
    organizations:RegisterDelegatedAdministrator or iam:GetRole); anything else is refused."""
    not_estimated: tuple[str, ...]
    """What its plans may cost besides, which nobody can tell beforehand, as sentences."""

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        """Hold what settings and scope name, and only AWS knows, against AWS: misspelt names above all. Reads only, and few."""

    def observe(self, organization: Organization, settings: Settings, population: Population, reader: Reader) -> Any:
        """Read everything `assess` needs. Reads only."""

    def assess(self, state: Any, organization: Organization, settings: Settings, population: Population) -> Cells:
        """Compare state with settings. Pure."""

    def plan(
        self, cells: Cells, state: Any, organization: Organization, settings: Settings, population: Population
    ) -> Sequence[Step | NoChange | Blocker]:
        """Turn gaps into steps; everything else into a NoChange or a Blocker. Pure."""

    def charges(self, actions: Sequence[Action], cells: Cells, state: Any, settings: Settings) -> Sequence[Charge]:
        """The paid features that these calls switch on, and in which accounts; at most, where it cannot be told. Pure."""

    def trials(self, charged: Sequence[Charge], state: Any, delegated: str, reader: Reader, now: dt.datetime) -> Trials:
        """What AWS says of trials, in a few reads, of the charged accounts. Never fails: what is not read is not confirmed."""

    def foundation(self, organization: Organization, settings: Settings, population: Population, reader: Reader) -> Any:
        """Read the part of the state that `missing` looks at, and no more. Reads only."""

    def missing(self, state: Any, organization: Organization, settings: Settings, population: Population) -> Sequence[str]:
        """What later phases need of this one and is not there, as sentences; empty when they may be applied. Pure."""

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> Iterable[Outcome]:
        """What an answer means: exactly one Outcome per target (or one for ""). Pure."""

    def check(self, step: Step, reader: Reader) -> Progress:
        """Read how far a Wait's condition, or an Action's effect, has come. `CallFailed` means it could not be read."""

    def resolve(self, reference: Reference, reader: Reader) -> str:
        """The value of a Reference of this service's kind ("guardduty:detector" belongs to guardduty)."""


__all__ = ["CallFailed", "Outcome", "Progress", "Reader", "Service", "Verdict", "Wait"]
