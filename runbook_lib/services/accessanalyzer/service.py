"""IAM Access Analyzer: the administrator, whom Organizations alone designates, and analyzers of the whole organization.

No account is a member: an analyzer of the delegated account looks at all of them, those that join included. External access in
every Region that is asked for; unused access in the home Region; internal access is read. What another account made, or a service
for itself, is shown and never counted.
"""

from collections.abc import Sequence
from typing import Any

from runbook_lib.aws.errors import CallFailed, has
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, Wait
from runbook_lib.plan.cost import Charge
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.accessanalyzer import cost, inventory
from runbook_lib.services.accessanalyzer.external import ExternalAccess
from runbook_lib.services.accessanalyzer.internal import InternalAccess
from runbook_lib.services.accessanalyzer.observe import observe, read_analyzers
from runbook_lib.services.accessanalyzer.spec import SPEC
from runbook_lib.services.accessanalyzer.state import UNUSED, RegionState, State
from runbook_lib.services.accessanalyzer.texts import NOT_THERE_SECONDS, NOT_THERE_YET
from runbook_lib.services.accessanalyzer.unused import UnusedAccess, paid_twice
from runbook_lib.services.answers import judge_error, outcomes
from runbook_lib.services.designation import check_usable
from runbook_lib.services.enabling import Enabling
from runbook_lib.services.inventory import Writer
from runbook_lib.services.protocol import Service
from runbook_lib.services.view import View
from runbook_lib.settings.sections.accessanalyzer import AccessAnalyzerSection


class AccessAnalyzer(Enabling[State, AccessAnalyzerSection, RegionState]):
    spec = SPEC
    aspects = (ExternalAccess(), UnusedAccess(), InternalAccess())
    reading = frozenset({"GetAnalyzer", "ListAnalyzers"})
    not_estimated = cost.NOT_ESTIMATED

    def observe(self, view: View, reader: Reader) -> State:
        return observe(view, reader)

    def seen(self, state: State, region: str) -> RegionState:
        return state.regions[region]

    def usable(self, state: State, region: str) -> Observation[Any]:
        return state.regions[region].own

    def own(self, state: State, region: str) -> Observation[Any] | None:
        return state.regions[region].own

    def can_act(self, wait: Wait, reader: Reader) -> Progress:
        return check_usable(lambda: read_analyzers(wait.account, wait.region, reader), lambda _: False)

    def held(self, cells: Cells, state: State) -> Cells:
        """An analyzer of unused access is not made beside another one of the organization, wherever and whosever that is."""
        seen = sorted(state.regions.items())
        found = [(region, each) for region, here in seen for each in here.known]
        others = [f"{each.words} in {region}" for region, each in found if each.kind == UNUSED and not each.managed_by]
        unread = [each for _, here in seen for each in (here.own, here.management) if isinstance(each, Unknown)]
        return paid_twice(cells, others, unread)

    def refused(self, action: Action, error: CallFailed) -> list[Outcome]:
        if error.code == "ValidationException" and has(error, *NOT_THERE_YET):
            return outcomes(action, Verdict.RETRY, error.code, error.message, lasts=NOT_THERE_SECONDS)
        if error.code == "ConflictException" and action.operation == "CreateAnalyzer":
            return outcomes(action, Verdict.CONFIRM, error.code, error.message)
        return judge_error(action, error)

    def charges(self, actions: Sequence[Action], cells: Cells, state: State, view: View) -> Sequence[Charge]:
        return cost.charges(actions, cells)

    def inventory(self, state: State, writer: Writer) -> dict[str, Any]:
        return inventory.written(state, writer)


SERVICE: Service = AccessAnalyzer()
