"""Reads about trials, permissions, findings and covered resources. There are no findings in a resource."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.operations.inspector2 import texts
from runbook_lib.rehearsal.operations.inspector2.state import TYPES, check_batch, is_administrator, paged, state_of
from runbook_lib.rehearsal.registry import Call, operation

TRIAL_SECONDS = 15 * 86400
"""[docs] Inspector pricing: 15 days per account and Region."""
PERMISSIONS = (
    ("EC2", "ENABLE_SCANNING"),
    ("EC2", "DISABLE_SCANNING"),
    ("ECR", "ENABLE_SCANNING"),
    ("ECR", "DISABLE_SCANNING"),
    ("ECR", "ENABLE_REPOSITORY"),
    ("ECR", "DISABLE_REPOSITORY"),
    ("LAMBDA", "ENABLE_SCANNING"),
    ("LAMBDA", "DISABLE_SCANNING"),
)
"""[model] services and operations; which go together is assumed."""
RESOURCE_TYPES = {"EC2": "AWS_EC2_INSTANCE", "ECR": "AWS_ECR_CONTAINER_IMAGE", "LAMBDA": "AWS_LAMBDA_FUNCTION"}
"""Scan type → the type of what it covers [model]."""
CRITERIA: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "accountId": lambda row: str(row["accountId"]),
    "resourceType": lambda row: str(row["resourceType"]),
    "scanStatusCode": lambda row: str(row["scanStatus"]["statusCode"]),
    "scanStatusReason": lambda row: str(row["scanStatus"]["reason"]),
}
"""Filter criterion → what it looks at [model]."""


@operation("inspector2", "BatchGetFreeTrialInfo")
def batch_get_free_trial_info(call: Call, accountIds: Sequence[str]) -> dict[str, Any]:
    """Trials of the own account and of members, for scan types that were on at least once (aws-behaviour 10.1)."""
    check_batch("accountIds", list(accountIds))
    state = state_of(call.world)
    allowed = {
        account: account == call.account or (is_administrator(call) and state.associated(account, call.region))
        for account in accountIds
    }
    return {
        "accounts": [{"accountId": each, "freeTrialInfo": _trials(call, each)} for each in accountIds if allowed[each]],
        "failedAccounts": [
            {"accountId": each, "code": "ACCESS_DENIED", "message": texts.NO_ACCOUNT_ACCESS}
            for each in accountIds
            if not allowed[each]
        ],
    }


def _trials(call: Call, account: str) -> list[dict[str, Any]]:
    since, now = state_of(call.world).of(account, call.region).since, call.world.now()
    return [
        {
            "type": kind,
            "start": since[kind],
            "end": since[kind] + TRIAL_SECONDS,
            "status": "ACTIVE" if now < since[kind] + TRIAL_SECONDS else "INACTIVE",
        }
        for kind in TYPES
        if kind in since
    ]


@operation("inspector2", "ListAccountPermissions")
def list_account_permissions(
    call: Call, service: str | None = None, maxResults: int | None = None, nextToken: str | None = None
) -> dict[str, Any]:
    """What the account may configure; where an organization policy governs it, nothing (fewer [model]; none is assumed)."""
    governed = call.account in state_of(call.world).governed
    rows = [{"service": name, "operation": each} for name, each in PERMISSIONS if service in (None, name) and not governed]
    found, token = paged(rows, nextToken, maxResults, 1024)
    return {"permissions": found, "nextToken": token}


@operation("inspector2", "ListFindings")
def list_findings(
    call: Call,
    filterCriteria: Mapping[str, Any] | None = None,
    sortCriteria: Mapping[str, Any] | None = None,
    maxResults: int | None = None,
    nextToken: str | None = None,
) -> dict[str, Any]:
    found, token = paged([], nextToken, maxResults, 100)
    return {"findings": found, "nextToken": token}


@operation("inspector2", "ListCoverage")
def list_coverage(
    call: Call,
    filterCriteria: Mapping[str, Any] | None = None,
    maxResults: int | None = None,
    nextToken: str | None = None,
) -> dict[str, Any]:
    found, token = paged(list(_covered(call, filterCriteria)), nextToken, maxResults, 200)
    return {"coveredResources": found, "nextToken": token}


@operation("inspector2", "ListCoverageStatistics")
def list_coverage_statistics(
    call: Call,
    filterCriteria: Mapping[str, Any] | None = None,
    groupBy: str | None = None,
    nextToken: str | None = None,
) -> dict[str, Any]:
    """Counts altogether. By the model a group is named by what it is grouped by, which cannot be all that AWS answers."""
    if groupBy is not None:
        raise texts.invalid("counts by groups are not simulated")
    return {"totalCounts": len(list(_covered(call, filterCriteria)))}


def _covered(call: Call, criteria: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """The own resources, and as administrator those of members, of the scan types that are on in their account [docs]."""
    state = state_of(call.world)
    for each in call.world.resources:
        if each.region != call.region or each.kind not in RESOURCE_TYPES:
            continue
        mine = each.account == call.account or (is_administrator(call) and state.associated(each.account, call.region))
        if mine and state.of(each.account, call.region).now(each.kind) == "ENABLED":
            row = {
                "resourceType": RESOURCE_TYPES[each.kind],
                "resourceId": each.id,
                "accountId": each.account,
                "scanType": "PACKAGE",
                "scanStatus": {
                    "statusCode": "INACTIVE" if each.not_scanned else "ACTIVE",
                    "reason": each.not_scanned or "SUCCESSFUL",
                },
            }
            if _asked(row, criteria or {}):
                yield row


def _asked(row: dict[str, Any], criteria: Mapping[str, Any]) -> bool:
    """Simulated criteria: equality on account, resource type, status and reason; others are refused, never ignored."""
    for name, conditions in criteria.items():
        if name not in CRITERIA:
            raise texts.invalid(f"filter criterion {name} is not simulated")
        seen = CRITERIA[name](row)
        equal = [each["value"] for each in conditions if each["comparison"] == "EQUALS"]
        other = [each["value"] for each in conditions if each["comparison"] == "NOT_EQUALS"]
        if (equal and seen not in equal) or seen in other:
            return False
    return True


@operation("inspector2", "ListTagsForResource")
def list_tags_for_resource(call: Call, resourceArn: str) -> dict[str, Any]:
    """Of what can be tagged, filters alone are simulated."""
    if found := state_of(call.world).filters.get((call.account, call.region), {}).get(resourceArn):
        return {"tags": found.get("tags") or {}}
    raise texts.not_found(f"No resource was found with the ARN {resourceArn}.")


@operation("inspector2", "ListUsageTotals")
def list_usage_totals(
    call: Call, accountIds: Sequence[str] | None = None, maxResults: int | None = None, nextToken: str | None = None
) -> dict[str, Any]:
    """What scans cost in the last 30 days, of the own account or, for the administrator, of members: nothing was scanned.

    An account that the caller may not see is refused (assumed: the model has no list of those that failed).
    """
    state = state_of(call.world)
    wanted = list(accountIds or [call.account])
    for account in wanted:
        if account != call.account and not (is_administrator(call) and state.associated(account, call.region)):
            raise texts.denied(texts.NO_ACCOUNT_ACCESS)
    found, token = paged([{"accountId": each, "usage": []} for each in wanted], nextToken, maxResults, 500)
    return {"totals": found, "nextToken": token}
