"""Prerequisites: who and where we are, nobody else delegated, Regions, roles, AWS Config; the plan turns on trusted access."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cells, Gap, Status
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, BackOut, Blocker, NoChange, Reference, Scope, Step
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_error, outcomes
from runbook_lib.services.not_enabling import NotEnabling
from runbook_lib.services.obstacles import told
from runbook_lib.services.organizations import assess as assessing
from runbook_lib.services.organizations import observe as observing
from runbook_lib.services.organizations import preflight as checking
from runbook_lib.services.remarks import Remark
from runbook_lib.services.view import View, view_of
from runbook_lib.settings import Settings

STAGE, LANE = "management", "designation"


class Prerequisites(NotEnabling):
    """The first phase, as a service: it knows Organizations and reads a little of everything else."""

    name = "organizations"
    title = "Prerequisites"
    phase = "00_prerequisites"
    principals: tuple[str, ...] = ()
    reads = observing.READS | checking.READS | {"organizations:ListAWSServiceAccessForOrganization"}
    mutations = frozenset({"organizations:EnableAWSServiceAccess"})

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        return view_of(organization, settings, self.name, scope)

    def observe(self, view: View, reader: Reader) -> observing.State:
        return observing.observe(view, reader)

    def assess(self, state: observing.State, view: View) -> Cells:
        return assessing.assess(state, view.organization, view.settings)

    def plan(self, cells: Cells, state: Any, view: View) -> Sequence[Step | NoChange | Blocker]:
        """Turn on trusted access where it is off, one principal after the other; every other gap is a Blocker."""
        region = observing.first_region(view.settings)
        made: list[Step | NoChange | Blocker] = []
        for cell in cells:
            place = (cell.service, cell.region, f"{cell.aspect} {cell.item}".strip(), cell.accounts)
            if cell.status is Status.GAP and cell.gap is Gap.TO_DO:
                made.append(_trusted_access(cell.item, view.management, region))
            elif cell.item == assessing.MEMBERS:
                made.append(NoChange(*place, reason=told(cell)))
            elif cell.status in (Status.GAP, Status.UNKNOWN):
                made.append(Blocker(*place, reason=cell.reason, next_step=cell.next_step, who=cell.who))
            else:
                made.append(NoChange(*place, reason=cell.reason))
        return made

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        return checking.preflight(organization, settings, scope, reader)

    def missing(self, state: Any, view: View) -> Sequence[str]:
        off = [cell for cell in assessing.trusted_access(view.organization, view.settings) if cell.status is not Status.COVERED]
        return [f"trusted access for {cell.item} is not known to be on ({cell.reason})" for cell in off]

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> Iterable[Outcome]:
        """EnableAWSServiceAccess has no answer to read and may be repeated (Organizations API reference)."""
        return judge_error(action, answer) if isinstance(answer, CallFailed) else outcomes(action, Verdict.APPLIED)

    def check(self, step: Step, reader: Reader) -> Progress:
        assert isinstance(step, Action)
        pages = reader.pages("organizations", "ListAWSServiceAccessForOrganization", step.account, step.region)
        on = {each["ServicePrincipal"] for page in pages for each in page.get("EnabledServicePrincipals", ())}
        there = step.parameters["ServicePrincipal"] in on
        return Progress(frozenset({""} if there else ()), {}, "on" if there else "off")

    def resolve(self, reference: Reference, reader: Reader) -> str:
        raise KeyError(reference.kind)


def _trusted_access(principal: str, management: str, region: str) -> Action:
    parameters = {"ServicePrincipal": principal}
    return Action(
        service="organizations",
        operation="EnableAWSServiceAccess",
        account=management,
        region=region,
        parameters=parameters,
        reason="the service must be trusted before an account can be its delegated administrator",
        affects=frozenset({management}),
        before="trusted access off",
        becomes="trusted access on",
        back_out=BackOut("turns trusted access off again", "DisableAWSServiceAccess", parameters),
        stage=STAGE,
        lane=LANE,
        inside_accounts="the service may create its service-linked role in every account of the organization",
    )


SERVICE = Prerequisites()
