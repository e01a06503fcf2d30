"""The AWS services of the runbook: the protocol that each follows and what they see of the rest.

A service module knows one AWS service and nothing of the others. Everything but `observe`, `check` and `resolve` is pure.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, Loss, NoChange, Reference, Scope, Step
from runbook_lib.plan.cost import Charge, Trials
from runbook_lib.plan.outcome import Outcome, Progress
from runbook_lib.services.inventory import Writer
from runbook_lib.services.remarks import Remark
from runbook_lib.services.view import View
from runbook_lib.settings import Settings


class Service(Protocol):
    """One AWS service, as the runbook sees it."""

    @property
    def name(self) -> str:
        """The boto3 client name."""

    @property
    def title(self) -> str:
        """AWS's name."""

    @property
    def phase(self) -> str:
        """Its notebook."""

    @property
    def principals(self) -> tuple[str, ...]:
        """Service principals that need trusted access."""

    @property
    def reads(self) -> frozenset[str]:
        """Operation names in AWS's spelling as "service:Operation"; anything else is refused.

        A service may need another one's operation, for example organizations:RegisterDelegatedAdministrator or iam:GetRole.
        """

    @property
    def mutations(self) -> frozenset[str]:
        """The same of the calls that it plans."""

    @property
    def not_estimated(self) -> tuple[str, ...]:
        """What its plans may cost besides, which nobody can tell beforehand, as sentences."""

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        """Whom it is asked about there. Pure."""

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        """Hold what settings and scope name, and only AWS knows, against AWS: misspelt names above all. Reads only, and few."""

    def observe(self, view: View, reader: Reader) -> Any:
        """Read everything `assess` needs. Reads only."""

    def assess(self, state: Any, view: View) -> Cells:
        """Compare state with settings. Pure."""

    def plan(self, cells: Cells, state: Any, view: View) -> Sequence[Step | NoChange | Blocker]:
        """Turn gaps into steps; everything else into a NoChange or a Blocker. Pure."""

    def charges(self, actions: Sequence[Action], cells: Cells, state: Any, view: View) -> Sequence[Charge]:
        """The paid features that these calls switch on, and in which accounts; at most, where it cannot be told. Pure."""

    def trials(self, charged: Sequence[Charge], state: Any, view: View, reader: Reader, now: dt.datetime) -> Trials:
        """What AWS says of trials, in a few reads, of the charged accounts. Never fails: what is not read is not confirmed."""

    def foundation(self, view: View, reader: Reader) -> Any:
        """Read the part of the state that `missing` looks at, and no more. Reads only."""

    def missing(self, state: Any, view: View) -> Sequence[str]:
        """What later phases need of this one and is not there, as sentences; empty when they may be applied. Pure."""

    def resources(self, state: Any, view: View, reader: Reader) -> Cells:
        """What AWS says of the live resources behind the switches, in one or two reads per Region: no part of any sum."""

    def inventory(self, state: Any, writer: Writer) -> dict[str, Any]:
        """The state as an inventory writes it, so that a simulated organization can be made from it. Pure."""

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> Iterable[Outcome]:
        """What an answer means: exactly one Outcome per target (or one for ""). Pure."""

    def check(self, step: Step, reader: Reader) -> Progress:
        """Read how far a Wait's condition, or an Action's effect, has come. `CallFailed` means it could not be read."""

    def resolve(self, reference: Reference, reader: Reader) -> str:
        """The value of a Reference of this service's kind ("guardduty:detector" belongs to guardduty)."""


class Procedure(Service, Protocol):
    """What does the work of a procedure's notebook: a service whose plans are about something, and may take something away."""

    @property
    def about(self) -> str:
        """What its plans are about, in the words that are recorded: the service, and which level."""

    @property
    def member_role(self) -> str:
        """The role by which its calls enter member accounts; "" for the one that settings name."""

    def losses(self, cells: Cells, state: Any) -> tuple[Loss, ...]:
        """What the calls for these cells take away. Pure."""
