"""The roles that settings need, as files for whoever makes them: IAM's policies, Terraform, CloudFormation, or a table. Pure.

Each role has the statements of the permissions table and nothing else; who may assume it is what settings say of its door.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.services.permissions import (
    DELEGATED,
    EVIDENCE,
    MANAGEMENT,
    MEMBER,
    OFFBOARDING,
    READING,
    RESPONDING,
    Names,
    Statement,
    document,
    statements,
)
from runbook_lib.settings import Door, Settings

RUNNER = "RUNNER"
"""In the place of whoever opens a door from outside: settings do not say who that is."""
EVERY_MEMBER = "every member account"
SHORTEST_LIMIT = 3600
"""IAM lets no role's sessions be limited to less [docs: CreateRole, MaxSessionDuration]."""


@dataclass(frozen=True)
class NeededRole:
    """A role to be made, or a policy that roles have besides (`trust` is None then)."""

    name: str
    account: str
    """Where it is made: an account id, or words for several accounts."""
    policy: Mapping[str, Any]
    statements: tuple[Statement, ...]
    trust: Mapping[str, Any] | None
    session_seconds: int = SHORTEST_LIMIT
    path: str = "/"


def needed(settings: Settings, *, back_out: bool = False, door: str = "") -> tuple[NeededRole, ...]:
    """Every role that these settings lead to work with, in the order in which they are needed; for taking changes back if asked.

    `door`: only what whoever holds that account's door alone has to be given.
    """
    found = _needed(settings, back_out, door)
    if not door:
        return found
    told, named = settings.organization, {**READING, DELEGATED: (*READING[DELEGATED], *RESPONDING)}[door]
    members = settings.access.members
    through = {each.name for each in found if members is not None and members.via == door and each.account == EVERY_MEMBER}
    own = {MANAGEMENT: told.management_account, DELEGATED: told.delegated_account}[door]
    return tuple(
        each for each in found
        if each.name in (*named, *through, OFFBOARDING[door]) or (each.name in EVIDENCE and each.account == own)
    )  # fmt: skip


def _needed(settings: Settings, back_out: bool, door: str) -> tuple[NeededRole, ...]:
    names, told, access = Names.of(settings, back_out=back_out), settings.organization, settings.access
    table = (*statements(names), *_ways(settings, names))
    if door == DELEGATED:
        table = (*table, _organization(table))
    roles = [
        *((role, told.management_account, access.management) for role in READING[MANAGEMENT]),
        *((role, told.delegated_account, access.delegated) for role in READING[DELEGATED]),
    ]
    found = [_role(role, account, each, settings, names, table) for role, account, each in roles]
    if access.members is not None:
        door_ = Door(role_arn=None, **access.members.model_dump(exclude={"role_name"}))
        path, _, name = access.members.role_name.rpartition("/")
        made = [_role(role, EVERY_MEMBER, door_, settings, names, table) for role in READING[MEMBER]]
        found += [replace(each, name=name, path=f"/{path}/" if path else "/") for each in made]
    if settings.response is not None:
        words = f"{told.delegated_account}, besides {' and '.join(READING[DELEGATED])}"
        found += [NeededRole(role, words, document(role, table), _of(role, table), None) for role in RESPONDING]
    where = {MANAGEMENT: told.management_account, DELEGATED: told.delegated_account, MEMBER: EVERY_MEMBER}
    for account, role in OFFBOARDING.items():
        if mine := _of(role, table):
            words = f"{where[account]}, besides {' and '.join(READING[account])}"
            found.append(NeededRole(role, words, document(role, table), mine, None))
    if settings.evidence is not None:
        way, key = Door(role_arn=settings.evidence.role_arn), settings.evidence.signing_key
        found += [_role(role, key.split(":")[4], way, settings, names, table) for role in EVIDENCE]
    return tuple(found)


def _organization(table: Iterable[Statement]) -> Statement:
    """What the delegated account asks of Organizations where nobody asks as the management account: AWS shows it to both."""
    reading = (each.actions for each in table if READING[MANAGEMENT][0] in each.roles)
    asked = sorted({action for actions in reading for action in actions if action.startswith("organizations:")})
    return Statement(
        READING[DELEGATED], "ReadOrganization", tuple(asked), "the organization, which a delegated administrator may read"
    )


def _ways(settings: Settings, names: Names) -> Iterator[Statement]:
    """Leave to assume the other account's roles, where its door is reached by way of this one: reading as reading."""
    for account, door in ((MANAGEMENT, settings.access.management), (DELEGATED, settings.access.delegated)):
        for role in READING[account] if door.via != "ambient" else ():
            kind = role.rpartition("-")[2]
            target = _arn(names, settings, account, role)
            openers = tuple(each for each in READING[door.via] if each.endswith(kind))
            yield Statement(
                openers,
                f"Assume{account.title()}{kind.title()}Role",
                ("sts:AssumeRole",),
                f"the way to the {account} account",
                (target,),
            )


