"""What GuardDuty charges for: its foundational sources and each protection plan. Names are AWS's, as trials are reported.

Units and trials are from older copies of GuardDuty's pricing page and from general knowledge [belief]: not confirmed.
Runtime monitoring is charged, and tried, per kind of resource.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells, Status
from runbook_lib.plan import Action
from runbook_lib.plan.cost import Accounts, Charge, Paid, Trials, charge
from runbook_lib.services.charges import Days, by_region, read_trials, switched_on
from runbook_lib.services.column import accounts_of
from runbook_lib.services.guardduty.spec import NAME, SPEC
from runbook_lib.services.guardduty.state import RegionState, State
from runbook_lib.services.guardduty.wanted import automatic
from runbook_lib.services.view import View

RUNTIME = "vCPUs on which the agent runs"
FOUNDATION = ("CLOUD_TRAIL", "FLOW_LOGS", "DNS_LOGS")
PAID: Mapping[str, Paid] = {
    name: Paid("guardduty", name, counts, days)
    for name, counts, days in (
        ("CLOUD_TRAIL", "CloudTrail management events", 30),
        ("FLOW_LOGS", "volume of VPC flow logs", 30),
        ("DNS_LOGS", "volume of DNS query logs", 30),
        ("S3_DATA_EVENTS", "CloudTrail data events of S3", 30),
        ("EKS_AUDIT_LOGS", "Kubernetes audit log events", 30),
        ("EBS_MALWARE_PROTECTION", "volume of EBS data scanned after findings", 30),
        ("RDS_LOGIN_EVENTS", "vCPUs or capacity units of database instances", 30),
        ("RDS_DATA_RISK", "see AWS's price list", 0),
        ("LAMBDA_NETWORK_LOGS", "volume of network logs of Lambda functions", 30),
        ("EKS_RUNTIME_MONITORING", RUNTIME + " in EKS", 30),
        ("EC2_RUNTIME_MONITORING", RUNTIME + " on EC2", 30),
        ("FARGATE_RUNTIME_MONITORING", RUNTIME + " in Fargate tasks", 30),
        ("AI_PROTECTION", "see AWS's price list", 0),
    )
}
PARTS = {"RUNTIME_MONITORING": ("EKS_RUNTIME_MONITORING", "EC2_RUNTIME_MONITORING", "FARGATE_RUNTIME_MONITORING")}
"""Features that are charged under other names; agents cost nothing of their own."""
NOT_ESTIMATED = (
    "Accounts that join later get what is set to start automatically, and cost as much each.",
    "Snapshots of EBS volumes that malware protection makes and keeps for a while.",
    "S3 storage and KMS requests of exported findings.",
)


def charges(actions: Sequence[Action], cells: Cells, state: State, view: View) -> list[Charge]:
    """The paid features that these calls switch on, and in which accounts."""
    if view.settings.guardduty is None:
        return []
    found: dict[str, dict[str, set[str]]] = {}

    def add(item: str, accounts: Accounts | Mapping[str, set[str]]) -> None:
        feature = item.rpartition("/")[2] if item.endswith("RDS_DATA_RISK") else item
        for name in PARTS.get(feature, (feature,)):
            for region, those in accounts.items():
                found.setdefault(name, {}).setdefault(region, set()).update(those)

    for name in FOUNDATION:
        add(name, _started(actions, cells))
    for item in sorted({cell.item for cell in cells if cell.aspect == "features"}):
        add(item, switched_on(cells, actions, ("features",), item))
    for region, joining in by_region(actions, "CreateMembers").items():
        seen = state.regions[region].configuration
        configured = seen.value.items if isinstance(seen, Known) else {}
        for item, choice in {**configured, **automatic(view.settings.guardduty)}.items():
            if choice != "NONE":
                add(item, {region: joining})
    return [each for name, paid in PAID.items() for each in charge(paid, found.get(name, {}))]


def _started(actions: Sequence[Action], cells: Cells) -> dict[str, set[str]]:
    """Where GuardDuty itself starts; not in a management account that has it already and becomes a member."""
    started = switched_on(cells, actions, ("detector",))
    for region, accounts in by_region(actions, "CreateMembers", "StartMonitoringMembers").items():
        detected = [cell for cell in cells if (cell.region, cell.aspect, cell.status) == (region, "detector", Status.COVERED)]
        started.setdefault(region, set()).update(accounts - accounts_of(detected))
    return started


def trials(charged: Sequence[Charge], state: State, view: View, reader: Reader, now: dt.datetime) -> Trials:
    """Days left, of accounts where GuardDuty is on already: only there AWS says it."""
    asked: dict[str, set[str]] = {}
    for each in charged:
        for region, accounts in each.accounts.items():
            asked.setdefault(region, set()).update(accounts & _readable(state.regions[region], view.delegated))
    known = {region: frozenset(accounts) for region, accounts in asked.items() if accounts}
    read = partial(_read, state, view.delegated, reader)
    return read_trials(known, SPEC.batches["GetRemainingFreeTrialDays"], read, reader)


def _readable(seen: RegionState, delegated: str) -> frozenset[str]:
    if not isinstance(seen.delegated, Known) or seen.delegated.value is None:
        return frozenset()
    members = seen.members.value if isinstance(seen.members, Known) else {}
    return frozenset({delegated, *(account for account, status in members.items() if status == "Enabled")})


def _read(state: State, delegated: str, reader: Reader, region: str, accounts: tuple[str, ...]) -> Days:
    own = state.regions[region].delegated
    assert isinstance(own, Known)
    assert own.value is not None
    answer = reader.read(NAME, "GetRemainingFreeTrialDays", delegated, region, DetectorId=own.value.id, AccountIds=list(accounts))
    found: dict[str, dict[str, int]] = {}
    for account in answer.get("Accounts") or ():
        for feature in account.get("Features") or ():
            if _says(feature):
                found.setdefault(str(feature["Name"]), {})[str(account["AccountId"])] = int(feature["FreeTrialDaysRemaining"])
    return found


def _says(feature: Mapping[str, Any]) -> bool:
    return "Name" in feature and feature.get("FreeTrialDaysRemaining") is not None
