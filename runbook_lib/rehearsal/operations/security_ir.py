"""security-ir: AWS Security Incident Response, as far as it can be read: its membership, and which accounts that covers.

Nothing here is joined by a call: the control page `incident-response` says that an account has the membership. It then has its
managed rule on the default bus, as the service writes it [docs: managed policy].
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.events.state import DEFAULT, Rule, buses_of
from runbook_lib.rehearsal.organization import in_organization
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

MANAGED_BY = "triage.security-ir.amazonaws.com"
MOST_ACCOUNTS = 100


@dataclass(frozen=True)
class Membership:
    """The one membership of an organization; `whole`: whether it covers the whole organization."""

    id: str
    account: str
    region: str
    since: float
    whole: bool


@dataclass
class IncidentResponseState:
    membership: Membership | None = None


def join(world: World, account: str, region: str, whole: str = "true") -> None:
    """Let an account have the membership, with the rule that the service manages."""
    identifier = f"m-{hashlib.sha256(account.encode()).hexdigest()[:16]}"
    world.of(IncidentResponseState).membership = Membership(identifier, account, region, world.now(), whole == "true")
    name = "SecurityIncidentResponse-Triage"
    arn = f"arn:{world.partition}:events:{region}:{account}:rule/{name}"
    pattern = json.dumps({"source": [{"prefix": "aws."}]})  # which sources it really names is not documented
    buses_of(world, account, region)[DEFAULT].rules[name] = Rule(name, DEFAULT, arn, account, pattern, managed_by=MANAGED_BY)


def _membership(call: Call, identifier: str) -> Membership:
    """The membership of the caller's account, by its id."""
    found = call.world.of(IncidentResponseState).membership
    if found is None or (found.id, found.account) != (identifier, call.account):
        raise ApiError("ResourceNotFoundException", f"Membership {identifier} was not found", 404)
    return found


def _summary(call: Call, found: Membership) -> dict[str, Any]:
    return {
        "membershipId": found.id,
        "accountId": found.account,
        "region": found.region,
        "membershipArn": f"arn:{call.partition}:security-ir:{found.region}:{found.account}:membership/{found.id}",
        "membershipStatus": "Active",
    }


@operation("security-ir", "ListMemberships")
def list_memberships(call: Call, nextToken: str | None = None, maxResults: int | None = None) -> dict[str, Any]:
    """The caller's membership, if it has one; in whichever Region it is asked for, it is one [docs]."""
    found = call.world.of(IncidentResponseState).membership
    rows = [_summary(call, found)] if found is not None and found.account == call.account else []
    shown, token = page(rows, nextToken, maxResults, 25)
    return {"items": shown, "nextToken": token}


@operation("security-ir", "GetMembership")
def get_membership(call: Call, membershipId: str) -> dict[str, Any]:
    found = _membership(call, membershipId)
    covered = len(call.world.organization.accounts) if found.whole else 1
    return {
        **_summary(call, found),
        "membershipName": "organization",
        "membershipActivationTimestamp": found.since,
        "numberOfAccountsCovered": covered,
        "customerType": "Organization" if found.whole else "Standalone",
        "optInFeatures": [{"featureName": "Triage", "isEnabled": True}],
    }


@operation("security-ir", "BatchGetMemberAccountDetails")
def batch_get_member_account_details(call: Call, membershipId: str, accountIds: list[str]) -> dict[str, Any]:
    """Whether accounts are covered; those that are not of the organization are errors."""
    found = _membership(call, membershipId)
    if len(accountIds) > MOST_ACCOUNTS:
        raise ApiError(
            "ValidationException", f"accountIds can have up to {MOST_ACCOUNTS} entries", 400, reason="FIELD_VALIDATION_FAILED"
        )
    known = [each for each in accountIds if in_organization(call.world, each)]
    items = [
        {
            "accountId": each,
            "relationshipStatus": "Associated" if found.whole or each == found.account else "Unassociated",
            "relationshipType": "Organization",
        }
        for each in known
    ]
    errors = [
        {"accountId": each, "error": "ResourceNotFound", "message": "The account is not of the organization"}
        for each in accountIds
        if each not in known
    ]
    return {"items": items, "errors": errors}


PAGES = {("POST", "incident-response"): join}
"""Pages of the control: the membership is there."""
