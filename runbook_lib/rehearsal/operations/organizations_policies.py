"""organizations: policies, as far as they tell that a policy governs what the runbook would set (aws-behaviour 8)."""

from collections.abc import Sequence
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.organizations import OrganizationsState, pages, root_of
from runbook_lib.rehearsal.organization import ancestors, require_management, require_management_or_delegated
from runbook_lib.rehearsal.policies.document import Kind, read
from runbook_lib.rehearsal.policies.wildcards import PolicyError
from runbook_lib.rehearsal.registry import Call, operation

SCP = "SERVICE_CONTROL_POLICY"
AUTHORIZING = {SCP: Kind.SCP, "RESOURCE_CONTROL_POLICY": Kind.RCP}
"""Types that say what is allowed: those that can be made and attached here; what the others say is their services' business."""
LAST = "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times."
_FULL = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
FULL_ACCESS = {"id": "p-FullAWSAccess", "name": "FullAWSAccess", "type": SCP, "content": _FULL}
"""Attached to the root, every OU and every account while service control policies are enabled, until it is detached [docs]."""


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
    found = [_summary(call, each) for each in _policies(call, Filter) if TargetId in _targets(call, each)]
    return pages(found, "Policies", NextToken, MaxResults)


@operation("organizations", "DescribePolicy")
def describe_policy(call: Call, PolicyId: str) -> dict[str, Any]:
    require_management_or_delegated(call)
    found = _named(call, PolicyId)
    return {"Policy": {"PolicySummary": _summary(call, found), "Content": found["content"]}}


@operation("organizations", "ListTargetsForPolicy")
def list_targets(call: Call, PolicyId: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    targets = _targets(call, _named(call, PolicyId))
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


@operation("organizations", "CreatePolicy")
def create_policy(
    call: Call, Content: str, Name: str, Type: str, Description: str, Tags: Sequence[dict[str, str]] = ()
) -> dict[str, Any]:
    """A policy that is attached to nothing yet; of the types alone that say what is allowed. Texts assumed."""
    require_management(call)
    state = call.world.of(OrganizationsState)
    if any((each["name"], each["type"]) == (Name, Type) for each in _policies(call, Type)):
        raise ApiError("DuplicatePolicyException", "A policy with the same name and type already exists.")
    try:
        read(Content, _kind(Type))
    except PolicyError as error:
        raise ApiError("MalformedPolicyDocumentException", f"This policy cannot be judged: {error}.") from error
    made = {"id": f"p-made{len(state.policies):04d}", "name": Name, "type": Type, "content": Content, "targets": []}
    state.policies.append(made)
    return {"Policy": {"PolicySummary": _summary(call, made), "Content": Content}}


@operation("organizations", "AttachPolicy")
def attach_policy(call: Call, PolicyId: str, TargetId: str) -> None:
    """It binds from now on. Texts assumed."""
    require_management(call)
    state, found = call.world.of(OrganizationsState), _to_attach(call, PolicyId, TargetId)
    if found["type"] not in state.enabled_types:
        raise ApiError("PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")
    if TargetId in _targets(call, found):
        raise ApiError("DuplicatePolicyAttachmentException", "The selected policy is already attached to the specified target.")
    if found is FULL_ACCESS:
        state.without_full_access.discard(TargetId)
    else:
        found["targets"] = [*found["targets"], TargetId]


@operation("organizations", "DetachPolicy")
def detach_policy(call: Call, PolicyId: str, TargetId: str) -> None:
    """FullAWSAccess too, where another is attached in its place: one service control policy has to stay [docs][issue tf#26797]."""
    require_management(call)
    state, found = call.world.of(OrganizationsState), _to_attach(call, PolicyId, TargetId)
    if TargetId not in _targets(call, found):
        raise ApiError("PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root.")
    if found["type"] == SCP and len([each for each in _policies(call, SCP) if TargetId in _targets(call, each)]) == 1:
        text = (
            "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times."
        )
        raise ApiError("ConstraintViolationException", text, Reason="MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    if found is FULL_ACCESS:
        state.without_full_access.add(TargetId)
    else:
        found["targets"] = [each for each in found["targets"] if each != TargetId]


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
    if PolicyType == SCP:
        state.without_full_access.clear()  # enabled again, everything has FullAWSAccess alone [docs]
    return _as_root(call)


def _root(call: Call, root: str) -> OrganizationsState:
    require_management(call)
    if root != call.world.organization.root:
        raise ApiError("RootNotFoundException", "We can't find a root with the RootId that you specified.")
    return call.world.of(OrganizationsState)


def _as_root(call: Call) -> dict[str, Any]:
    return {"Root": root_of(call)}


def _policies(call: Call, kind: str) -> list[dict[str, Any]]:
    named = [FULL_ACCESS] if kind == SCP else []
    return named + [each for each in call.world.of(OrganizationsState).policies if each["type"] == kind]


def _named(call: Call, policy: str) -> dict[str, Any]:
    for each in (FULL_ACCESS, *call.world.of(OrganizationsState).policies):
        if each["id"] == policy:
            return each
    raise ApiError("PolicyNotFoundException", "You specified a policy that doesn't exist.")


def _to_attach(call: Call, policy: str, target: str) -> dict[str, Any]:
    """A policy that is to be attached to a target, or detached from it."""
    found = _named(call, policy)
    _check_target(call, target)
    _kind(found["type"])
    return found


def _kind(policy_type: str) -> Kind:
    """Policies of other types come from a seed alone, which tells the services whom they govern."""
    if policy_type not in AUTHORIZING:
        text = f"Making, attaching and detaching policies of type {policy_type} is not simulated: a seed has them."
        raise ApiError("PolicyTypeNotAvailableForOrganizationException", text)
    return AUTHORIZING[policy_type]


def _targets(call: Call, policy: dict[str, Any]) -> list[str]:
    """What a policy is attached to."""
    if policy is not FULL_ACCESS:
        return list(policy["targets"])
    organization, state = call.world.organization, call.world.of(OrganizationsState)
    everything = (organization.root, *organization.units, *organization.accounts) if SCP in state.enabled_types else ()
    return [each for each in everything if each not in state.without_full_access]


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
