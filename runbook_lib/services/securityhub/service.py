"""Security Hub across an organization: delegated administrator, hubs, members, standards and finding aggregation.

"Security Hub" is Security Hub CSPM, the DescribeHub family of operations; the newer …V2 family is another service.
"""

from collections.abc import Sequence
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.other_door import elsewhere
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Reference, Scope, Wait
from runbook_lib.plan.cost import Charge
from runbook_lib.plan.outcome import Outcome, Progress
from runbook_lib.services.designation import check_usable, designated
from runbook_lib.services.enabling import Enabling
from runbook_lib.services.inventory import Writer
from runbook_lib.services.obstacles import Bar
from runbook_lib.services.protocol import Service
from runbook_lib.services.remarks import Remark
from runbook_lib.services.securityhub import aggregation, central, cost, inventory, judge, membership, observe
from runbook_lib.services.securityhub.evaluating import Evaluating
from runbook_lib.services.securityhub.integration import Integration
from runbook_lib.services.securityhub.new_accounts import NewAccounts
from runbook_lib.services.securityhub.preflight import preflight
from runbook_lib.services.securityhub.spec import SPEC, TITLE
from runbook_lib.services.securityhub.standards import StandardsOn
from runbook_lib.services.securityhub.state import State, on
from runbook_lib.services.view import View
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.securityhub import SecurityHubSection


class SecurityHub(Enabling[State, SecurityHubSection, State]):
    spec = SPEC
    aspects = (
        membership.Hub(),
        NewAccounts(),
        membership.Members(),
        StandardsOn(),
        aggregation.Aggregation(),
        Evaluating(),
        Integration(),
    )
    reading = observe.READING
    not_estimated = cost.NOT_ESTIMATED

    def observe(self, view: View, reader: Reader) -> State:
        return observe.observe(view, reader)

    def foundation(self, view: View, reader: Reader) -> State:
        return observe.foundation(view, reader)

    def seen(self, state: State, region: str) -> State:
        """All of it: what a Region offers, and where findings come together, is told by others too."""
        return state

    def usable(self, state: State, region: str) -> Observation[Any] | None:
        return state.configurations.get(region)

    def can_act(self, wait: Wait, reader: Reader) -> Progress:
        return check_usable(lambda: observe.configuration(reader, wait.account, wait.region), observe.not_there)

    def closed(self, state: State, view: View) -> dict[str, Bar]:
        return {**central.central_elsewhere(state, view.population), **super().closed(state, view)}

    def own(self, state: State, region: str) -> Observation[Any] | None:
        return state.delegated_hubs.get(region)

    def held(self, cells: Cells, state: State) -> Cells:
        return central.hold_central(cells, state)

    def named(self, view: View) -> Sequence[str]:
        return view.population.regions

    def elsewhere(self, state: State, view: View) -> Cells:
        """What is visible of the Regions that settings do not name, and of a home Region that is none of them."""
        want = view.settings.security_hub.aggregation if view.settings.security_hub else None
        away = want is not None and want.home_region not in view.population.regions
        home = aggregation.home_cells(state, view, want.home_region) if want is not None and away else ()
        others = (membership.assess_other(state, view.population, region) for region in view.population.other_regions)
        return home + tuple(cell for cells in others for cell in cells)

    def refused(self, action: Action, error: CallFailed) -> list[Outcome]:
        return judge.refused(action, error)

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        return preflight(organization, settings, scope, reader)

    def charges(self, actions: Sequence[Action], cells: Cells, state: State, view: View) -> Sequence[Charge]:
        return cost.charges(actions, cells, state, view)

    def inventory(self, state: State, writer: Writer) -> dict[str, Any]:
        return inventory.written(state, writer)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        return aggregation.resolve(reference, reader)

    def missing(self, state: State, view: View) -> Sequence[str]:
        """Later phases need the administrator designated and usable, and its hub on, in every asked Region.

        AWS lets nobody else read the organization's configuration: where that was read, all of it is so. Where it takes a door that
        is somebody else's, the management account's own list has to do.
        """
        found = []
        for region in view.population.regions:
            seen = state.configurations.get(region)
            if isinstance(seen, Known):
                continue
            if elsewhere(seen) and designated(state.administrators, region, view.delegated):
                continue
            found.append(f"{TITLE} has no usable delegated administrator {view.delegated} in {region}")
            if not on(state.delegated_hubs.get(region)):
                found.append(f"{TITLE} is not on in the delegated account in {region}")
        return found


SERVICE: Service = SecurityHub()
