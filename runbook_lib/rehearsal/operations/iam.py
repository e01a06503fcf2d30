"""iam: service-linked roles, and the roles of the simulated accounts; everything else of IAM is moto's (aws-behaviour 2)."""

import json
from typing import Any
from urllib.parse import quote

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import role_id
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.permissions import SERVICE_LINKED, trust_document
from runbook_lib.rehearsal.registry import Call, PassOn, operation
from runbook_lib.rehearsal.world import SimulatedRole


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
