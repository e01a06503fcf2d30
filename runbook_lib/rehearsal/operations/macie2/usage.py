"""Trials and usage. There are no buckets, so nothing was used."""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.operations.macie2 import texts
from runbook_lib.rehearsal.operations.macie2.state import is_administrator, own_session, paged, state_of
from runbook_lib.rehearsal.registry import Call, operation

LARGEST_USAGE_PAGE = 1000
"""[docs] API reference: the model has no maximum."""
TIME_RANGES = ("MONTH_TO_DATE", "PAST_30_DAYS")
METRICS = (
    "DATA_INVENTORY_EVALUATION",
    "SENSITIVE_DATA_DISCOVERY",
    "AUTOMATED_SENSITIVE_DATA_DISCOVERY",
    "AUTOMATED_OBJECT_MONITORING",
)
"""[model]"""


@operation("macie2", "GetUsageStatistics")
def get_usage_statistics(
    call: Call,
    filterBy: Sequence[Mapping[str, Any]] | None = None,
    maxResults: int | None = None,
    nextToken: str | None = None,
    sortBy: Mapping[str, str] | None = None,
    timeRange: str | None = None,
) -> dict[str, Any]:
    """When trials began, of the own account and of members; only accounts can be filtered by here, and only their ids sort."""
    own_session(call)
    state = state_of(call.world)
    members = state.members_of(call.region) if is_administrator(call) else {}
    known = {call.account, *(each for each in members if state.associated(each, call.region))}
    shown = sorted(each for each in known if (each, call.region) in state.trials and _wanted(each, filterBy or ()))
    if (sortBy or {}).get("orderBy") == "DESC":
        shown.reverse()
    found, token = paged(shown, nextToken, maxResults, LARGEST_USAGE_PAGE)
    return {"records": [_record(call, each) for each in found], "nextToken": token, "timeRange": timeRange or "PAST_30_DAYS"}


def _wanted(account: str, filters: Sequence[Mapping[str, Any]]) -> bool:
    for each in filters:
        if each.get("key") != "accountId" or each.get("comparator") not in ("EQ", "NE", "CONTAINS"):
            raise texts.bad_field("filterBy", "accountId with EQ, NE or CONTAINS is simulated")
        values = each.get("values") or []
        named = any(value in account for value in values) if each["comparator"] == "CONTAINS" else account in values
        if named == (each["comparator"] == "NE"):
            return False
    return True


def _record(call: Call, account: str) -> dict[str, Any]:
    state = state_of(call.world)
    session = state.sessions.get((account, call.region))
    return {
        "accountId": account,
        "freeTrialStartDate": state.trials[account, call.region],
        "automatedDiscoveryFreeTrialStartDate": session.discovery.first if session else None,
        "usage": [],
    }


@operation("macie2", "GetUsageTotals")
def get_usage_totals(call: Call, timeRange: str | None = None) -> dict[str, Any]:
    """What it cost: nothing."""
    own_session(call)
    if timeRange not in (None, *TIME_RANGES):
        raise texts.bad_field("timeRange", f"Member must satisfy enum value set: {list(TIME_RANGES)}")
    totals = [{"currency": "USD", "estimatedCost": "0", "type": each} for each in METRICS]
    return {"timeRange": timeRange or "PAST_30_DAYS", "usageTotals": totals}
