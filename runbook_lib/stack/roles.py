"""Roles as the stacks' templates have them: each with what it needs inline, narrowed wherever AWS allows."""

import json
from typing import Any

from runbook_lib.services.permissions import (
    DELEGATED,
    EVIDENCE,
    MANAGEMENT,
    PREFLIGHT,
    READING,
    Names,
    Statement,
    document,
    statements,
)
from runbook_lib.settings import Settings

ROLE = "runbook-stack"
"""The role that works: other accounts' roles trust it by name."""


def role(name: str, service: str, allowed: list[dict[str, Any]]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    inline = {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": allowed}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": {"Fn::Sub": name} if "${" in name else name,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [inline],
        },
    }


def allow(actions: list[str], *resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def arn(rest: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{rest}"}


def writing_logs() -> dict[str, Any]:
    group = arn("logs:${AWS::Region}:${AWS::AccountId}:log-group:/runbook/${AWS::StackName}:*")
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], group)


def allowed(settings: Settings, *, changing: bool = True) -> list[dict[str, Any]]:
    """What the phases need of the role that carries them out: the tables' statements for the accounts in which it acts itself.

    Without `changing`, what a look at the coverage needs.
    """
    table = [each for each in statements(Names.of(settings)) if each.actions != PREFLIGHT]
    access, evidence, of = settings.access, settings.evidence, -1 if changing else 0
    own = [READING[MANAGEMENT][of]] if access.management.role_arn is None else []
    own += [READING[DELEGATED][of]] if access.delegated.role_arn is None else []
    own += [EVIDENCE[-1]] if settings.mode == "live" and evidence and evidence.role_arn is None else []
    roles = [
        access.management.role_arn,
        access.delegated.role_arn,
        evidence.role_arn if evidence and settings.mode == "live" else None,
    ]
    assumed = tuple(dict.fromkeys(role for role in roles if role))
    assuming = Statement((ROLE,), "AssumeRoles", ("sts:AssumeRole",), "the other accounts", assumed)
    found = [each for name in own for each in document(name, table)["Statement"]] + document(ROLE, [assuming])["Statement"]
    return list({json.dumps(each, sort_keys=True): each for each in found}.values())
