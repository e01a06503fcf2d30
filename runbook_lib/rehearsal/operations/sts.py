"""sts: who am I, and AssumeRole with the checks that AWS makes (aws-behaviour 3.2)."""

import re
from typing import Any

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import role_id, session_credential
from runbook_lib.rehearsal.neighbours import neighbours_of
from runbook_lib.rehearsal.organization import account_of, member_active
from runbook_lib.rehearsal.permissions import may_assume
from runbook_lib.rehearsal.policies.document import Kind, read
from runbook_lib.rehearsal.policies.document import Policy as SessionPolicy
from runbook_lib.rehearsal.policies.wildcards import PolicyError
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import SimulatedRole

SHORTEST, CHAINED = 900, 3600
ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)")


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict[str, Any]:
    unique = call.caller.unique_id if call.caller else call.account
    return {"UserId": unique, "Account": call.account, "Arn": call.principal}


@operation("sts", "AssumeRole")
def assume_role(
    call: Call,
    RoleArn: str,
    RoleSessionName: str,
    DurationSeconds: int = 3600,
    ExternalId: str | None = None,
    Policy: str | None = None,
    PolicyArns: list[Any] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """A role that is missing, and one whose trust does not name the caller, are refused alike."""
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", RoleSessionName):
        raise _invalid(f"Value '{RoleSessionName}' at 'roleSessionName' failed to satisfy constraint: [\\w+=,.@-]{{2,64}}")
    match = ROLE_ARN.fullmatch(RoleArn)
    if match is None:
        raise _invalid(f"{RoleArn} is invalid")
    partition, account, name = match.groups()
    role, trust = _role(call, partition, account, name)
    asked = {"ExternalId": ExternalId, "RoleSessionName": RoleSessionName}
    if role is None or not may_assume(call, role, RoleArn, account, asked, trust):
        raise ApiError(
            "AccessDenied", f"User: {call.principal} is not authorized to perform: sts:AssumeRole on resource: {RoleArn}", 403
        )
    _check_duration(call, role, DurationSeconds)
    narrowed = _session_policies(Policy, PolicyArns)
    made = session_credential(call.world, account, role, RoleSessionName, DurationSeconds, narrowed)
    return {
        "Credentials": {
            "AccessKeyId": made.key,
            "SecretAccessKey": made.secret,
            "SessionToken": made.token,
            "Expiration": made.expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": f"{role_id(account, role)}:{RoleSessionName}", "Arn": made.principal},
    }


def _role(call: Call, partition: str, account: str, name: str) -> tuple[SimulatedRole | None, str]:
    """The role, where its account is active: a suspended or closed account's roles are as good as gone.

    The trust policy comes with one that somebody made with IAM; "" where the role itself says whom it trusts.
    """
    found = account_of(call.world, account)
    if found is None or partition != call.world.partition or not member_active(call.world, account):
        return None, ""
    neighbours = neighbours_of(call.world)
    made = neighbours.role(account, name) if neighbours and name not in found.roles else None
    if made is None:
        return found.roles.get(name), ""
    return SimulatedRole(name, set(), policies=made.policies, boundary=made.boundary), made.trust


def _session_policies(document: str | None, arns: list[Any] | None) -> tuple[SessionPolicy, ...] | None:
    """The policies that narrow the session: the one given; managed ones are not simulated."""
    if arns:
        raise SimulationError("AssumeRole with PolicyArns is not simulated")
    if document is None:
        return None
    try:
        return (read(document, Kind.SESSION),)
    except PolicyError as error:
        raise ApiError("MalformedPolicyDocument", str(error), 400) from None


def _check_duration(call: Call, role: SimulatedRole, seconds: int) -> None:
    """900 seconds up to the role's maximum; an hour at most where a role assumes a role."""
    if seconds < SHORTEST or seconds > 43200:
        raise _invalid(f"Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: between {SHORTEST} and 43200")
    if call.caller and call.caller.role and seconds > CHAINED:
        raise ApiError(
            "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if seconds > role.max_session_seconds:
        raise ApiError("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def _invalid(problem: str) -> ApiError:
    return ApiError("ValidationError", f"1 validation error detected: {problem}")
