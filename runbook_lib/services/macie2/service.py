"""Amazon Macie: administrator, sessions, members, auto-enable, publication of findings, export, automated discovery.

Per Region: Macie on in the delegated account with the wanted frequency, then designation; the management account on by itself where
it is to be a member; members one by one (AWS takes one per call, and its address), because becoming one switches Macie on; what
the delegated account publishes and exports. Automated discovery comes after all that, in a stage of its own: it reads objects, and
whoever becomes a member under it gets it. Units depend on settings and on what AWS had before the runbook came, never on how far it
has come.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Observation
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Scope, Wait
from runbook_lib.plan.cost import Charge, Trials
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_error, outcomes
from runbook_lib.services.designation import check_usable
from runbook_lib.services.enabling import Enabling
from runbook_lib.services.inventory import Writer
from runbook_lib.services.macie2 import cost, inventory
from runbook_lib.services.macie2.auto_enable import AutoEnable
from runbook_lib.services.macie2.discovery import Discovery
from runbook_lib.services.macie2.export import Export
from runbook_lib.services.macie2.grants import grants
from runbook_lib.services.macie2.membership import Members
from runbook_lib.services.macie2.observe import observe, read_organization
from runbook_lib.services.macie2.preflight import preflight
from runbook_lib.services.macie2.publication import FindingsPublication
from runbook_lib.services.macie2.session import Frequency, OwnSession
from runbook_lib.services.macie2.spec import DESIGNATION, SPEC
from runbook_lib.services.macie2.state import RegionState, State
from runbook_lib.services.macie2.texts import not_yet
from runbook_lib.services.protocol import Service
from runbook_lib.services.remarks import Remark
from runbook_lib.services.view import View
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.macie2 import MacieSection


class Macie(Enabling[State, MacieSection, RegionState]):
    spec = SPEC
    aspects = (OwnSession(), Frequency(), AutoEnable(), Members(), FindingsPublication(), Export(), Discovery())
    reading = frozenset(
        {
            "DescribeOrganizationConfiguration",
            "GetAutomatedDiscoveryConfiguration",
            "GetClassificationExportConfiguration",
            "GetFindingsPublicationConfiguration",
            "GetMacieSession",
            "GetMember",
            "GetUsageStatistics",
            "ListAutomatedDiscoveryAccounts",
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
        return check_usable(lambda: read_organization(wait.account, wait.region, reader), not_yet)

    def refused(self, action: Action, error: CallFailed) -> list[Outcome]:
        """A conflict says that something is so already: whether it is what was planned, a read says.

        For a while after the delegated account switched Macie on, its designation is refused as invalid, and for a while after
        designation Macie denies what an administrator may do [code of published tools: both are tried again].
        """
        if error.code == "ConflictException":
            return outcomes(action, Verdict.CONFIRM, error.code, error.message)
        designating = action.operation == DESIGNATION.enable_operation
        if error.code == "ClientError" or (designating and error.code == "ValidationException"):
            return outcomes(action, Verdict.RETRY, error.code, error.message)
        if action.stage not in ("prepare", "management") and not_yet(error):
            return outcomes(action, Verdict.RETRY, error.code, error.message)
        return judge_error(action, error)

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        return preflight(organization, settings)

    def charges(self, actions: Sequence[Action], cells: Cells, state: State, view: View) -> Sequence[Charge]:
        return cost.charges(actions, cells, state, view)

    def trials(self, charged: Sequence[Charge], state: State, view: View, reader: Reader, now: dt.datetime) -> Trials:
        return cost.trials(charged, state, view, reader, now)

    def grants(self, settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
        return grants(settings)

    def inventory(self, state: State, writer: Writer) -> dict[str, Any]:
        return inventory.written(state, writer)


SERVICE: Service = Macie()
