"""Amazon GuardDuty: administrator, detectors, members, protection plans, publishing frequency, export.

Per Region: own detectors with explicit features first, so that designation switches on nothing by default; designation, one Region
after the other; auto-enable before members, because CreateMembers applies it to every account in the request; existing members'
features once they are enrolled. What acts on workloads comes after all that, in a stage of its own: the delegated account's and
the members' features, and auto-enable of these last, so that no enrolment switches them on. Where AWS has them in auto-enable
already, enrolment does, and belongs in that stage. Units depend on settings and on what AWS had before the runbook came, never on
how far it has come.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Observation
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Reference, Scope, Step, Wait
from runbook_lib.plan.cost import Charge, Trials
from runbook_lib.plan.outcome import Outcome, Progress
from runbook_lib.services.aspect import NONE
from runbook_lib.services.designation import check_usable
from runbook_lib.services.enabling import Enabling
from runbook_lib.services.guardduty import cost, inventory, judge, watching
from runbook_lib.services.guardduty.auto_enable import AutoEnable, Frequency
from runbook_lib.services.guardduty.detector import Detectors
from runbook_lib.services.guardduty.export import Export
from runbook_lib.services.guardduty.features import Features
from runbook_lib.services.guardduty.grants import grants
from runbook_lib.services.guardduty.membership import Enrolment
from runbook_lib.services.guardduty.observe import (
    detector_found,
    forget_detectors,
    observe,
    read_configuration,
    read_destinations,
)
from runbook_lib.services.guardduty.preflight import preflight
from runbook_lib.services.guardduty.spec import NAME, SPEC
from runbook_lib.services.guardduty.state import RegionState, State
from runbook_lib.services.guardduty.texts import spreading
from runbook_lib.services.inventory import Writer
from runbook_lib.services.protocol import Service
from runbook_lib.services.remarks import Remark
from runbook_lib.services.view import View
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.guardduty import GuardDutySection

AUTOMATIC, MEMBERS = AutoEnable(), Enrolment()
FEATURES = Features(MEMBERS)


class GuardDuty(Enabling[State, GuardDutySection, RegionState]):
    spec = SPEC
    aspects = (Detectors(), Frequency(), AUTOMATIC, MEMBERS, FEATURES, Export())
    orders = MappingProxyType({"workloads": (MEMBERS, FEATURES, AUTOMATIC)})
    reading = frozenset(
        {
            *watching.READING,
            "DescribeOrganizationConfiguration",
            "DescribePublishingDestination",
            "GetDetector",
            "GetMemberDetectors",
            "GetMembers",
            "GetRemainingFreeTrialDays",
            "ListDetectors",
            "ListMembers",
            "ListPublishingDestinations",
        }
    )
    not_estimated = cost.NOT_ESTIMATED

    def observe(self, view: View, reader: Reader) -> State:
        return observe(view, reader)

    def seen(self, state: State, region: str) -> RegionState:
        return state.regions[region]

    def usable(self, state: State, region: str) -> Observation[Any]:
        return state.regions[region].configuration

    def own(self, state: State, region: str) -> Observation[Any] | None:
        return state.regions[region].delegated

    def can_act(self, wait: Wait, reader: Reader) -> Progress:
        found = detector_found(wait.account, wait.region, reader)
        if not found:
            return Progress(NONE, {}, "no detector yet")
        return check_usable(lambda: read_configuration(wait.account, wait.region, found, reader), spreading)

    def check(self, step: Step, reader: Reader) -> Progress:
        """A detector that fails is listed anew next time."""
        try:
            return super().check(step, reader)
        except CallFailed:
            forget_detectors(reader)
            raise

    def refused(self, action: Action, error: CallFailed) -> list[Outcome]:
        return judge.refused(action, error)

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        return preflight(organization, settings, scope, reader)

    def charges(self, actions: Sequence[Action], cells: Cells, state: State, view: View) -> Sequence[Charge]:
        return cost.charges(actions, cells, state, view)

    def trials(self, charged: Sequence[Charge], state: State, view: View, reader: Reader, now: dt.datetime) -> Trials:
        return cost.trials(charged, state, view, reader, now)

    def resources(self, state: State, view: View, reader: Reader) -> Cells:
        return watching.resources(state, view, reader)

    def grants(self, settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
        return grants(settings)

    def inventory(self, state: State, writer: Writer) -> dict[str, Any]:
        return inventory.written(state, writer)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        """The id of an account's only detector, or of the delegated account's only destination, in the Region."""
        found = detector_found(reference.account, reference.region, reader)
        if reference.kind == "guardduty:destination" and found:
            destinations = read_destinations(reference.account, reference.region, found, reader)
            found = destinations[0].id if len(destinations) == 1 else ""
        if found:
            return found
        raise CallFailed(
            "NotFound",
            f"there is no {reference.kind.partition(':')[2]}",
            service=NAME,
            operation="ListDetectors",
            account=reference.account,
            region=reference.region,
            sent=False,
        )


SERVICE: Service = GuardDuty()
