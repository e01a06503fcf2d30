"""Amazon GuardDuty: administrator, detectors, members, protection plans, publishing frequency, export."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Reference, Step
from runbook_lib.scope import Population
from runbook_lib.services import CallFailed, Outcome, Progress, Reader
from runbook_lib.services.guardduty import assess, check, judge, observe, plan
from runbook_lib.services.guardduty.state import State
from runbook_lib.services.guardduty.wanted import MALWARE
from runbook_lib.settings import Settings


class GuardDuty:
    """The Service protocol for GuardDuty; each method is one module."""

    name = observe.SERVICE
    title = observe.DESIGNATION.title
    phase = "20_guardduty"
    principals: tuple[str, ...] = (observe.DESIGNATION.principal, MALWARE)
    reads = observe.DESIGNATION.reads | {
        "guardduty:DescribeOrganizationConfiguration",
        "guardduty:DescribePublishingDestination",
        "guardduty:GetDetector",
        "guardduty:GetMemberDetectors",
        "guardduty:ListDetectors",
        "guardduty:ListMembers",
        "guardduty:ListPublishingDestinations",
    }
    mutations = observe.DESIGNATION.mutations | {
        "guardduty:CreateDetector",
        "guardduty:CreateMembers",
        "guardduty:CreatePublishingDestination",
        "guardduty:StartMonitoringMembers",
        "guardduty:UpdateDetector",
        "guardduty:UpdateMemberDetectors",
        "guardduty:UpdateOrganizationConfiguration",
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
        return check.resolve(reference, reader)


SERVICE = GuardDuty()
