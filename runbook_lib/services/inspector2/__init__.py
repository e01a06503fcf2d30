"""Amazon Inspector: administrator, members, scan types, auto-enable, EC2 scan mode, ECR re-scan duration."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Reference, Step
from runbook_lib.scope import Population
from runbook_lib.services import CallFailed, Outcome, Progress, Reader
from runbook_lib.services.inspector2 import assess, check, judge, observe, plan
from runbook_lib.services.inspector2.state import State
from runbook_lib.settings import Settings


class Inspector:
    """The Service protocol for Inspector; each method is one module."""

    name = observe.SERVICE
    title = observe.DESIGNATION.title
    phase = "30_inspector"
    principals: tuple[str, ...] = (observe.DESIGNATION.principal,)
    reads = observe.DESIGNATION.reads | {
        "inspector2:BatchGetAccountStatus",
        "inspector2:DescribeOrganizationConfiguration",
        "inspector2:GetConfiguration",
        "inspector2:ListMembers",
    }
    mutations = observe.DESIGNATION.mutations | {
        "inspector2:AssociateMember",
        "inspector2:Enable",
        "inspector2:UpdateConfiguration",
        "inspector2:UpdateOrganizationConfiguration",
    }

    def observe(self, organization: Organization, settings: Settings, population: Population, reader: Reader) -> State:
        return observe.observe(organization, population, reader)

    def assess(self, state: State, organization: Organization, settings: Settings, population: Population) -> Cells:
        return assess.assess(state, organization, settings, population)

    def plan(
        self, cells: Cells, state: State, organization: Organization, settings: Settings, population: Population
    ) -> Sequence[Step | NoChange | Blocker]:
        return plan.plan(cells, state, settings, population)

    def missing(self, state: State, organization: Organization, settings: Settings, population: Population) -> Sequence[str]:
        return assess.missing(state, settings, population)

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> Iterable[Outcome]:
        return judge.judge(action, answer)

    def check(self, step: Step, reader: Reader) -> Progress:
        return check.check(step, reader)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        """Inspector's calls need no identifier that AWS assigns."""
        raise ValueError(f"{self.name} knows no reference of kind {reference.kind!r}")


SERVICE = Inspector()
