"""iam: SimulatePrincipalPolicy, over the same policies and the same evaluation that decide about requests.

As blind as AWS's: service control policies count, resource control, session and resource policies do not, and nothing is known of a
request but the context that is given with the question [model: SimulatePrincipalPolicy, 2026].
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.permissions import ADMINISTRATOR, identity_policies, levels_of
from runbook_lib.rehearsal.policies.document import Kind, Policy, read
from runbook_lib.rehearsal.policies.evaluation import Attached, Principal, Request, Who, decide
from runbook_lib.rehearsal.policies.wildcards import PolicyError, Value
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import SimulatedRole

USUAL_RESULTS, MOST_RESULTS = 100, 1000
"""In a page: where nothing else is asked for, and at most [model]."""
ROLE = re.compile(r"arn:[a-z-]+:iam::(?P<account>\d{12}):role/(?P<name>[\w+=,.@-]+)")
ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")
CONTEXT_TYPES = {"string", "stringList", "boolean", "numeric", "date", "ip"}


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(
    call: Call,
    PolicySourceArn: str,
    ActionNames: Sequence[str],
    ResourceArns: Sequence[str] = ("*",),
    ContextEntries: Sequence[Mapping[str, Any]] = (),
    Marker: str | None = None,
    MaxItems: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One result for each action, however many resources: the most restrictive decision, and those about each resource."""
    if more:
        raise SimulationError(f"SimulatePrincipalPolicy with {', '.join(sorted(more))} is not simulated")
    role = _role(call, PolicySourceArn)
    if wrong := [each for each in ActionNames if not ACTION.fullmatch(each)]:
        raise ApiError("InvalidInput", f"Invalid Input Action: {wrong[0]}", 400)
    given = dict(_context(ContextEntries))
    attached = Attached(
        identity=tuple(identity_policies(role)),
        boundary=read(role.boundary, Kind.BOUNDARY) if role.boundary else None,
        scps=levels_of(call.world, call.account, Kind.SCP),
        management=call.world.organization.management,
    )
    found = [_result(call, PolicySourceArn, action, tuple(ResourceArns), given, attached) for action in ActionNames]
    shown, token = page(found, Marker, MaxItems or USUAL_RESULTS, MOST_RESULTS)
    return {"EvaluationResults": shown, "IsTruncated": token is not None, "Marker": token}


def _role(call: Call, arn: str) -> SimulatedRole:
    """The role whose policies are asked about: of the caller's own account, by the ARN that it has in IAM."""
    named = ROLE.fullmatch(arn)
    if named is None:
        raise ApiError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.", 400)
    found = account_of(call.world, call.account)
    role = found.roles.get(named["name"]) if found and named["account"] == call.account else None
    if role is None:
        raise ApiError("NoSuchEntity", f"Role {named['name']} does not exist.", 404)
    return role


def _context(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Value]]:
    for each in entries:
        kind, values = each.get("ContextKeyType", ""), tuple(each.get("ContextKeyValues") or ())
        if kind not in CONTEXT_TYPES or not each.get("ContextKeyName") or not values:
            raise ApiError("InvalidInput", "Invalid Input: a context entry needs a name, a type and values.", 400)
        yield str(each["ContextKeyName"]).lower(), values if kind.endswith("List") else str(values[0])


class _Facts:
    """What a question says of a request; what it does not say is missing, and remembered where a policy asked for it."""

    def __init__(self, call: Call, role: str, given: Mapping[str, Value]) -> None:
        self._known: dict[str, Value] = {"aws:principalarn": role, "aws:principalaccount": call.account, **given}
        self.missing: set[str] = set()

    def value(self, key: str) -> Value:
        if key.lower() not in self._known:
            self.missing.add(key)
        return self._known.get(key.lower())


def _result(
    call: Call, role: str, action: str, resources: tuple[str, ...], given: Mapping[str, Value], attached: Attached
) -> dict[str, Any]:
    facts = _Facts(call, role, given)
    principal = Principal(Who.SESSION, role, call.account, role)
    asked = [Request(principal, action, resource, call.account, facts.value) for resource in resources]
    try:
        decided = {request.resource or "*": _word(request, attached) for request in asked}
        organization = all(_passes(request, attached, attached.scps) for request in asked)
        bounded = attached.boundary is None or all(_allowed_by(request, attached.boundary) for request in asked)
    except PolicyError as error:
        raise SimulationError(f"whether {role} may {action} is not simulated: {error}") from error
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resources[0],
        "EvalDecision": next(word for word in ("explicitDeny", "implicitDeny", "allowed") if word in decided.values()),
        "MatchedStatements": [],
        "MissingContextValues": sorted(facts.missing),
    }
    if attached.scps and call.account != attached.management:
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": organization}
    if attached.boundary is not None:
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": bounded}
    if resources != ("*",):
        result["ResourceSpecificResults"] = [
            {"EvalResourceName": name, "EvalResourceDecision": word, "MissingContextValues": sorted(facts.missing)}
            for name, word in decided.items()
        ]
    return result


def _word(request: Request, attached: Attached) -> str:
    decision = decide(request, attached)
    return "allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny"


def _passes(request: Request, attached: Attached, scps: tuple[tuple[Policy, ...], ...]) -> bool:
    """Whether the organization's policies, by themselves, let it pass."""
    return decide(request, Attached(identity=(ADMINISTRATOR,), scps=scps, management=attached.management)).allowed


def _allowed_by(request: Request, boundary: Policy) -> bool:
    return decide(request, Attached(identity=(ADMINISTRATOR,), boundary=boundary)).allowed
