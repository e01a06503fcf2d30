"""Security Hub across an organization: delegated administrator, hubs, members, standards and finding aggregation.

"Security Hub" is Security Hub CSPM, the DescribeHub family of operations; the newer …V2 family is another service.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runbook_lib.coverage import Cells
from runbook_lib.observation import Known
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Reference, Step
from runbook_lib.scope import Population
from runbook_lib.services import CallFailed, Outcome, Progress, Reader, Service
from runbook_lib.services.designation import designated
from runbook_lib.services.securityhub.assess import assess
from runbook_lib.services.securityhub.check import check, resolve
from runbook_lib.services.securityhub.judge import judge
from runbook_lib.services.securityhub.observe import READS, observe
from runbook_lib.services.securityhub.state import DESIGNATION, NAME, TITLE, State, on
from runbook_lib.services.securityhub.steps import MUTATIONS, plan
from runbook_lib.settings import Settings


class SecurityHub:
    """The Service protocol over the modules of this package."""

    name = NAME
    title = TITLE
    phase = "10_security_hub"
    principals: tuple[str, ...] = (DESIGNATION.principal,)
    reads = READS
    mutations = MUTATIONS

    def observe(self, organization: Organization, settings: Settings, population: Population, reader: Reader) -> State:
        """See `observe.observe`."""
        return observe(organization, settings, population, reader)

    def assess(self, state: State, organization: Organization, settings: Settings, population: Population) -> Cells:
        """See `assess.assess`."""
        return assess(state, organization, settings, population)

    def plan(
        self, cells: Cells, state: State, organization: Organization, settings: Settings, population: Population
    ) -> Sequence[Step | NoChange | Blocker]:
        """See `steps.plan`."""
        return plan(cells, state, organization, settings, population)

    def missing(self, state: State, organization: Organization, settings: Settings, population: Population) -> Sequence[str]:
        """Later phases need the administrator designated and usable, and its hub on, in every asked Region."""
        found = []
        for region in population.regions:
            usable = isinstance(state.configurations.get(region), Known)
            if not (designated(state.administrators, region, population.delegated) and usable):
                found.append(f"{TITLE} has no usable delegated administrator {population.delegated} in {region}")
            if not on(state.delegated_hubs.get(region)):
                found.append(f"{TITLE} is not on in the delegated account in {region}")
        return found

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> Iterable[Outcome]:
        """See `judge.judge`."""
        return judge(action, answer)

    def check(self, step: Step, reader: Reader) -> Progress:
        """See `check.check`."""
        return check(step, reader)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        """See `check.resolve`."""
        return resolve(reference, reader)


SERVICE: Service = SecurityHub()
