"""Roles that settings name for channels in place of made ones: read with every policy, and judged; never changed.

A role has to let EventBridge assume it for the channel's rules, and let it do what the channel needs. What it lets more is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.services.response import policies
from runbook_lib.services.response.named import MISSING
from runbook_lib.services.response.names import IAM
from runbook_lib.services.response.state import ChannelRole
from runbook_lib.services.response.wanted import WantedRole

READS = frozenset(
    f"{IAM}:{each}"
    for each in ("GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies", "GetPolicy", "GetPolicyVersion")
)


def found_role(name: str, account: str, region: str, reader: Reader) -> Mapping[str, Any] | None:
    """A role as IAM shows it; None where there is none. Raises CallFailed."""
    try:
        found: Mapping[str, Any] = reader.read(IAM, "GetRole", account, region, RoleName=name)["Role"]
    except CallFailed as error:
        if error.code in MISSING:
            return None
        raise
    return found


def read_own_role(name: str, account: str, region: str, reader: Reader) -> ChannelRole | None:
    """A role with the statements of all its policies; None where there is none. Raises CallFailed."""
    if (found := found_role(name, account, region, reader)) is None:
        return None
    inline = [
        each for page in reader.pages(IAM, "ListRolePolicies", account, region, RoleName=name) for each in page["PolicyNames"]
    ]
    pages = reader.pages(IAM, "ListAttachedRolePolicies", account, region, RoleName=name)
    attached = [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]]
    jobs = [
        *(partial(_inline, name, each, account, region, reader) for each in inline),
        *(partial(_attached, each, account, region, reader) for each in attached),
    ]
    statements = [each for policy in reader.parallel(jobs) for each in policies.statements_of(policy)]
    return ChannelRole(found.get("AssumeRolePolicyDocument") or {}, {"Statement": statements}, ours=False)


def _inline(role: str, policy: str, account: str, region: str, reader: Reader) -> Mapping[str, Any]:
    found = reader.read(IAM, "GetRolePolicy", account, region, RoleName=role, PolicyName=policy)
    document: Mapping[str, Any] = found["PolicyDocument"]
    return document


def _attached(arn: str, account: str, region: str, reader: Reader) -> Mapping[str, Any]:
    version = reader.read(IAM, "GetPolicy", account, region, PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = reader.read(IAM, "GetPolicyVersion", account, region, PolicyArn=arn, VersionId=version)
    document: Mapping[str, Any] = found["PolicyVersion"]["Document"]
    return document


def lacks(wanted: WantedRole, role: ChannelRole) -> str:
    """Why EventBridge cannot use the channel by this role; "" where it can."""
    if why := policies.not_trusted(role.trust, wanted.rules):
        return why
    refused = [f"{action} on {arn}" for action, arn in _needed(wanted) if not policies.allowed(role.policy, action, arn)]
    return f"its policies do not let it {refused[0]}" if refused else ""


def wider(wanted: WantedRole, role: ChannelRole) -> tuple[str, ...]:
    """What it lets more than the channel needs, in words."""
    said = []
    if any(not each.get("Condition") for each in policies.trusting(role.trust)):
        said.append("EventBridge may assume it for any rule")
    needed = set(_needed(wanted))
    for each in policies.statements_of(role.policy):
        if each.get("Effect") == "Allow" and not set(_pairs(each)) <= needed:
            told = policies.listed(each.get("Action")) or ["everything but what it names"]
            said.append(f"it may {', '.join(map(str, told))} on {', '.join(map(str, policies.listed(each.get('Resource'))))}")
    return tuple(said)


def _needed(wanted: WantedRole) -> Sequence[tuple[str, str]]:
    return [pair for each in policies.statements_of(wanted.policy) for pair in _pairs(each)]


def _pairs(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every action and resource of a statement; a statement that names them the other way round has one that nothing needs."""
    for action in policies.listed(statement.get("Action")) or ["*"]:
        yield from ((str(action), str(each)) for each in policies.listed(statement.get("Resource")) or ["*"])
