"""Reads about trials, permissions, findings and covered resources. There are no resources, so the last two are always empty."""

from collections.abc import Mapping, Sequence
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
    found, token = paged([], nextToken, maxResults, 200)
    return {"coveredResources": found, "nextToken": token}


@operation("inspector2", "ListTagsForResource")
def list_tags_for_resource(call: Call, resourceArn: str) -> dict[str, Any]:
    """Taggable resources (filters, CIS scans, ...) are not simulated, so no resource is found."""
    raise texts.not_found(f"No resource was found with the ARN {resourceArn}.")
