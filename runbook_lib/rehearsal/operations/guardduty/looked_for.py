"""What scanners look for and nobody here can make, so that there is none: scans, invitations [model]."""

from typing import Any

from runbook_lib.rehearsal.operations.guardduty.lists import paged
from runbook_lib.rehearsal.operations.guardduty.members import get_administrator_account
from runbook_lib.rehearsal.operations.guardduty.state import own_detector
from runbook_lib.rehearsal.registry import Call, operation


@operation("guardduty", "DescribeMalwareScans")
def describe_malware_scans(
    call: Call, DetectorId: str, MaxResults: int | None = None, NextToken: str | None = None, **_: Any
) -> dict[str, Any]:
    """None of the own detector's."""
    own_detector(call, DetectorId)
    found, token = paged([], NextToken, MaxResults)
    return {"Scans": found, "NextToken": token}


@operation("guardduty", "GetInvitationsCount")
def get_invitations_count(call: Call) -> dict[str, Any]:
    """Invitations that were sent and not taken: nobody is invited within an organization."""
    return {"InvitationsCount": 0}


@operation("guardduty", "ListInvitations")
def list_invitations(call: Call, MaxResults: int | None = None, NextToken: str | None = None) -> dict[str, Any]:
    """None, as above."""
    found, token = paged([], NextToken, MaxResults)
    return {"Invitations": found, "NextToken": token}


@operation("guardduty", "GetMasterAccount")
def get_master_account(call: Call, DetectorId: str) -> dict[str, Any]:
    """The old name of GetAdministratorAccount."""
    return {"Master": (get_administrator_account(call, DetectorId) or {}).get("Administrator", {})}


USAGE = {
    "SUM_BY_ACCOUNT": "SumByAccount",
    "SUM_BY_DATA_SOURCE": "SumByDataSource",
    "SUM_BY_RESOURCE": "SumByResource",
    "TOP_RESOURCES": "TopResources",
    "SUM_BY_FEATURES": "SumByFeature",
    "TOP_ACCOUNTS_BY_FEATURE": "TopAccountsByFeature",
}
"""Kind of usage statistics → the member of the answer [model]."""


@operation("guardduty", "GetUsageStatistics")
def get_usage_statistics(
    call: Call,
    DetectorId: str,
    UsageStatisticType: str,
    UsageCriteria: dict[str, Any],
    Unit: str | None = None,
    MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict[str, Any]:
    """What it cost in the last 30 days: nothing has been analysed here, so there is no line [model]."""
    own_detector(call, DetectorId)
    found, token = paged([], NextToken, MaxResults)
    return {"UsageStatistics": {USAGE[UsageStatisticType]: found}, "NextToken": token}
