"""iam: service-linked roles, and the roles of the simulated accounts; everything else of IAM is moto's (aws-behaviour 2)."""

import json
from typing import Any
from urllib.parse import quote

from runbook_lib.rehearsal.constraints import refuse_beyond
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import role_id
from runbook_lib.rehearsal.neighbours import ListedRole, neighbours_of
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.permissions import SERVICE_LINKED, trust_document
from runbook_lib.rehearsal.registry import Call, PassOn, operation, page
from runbook_lib.rehearsal.world import SimulatedRole

MOST_ROLES = 100
"""Roles in a page where nothing else is asked for [model]."""


@operation("iam", "GetRole")
def get_role(call: Call, RoleName: str) -> dict[str, Any]:
    """A simulated role or a service-linked one; others are looked for in moto."""
    found = account_of(call.world, call.account)
    if found is None:
        raise PassOn
    if role := found.roles.get(RoleName):
        return {"Role": _described(call, role, "/")}
    if RoleName in found.service_linked_roles:
        return {"Role": _service_linked(call, RoleName)}
    if RoleName.startswith("AWSServiceRoleFor"):
        raise ApiError("NoSuchEntity", f"The role with name {RoleName} cannot be found.", 404)
    raise PassOn


@operation("iam", "ListRoles")
def list_roles(call: Call, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int | None = None) -> dict[str, Any]:
    """Every role of the account: simulated ones, service-linked ones, and those that somebody created; by name [docs]."""
    found = account_of(call.world, call.account)
    if found is None:
        raise PassOn
    roles = [_described(call, role, "/") for role in found.roles.values()]
    roles += [_service_linked(call, name) for name in found.service_linked_roles]
    neighbours = neighbours_of(call.world)
    roles += [_created(call, role) for role in (neighbours.roles(call.account) if neighbours else ())]
    wanted = sorted((role for role in roles if role["Path"].startswith(PathPrefix)), key=lambda role: str(role["RoleName"]))
    shown, token = page(wanted, Marker, MaxItems, MOST_ROLES)
    return {"Roles": shown, "IsTruncated": token is not None, "Marker": token}


@operation("iam", "ListAttachedRolePolicies")
def list_attached_role_policies(call: Call, RoleName: str, **_: Any) -> dict[str, Any]:
    """A simulated role without policies of its own may do everything; others have them inline."""
    role = _own(call, RoleName)
    name, policy = "AdministratorAccess", f"arn:{call.partition}:iam::aws:policy/AdministratorAccess"
    attached = [{"PolicyName": name, "PolicyArn": policy}] if role is not None and role.policies is None else []
    return {"AttachedPolicies": attached, "IsTruncated": False}


@operation("iam", "ListRolePolicies")
def list_role_policies(call: Call, RoleName: str, **_: Any) -> dict[str, Any]:
    """The names of its inline policies."""
    return {"PolicyNames": list(_inline(_own(call, RoleName))), "IsTruncated": False}


@operation("iam", "GetRolePolicy")
def get_role_policy(call: Call, RoleName: str, PolicyName: str) -> dict[str, Any]:
    """One inline policy, as IAM shows documents."""
    document = _inline(_own(call, RoleName)).get(PolicyName)
    if document is None:
        raise ApiError("NoSuchEntity", f"The role policy with name {PolicyName} cannot be found.", 404)
    return {"RoleName": RoleName, "PolicyName": PolicyName, "PolicyDocument": quote(document)}


@operation("iam", "ListRoleTags")
def list_role_tags(call: Call, RoleName: str, **_: Any) -> dict[str, Any]:
    """No role here has tags."""
    _own(call, RoleName)
    return {"Tags": [], "IsTruncated": False}


def _own(call: Call, name: str) -> SimulatedRole | None:
    """A simulated role; None for a service-linked one; whatever somebody created is moto's."""
    found = account_of(call.world, call.account)
    if found is None or (name not in found.roles and name not in found.service_linked_roles):
        raise PassOn
    return found.roles.get(name)


def _inline(role: SimulatedRole | None) -> dict[str, str]:
    """Its inline policies by name; what seeds deny it is one of them."""
    if role is None:
        return {}
    named = {f"policy-{number}": each for number, each in enumerate(role.policies or (), 1)}
    if role.denied:
        statement = {"Effect": "Deny", "Action": list(role.denied), "Resource": "*"}
        named["denied"] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return named


def _checked(call: Call, **_: Any) -> dict[str, Any]:
    """Moto keeps it, and takes what the model rules out; the organization's own roles are nobody's to change here."""
    refuse_beyond("iam", call.operation, call.parameters, "ValidationError")
    found, name = account_of(call.world, call.account), call.parameters["RoleName"]
    if found is not None and name in found.roles:
        if call.operation == "CreateRole":
            raise ApiError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        raise ApiError("NotSimulated", f"iam:{call.operation} of the organization's own role {name} is not simulated", 501)
    raise PassOn


for _name in ("CreateRole", "UpdateAssumeRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "DeleteRole"):
    operation("iam", _name)(_checked)


@operation("iam", "CreateServiceLinkedRole")
def create_service_linked_role(call: Call, AWSServiceName: str, **_: Any) -> dict[str, Any]:
    """Making it twice is an error."""
    found = account_of(call.world, call.account)
    name = SERVICE_LINKED.get(AWSServiceName)
    if found is None or name is None:
        raise PassOn
    if name in found.service_linked_roles:
        text = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise ApiError("InvalidInput", text, 400)
    found.service_linked_roles.add(name)
    return {"Role": _service_linked(call, name)}


def _created(call: Call, role: ListedRole) -> dict[str, Any]:
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": f"arn:{call.partition}:iam::{call.account}:role{role.path}{role.name}",
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": quote(role.trust),
        "MaxSessionDuration": role.longest_session,
    }


def _service_linked(call: Call, name: str) -> dict[str, Any]:
    principal = next((each for each, role in SERVICE_LINKED.items() if role == name), "service.amazonaws.com")
    return _described(call, SimulatedRole(name, {principal}), f"/aws-service-role/{principal}/")


def _described(call: Call, role: SimulatedRole, path: str) -> dict[str, Any]:
    return {
        "Path": path,
        "RoleName": role.name,
        "RoleId": role_id(call.account, role),
        "Arn": f"arn:{call.partition}:iam::{call.account}:role{path}{role.name}",
        "CreateDate": 1_700_000_000,
        "AssumeRolePolicyDocument": quote(json.dumps(trust_document(frozenset(role.trusts), role.external_id))),
        "MaxSessionDuration": role.max_session_seconds,
    }
