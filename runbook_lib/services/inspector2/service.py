"""Amazon Inspector: administrator, members, scan types, auto-enable, EC2 scan mode, ECR re-scan duration.

Per Region: the delegated account switched on with wanted scan types alone, so that designation finds it on; designation, one Region
after the other; members associated one by one (AWS takes one per call, and works on), then switched on in batches, the delegated
account never among them; auto-enable and scan settings. What acts on workloads comes after all that, in a stage of its own. Units
depend on settings and on what AWS had before the runbook came, never on how far it has come.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from runbook_lib.aws.errors import CallFailed, has
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Observation
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, Wait
from runbook_lib.plan.cost import Charge, Trials
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_error, outcomes
from runbook_lib.services.designation import check_usable
from runbook_lib.services.enabling import Enabling
from runbook_lib.services.inspector2 import cost, inventory, policies, watching
from runbook_lib.services.inspector2.auto_enable import AutoEnable
from runbook_lib.services.inspector2.membership import Association
from runbook_lib.services.inspector2.observe import observe, read_organization
from runbook_lib.services.inspector2.scan_settings import MODE, RESCAN
from runbook_lib.services.inspector2.scan_types import ScanTypes
from runbook_lib.services.inspector2.spec import SPEC
from runbook_lib.services.inspector2.state import RegionState, State
from runbook_lib.services.inspector2.texts import SAME_OR_OTHER_ADMINISTRATOR, no_access_yet
from runbook_lib.services.inventory import Writer
from runbook_lib.services.protocol import Service
from runbook_lib.services.view import View
from runbook_lib.settings.sections.inspector2 import InspectorSection

MEMBERS = Association()


class Inspector(Enabling[State, InspectorSection, RegionState]):
    spec = SPEC
    aspects = (MEMBERS, MODE, ScanTypes(MEMBERS.hidden), AutoEnable(), RESCAN)
    reading = frozenset(
        {
            *policies.READS,
            *watching.READING,
            "BatchGetAccountStatus",
            "BatchGetFreeTrialInfo",
            "DescribeOrganizationConfiguration",
            "GetConfiguration",
            "ListMembers",
        }
    )
    not_estimated = cost.NOT_ESTIMATED

    def observe(self, view: View, reader: Reader) -> State:
        return observe(view, reader)

    def seen(self, state: State, region: str) -> RegionState:
        return state.regions[region]

    def usable(self, state: State, region: str) -> Observation[Any]:
        return state.regions[region].organization

    def own(self, state: State, region: str) -> Observation[Any] | None:
        return state.regions[region].own

    def can_act(self, wait: Wait, reader: Reader) -> Progress:
        return check_usable(lambda: read_organization(wait.account, wait.region, reader), no_access_yet)

    def refused(self, action: Action, error: CallFailed) -> list[Outcome]:
        """A scan type that the Region lacks, and a role that is missing, fail: neither passes, and no type is ever dropped."""
        if error.code == "ConflictException" and has(error, SAME_OR_OTHER_ADMINISTRATOR):
            return outcomes(action, Verdict.CONFIRM, error.code, error.message)
        if error.code == "AccessDeniedException" and no_access_yet(error):
            return outcomes(action, Verdict.RETRY, error.code, error.message)
        return judge_error(action, error)

    def charges(self, actions: Sequence[Action], cells: Cells, state: State, view: View) -> Sequence[Charge]:
        return cost.charges(actions, cells, state, view)

    def trials(self, charged: Sequence[Charge], state: State, view: View, reader: Reader, now: dt.datetime) -> Trials:
        return cost.trials(charged, state, view, reader, now)

    def resources(self, state: State, view: View, reader: Reader) -> Cells:
        return watching.resources(state, view, reader)

    def inventory(self, state: State, writer: Writer) -> dict[str, Any]:
        return inventory.written(state, writer)


SERVICE: Service = Inspector()
