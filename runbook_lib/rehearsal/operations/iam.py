"""iam: service-linked roles, and the roles of the simulated accounts; everything else of IAM is moto's (aws-behaviour 2)."""

import json
from typing import Any
from urllib.parse import quote

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import role_id
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.registry import Call, PassOn, operation
from runbook_lib.rehearsal.simulated import simulated
from runbook_lib.rehearsal.world import SimulatedRole

SERVICE_LINKED = {
    **{principal: role for each in simulated() for principal, role in each.roles.items()},
    "config.amazonaws.com": "AWSServiceRoleForConfig",
}


@operation("iam", "GetRole")
def get_role(call: Call, RoleName: str) -> dict[str, Any]:
    """A simulated role or a service-linked one; others are looked for in moto."""
    found = account_of(call.world, call.account)
    if found is None:
        raise PassOn
    if role := found.roles.get(RoleName):
        return {"Role": _described(call, role, "/", sorted(role.trusts))}
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
    return _described(call, SimulatedRole(name, {principal}), f"/aws-service-role/{principal}/", [principal])


def _described(call: Call, role: SimulatedRole, path: str, trusts: list[str]) -> dict[str, Any]:
    kind = "Service" if "amazonaws.com" in trusts[0] else "AWS"
    statement = {"Effect": "Allow", "Principal": {kind: trusts}, "Action": "sts:AssumeRole"}
    return {
        "Path": path,
        "RoleName": role.name,
        "RoleId": role_id(call.account, role),
        "Arn": f"arn:{call.partition}:iam::{call.account}:role{path}{role.name}",
        "CreateDate": 1_700_000_000,
        "AssumeRolePolicyDocument": quote(json.dumps({"Version": "2012-10-17", "Statement": [statement]})),
        "MaxSessionDuration": role.max_session_seconds,
    }
