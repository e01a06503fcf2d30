"""Roles that AWS's services assume to act for a customer: who they are, whether the trust is there, and what they may then do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.asked import Asked
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import Credential, role_id
from runbook_lib.rehearsal.neighbours import neighbours_of
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.permissions import decision_on, service_may, trust_document
from runbook_lib.rehearsal.policies.document import Kind, read
from runbook_lib.rehearsal.policies.wildcards import PolicyError
from runbook_lib.rehearsal.registry import HANDLERS, Call
from runbook_lib.rehearsal.world import SimulatedRole, World


@dataclass(frozen=True)
class Refused:
    """Why something may not be done. `absent`: because the role or resource is not there at all."""

    why: str
    absent: bool = False


def role_of(world: World, arn: str) -> tuple[SimulatedRole, Any] | None:
    """A role by its ARN and its trust policy as data; of the organization's own roles, or made with IAM."""
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    found = account_of(world, account)
    if found is not None and name in found.roles:
        role = found.roles[name]
        return role, trust_document(frozenset(role.trusts), role.external_id)
    neighbours = neighbours_of(world)
    made = neighbours.role(account, name) if neighbours else None
    if made is None:
        return None
    return SimulatedRole(name, set(), policies=made.policies, boundary=made.boundary), made.trust


def assumed(world: World, arn: str, service: str, source: str, session: str) -> Credential | Refused:
    """The session that a service gets of a role for a resource of the customer's (`source`, an ARN), or why it gets none."""
    known = role_of(world, arn)
    if known is None:
        return Refused(f"there is no role {arn}", absent=True)
    role, trust = known
    try:
        trusted = bool(trust) and service_may(trust, service, "sts:AssumeRole", arn, source, kind=Kind.TRUST)
    except PolicyError as error:
        return Refused(f"the trust policy of {arn} cannot be judged: {error}")
    if not trusted:
        return Refused(f"the trust policy of {arn} does not let {service} assume it")
    return session_of(world, arn, role, session)


def session_of(world: World, arn: str, role: SimulatedRole, session: str) -> Credential:
    """A session of a role, without asking whose it may be."""
    account = arn.split(":")[4]
    principal = f"arn:{world.partition}:sts::{account}:assumed-role/{role.name}/{session}"
    return Credential("", "", account, principal, f"{role_id(account, role)}:{session}", role)


def refused(world: World, session: Credential, asked: Asked, policy: str = "") -> Refused | None:
    """Why a session may not do something; None when it may. `policy`: the resource's own, as JSON."""
    try:
        resource_policy = read(policy, Kind.RESOURCE) if policy else None
        allowed = decision_on(world, session, asked, resource_policy).allowed
    except (SimulationError, PolicyError) as error:
        return Refused(f"whether {session.principal} may {asked.action} cannot be judged: {error}")
    return None if allowed else Refused(f"{session.principal} may not {asked.action} on {asked.resource or '*'}")


def run_as(world: World, session: Credential, service: str, operation: str, region: str, given: Mapping[str, Any]) -> Any:
    """Run one of our operations as a session. Raises its `ApiError`."""
    handler = HANDLERS.get((service, operation))
    if handler is None:
        raise ApiError("NotSimulated", f"{service}:{operation} is not simulated", 501)
    call = Call(world, service, operation, session.account, region, session.principal, dict(given), session)
    return handler(call, **given)