def _arn(names: Names, settings: Settings, account: str, role: str) -> str:
    told = settings.organization
    number = told.management_account if account == MANAGEMENT else told.delegated_account
    return f"arn:{names.partition}:iam::{number}:role/{role}"


def _of(role: str, table: Iterable[Statement]) -> tuple[Statement, ...]:
    return tuple(each for each in table if role in each.roles)


def _role(role: str, account: str, door: Door, settings: Settings, names: Names, table: Iterable[Statement]) -> NeededRole:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": _opener(role, door, settings, names)},
                "Action": "sts:AssumeRole",
                **({"Condition": {"StringEquals": {"sts:ExternalId": door.external_id}}} if door.external_id else {}),
            }
        ],
    }
    seconds = max(SHORTEST_LIMIT, door.session_seconds)
    return NeededRole(role, account, document(role, table), _of(role, table), trust, seconds)


def _opener(role: str, door: Door, settings: Settings, names: Names) -> list[str] | str:
    """Who may assume a role: the roles of the door that it is reached by way of, of the same kind; else the runner."""
    if door.via == "ambient":
        return RUNNER
    kind = role.rpartition("-")[2]
    openers = [each for each in READING[door.via] if role in READING[MEMBER] or each.endswith(kind)]
    return [_arn(names, settings, door.via, each) for each in openers]


def as_json(roles: Iterable[NeededRole]) -> str:
    """Each role's documents as IAM takes them."""
    found = {
        each.name: {
            "account": each.account,
            "path": each.path,
            "policy": each.policy,
            **({"trust_policy": each.trust, "max_session_duration": each.session_seconds} if each.trust else {}),
        }
        for each in roles
    }
    return json.dumps(found, indent=2) + "\n"


def as_terraform(roles: Iterable[NeededRole]) -> str:
    """Terraform's JSON (`roles.tf.json`); the variable `runner` is the ARN of whoever opens doors from outside."""
    made: dict[str, dict[str, Any]] = {}
    for each in roles:
        key, policy = each.name.replace("-", "_"), _compact(each.policy)
        if each.trust is None:
            made.setdefault("aws_iam_policy", {})[key] = {"name": each.name, "policy": policy}
            continue
        made.setdefault("aws_iam_role", {})[key] = {
            "name": each.name,
            "path": each.path,
            "max_session_duration": each.session_seconds,
            "assume_role_policy": _compact(each.trust).replace(f'"{RUNNER}"', '"${var.runner}"'),
        }
        made.setdefault("aws_iam_role_policy", {})[key] = {
            "name": "runbook",
            "role": f"${{aws_iam_role.{key}.name}}",
            "policy": policy,
        }
    variable = {"runner": {"type": "string", "description": "ARN of the role or user that runs the runbook."}}
    return json.dumps({"variable": variable, "resource": made}, indent=2) + "\n"


def as_cloudformation(roles: Iterable[NeededRole]) -> str:
    """One template; a stack of it in an account makes all roles that it holds, so choose those of one account."""
    resources: dict[str, Any] = {}
    for each in roles:
        logical = re.sub(r"\W", "", each.name.title())
        if each.trust is None:
            described = {"ManagedPolicyName": each.name, "PolicyDocument": each.policy}
            resources[logical] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": described}
            continue
        resources[logical] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": each.name,
                "Path": each.path,
                "MaxSessionDuration": each.session_seconds,
                "AssumeRolePolicyDocument": _with_parameter(each.trust),
                "Policies": [{"PolicyName": "runbook", "PolicyDocument": each.policy}],
            },
        }
    runner = {"Runner": {"Type": "String", "Description": "ARN of the role or user that runs the runbook."}}
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Parameters": runner, "Resources": resources}, indent=2) + "\n"


def _with_parameter(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_parameter(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_parameter(each) for each in value]
    return {"Ref": "Runner"} if value == RUNNER else value


def as_table(roles: Iterable[NeededRole]) -> str:
    """For people: each role, and each of its actions with what it is narrowed to."""
    lines = []
    for each in roles:
        lines += [f"{each.name} in {each.account}"]
        for statement in each.statements:
            where = ", ".join("everything" if resource == "*" else resource for resource in statement.resources)
            only = "".join(f", only {key} {' or '.join(values)}" for key, values in statement.condition.items())
            lines += [f"  {', '.join(statement.actions)}", f"    on {where}{only}: {statement.reason}"]
        lines += [""]
    return "\n".join(lines)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


FORMATS: Mapping[str, Callable[[Iterable[NeededRole]], str]] = {
    "table": as_table,
    "json": as_json,
    "terraform": as_terraform,
    "cloudformation": as_cloudformation,
}
