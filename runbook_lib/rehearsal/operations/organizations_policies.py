"""organizations: policies, as far as they tell that a policy governs what the runbook would set (aws-behaviour 8)."""

from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.organizations import OrganizationsState, pages, root_of
from runbook_lib.rehearsal.organization import ancestors, require_management, require_management_or_delegated
from runbook_lib.rehearsal.registry import Call, operation

_FULL = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
FULL_ACCESS = {"id": "p-FullAWSAccess", "name": "FullAWSAccess", "type": "SERVICE_CONTROL_POLICY", "targets": [], "content": _FULL}


@operation("organizations", "ListPolicies")
def list_policies(call: Call, Filter: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    return pages([_summary(call, each) for each in _policies(call, Filter)], "Policies", NextToken, MaxResults)


@operation("organizations", "ListPoliciesForTarget")
def list_policies_for_target(
    call: Call, TargetId: str, Filter: str, NextToken: str | None = None, MaxResults: int | None = None
) -> dict[str, Any]:
    require_management_or_delegated(call)
    _check_target(call, TargetId)
    found = [_summary(call, each) for each in _policies(call, Filter) if TargetId in each["targets"]]
    return pages(found, "Policies", NextToken, MaxResults)


@operation("organizations", "DescribePolicy")
def describe_policy(call: Call, PolicyId: str) -> dict[str, Any]:
    require_management_or_delegated(call)
    for each in (FULL_ACCESS, *call.world.of(OrganizationsState).policies):
        if each["id"] == PolicyId:
            return {"Policy": {"PolicySummary": _summary(call, each), "Content": each["content"]}}
    raise ApiError("PolicyNotFoundException", "You specified a policy that doesn't exist.")


@operation("organizations", "ListTargetsForPolicy")
def list_targets(call: Call, PolicyId: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    describe_policy(call, PolicyId)
    targets = [
        each for policy in call.world.of(OrganizationsState).policies if policy["id"] == PolicyId for each in policy["targets"]
    ]
    kinds = {"r": "ROOT", "o": "ORGANIZATIONAL_UNIT"}
    return pages([{"TargetId": each, "Type": kinds.get(each[0], "ACCOUNT")} for each in targets], "Targets", NextToken, MaxResults)


@operation("organizations", "DescribeEffectivePolicy")
def describe_effective_policy(call: Call, PolicyType: str, TargetId: str | None = None) -> dict[str, Any]:
    """The policy nearest to the account; a member may ask about itself only."""
    target = TargetId or call.account
    if target != call.account:
        require_management_or_delegated(call)
    _check_target(call, target)
    organization = call.world.organization
    parent = organization.accounts[target].parent if target in organization.accounts else target
    near = [target, *reversed(ancestors(call.world, parent))]
    for place in near:
        for policy in _policies(call, PolicyType):
            if place in policy["targets"]:
                content = {"PolicyContent": policy["content"], "PolicyType": PolicyType, "TargetId": target}
                return {"EffectivePolicy": {**content, "LastUpdatedTimestamp": call.world.now()}}
    raise ApiError(
        "EffectivePolicyNotFoundException", "The policy type isn't enabled, or no policy of this type is attached to the account."
    )


@operation("organizations", "EnablePolicyType")
def enable_policy_type(call: Call, RootId: str, PolicyType: str) -> dict[str, Any]:
    """A policy type of the root, which governs nothing yet; texts assumed."""
    state = _root(call, RootId)
    if PolicyType in state.enabled_types:
        raise ApiError("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
    state.policy_types.add(PolicyType)
    return _as_root(call)


@operation("organizations", "DisablePolicyType")
def disable_policy_type(call: Call, RootId: str, PolicyType: str) -> dict[str, Any]:
    """Every policy of the type is detached from everything [docs]; texts assumed."""
    state = _root(call, RootId)
    if PolicyType not in state.enabled_types:
        raise ApiError("PolicyTypeNotEnabledException", "The specified policy type isn't currently enabled in this root.")
    state.policy_types.discard(PolicyType)
    state.policies[:] = [each for each in state.policies if each["type"] != PolicyType]
    return _as_root(call)


def _root(call: Call, root: str) -> OrganizationsState:
    require_management(call)
    if root != call.world.organization.root:
        raise ApiError("RootNotFoundException", "We can't find a root with the RootId that you specified.")
    return call.world.of(OrganizationsState)


def _as_root(call: Call) -> dict[str, Any]:
    return {"Root": root_of(call)}


def _policies(call: Call, kind: str) -> list[dict[str, Any]]:
    named = [FULL_ACCESS] if kind == "SERVICE_CONTROL_POLICY" else []
    return named + [each for each in call.world.of(OrganizationsState).policies if each["type"] == kind]


def _summary(call: Call, policy: dict[str, Any]) -> dict[str, Any]:
    organization, own = call.world.organization, policy is not FULL_ACCESS
    place = f"arn:{call.partition}:organizations::{organization.management if own else 'aws'}:policy"
    kind = policy["type"].lower()
    path = f"{organization.id}/{kind}/{policy['id']}" if own else f"{kind}/{policy['id']}"
    return {"Id": policy["id"], "Arn": f"{place}/{path}", "Name": policy["name"], "Type": policy["type"], "AwsManaged": not own}


def _check_target(call: Call, target: str) -> None:
    organization = call.world.organization
    if target not in organization.accounts and target not in organization.units and target != organization.root:
        raise ApiError("TargetNotFoundException", "We can't find a root, OU, or account with the TargetId that you specified.")
