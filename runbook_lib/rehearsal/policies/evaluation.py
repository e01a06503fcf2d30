"""The decision about one request, from every policy that bears on it.

Sources, all of the IAM user guide unless named: how AWS enforcement code logic evaluates requests; policy evaluation within one
account, and across accounts; permissions boundaries; AWS Organizations user guide, effects of SCPs and RCPs on permissions; AWS KMS
developer guide, key policies.
"""

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from runbook_lib.rehearsal.policies.document import Kind, Policy, Principals, Statement
from runbook_lib.rehearsal.policies.wildcards import Context, PolicyError, arn_like, filled, like

RESTRICTED_BY_RCP = frozenset({"s3", "sts", "sqs", "kms", "secretsmanager", "ecr", "aoss"})
"""Services whose resources RCPs are about [docs orgs_manage_policies_rcps, read for mid 2025]; all others they leave alone."""


class Who(Enum):
    """What a principal is, as far as policies treat it differently."""

    USER = "user"
    SESSION = "role session"
    LINKED = "session of a service-linked role"
    ROOT = "root user"
    SERVICE = "AWS service"


@dataclass(frozen=True)
class Principal:
    """Who asks. `arn`: of the user, session or root user, or the service's name; `role`: of the role behind a session."""

    who: Who
    arn: str
    account: str = ""
    role: str = ""


@dataclass(frozen=True)
class Request:
    """What is asked. `resource` is an ARN, "*" for an action that knows none, None where nobody knows which one AWS asks for."""

    principal: Principal
    action: str
    resource: str | None
    owner: str
    """The account whose resource it is."""
    context: Context


@dataclass(frozen=True)
class Attached:
    """The policies that bear on a request; SCPs (of the principal's account) and RCPs (of the owner's) by level, root first."""

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: Policy | None = None
    scps: tuple[tuple[Policy, ...], ...] = ()
    rcps: tuple[tuple[Policy, ...], ...] = ()
    management: str = ""
    """The management account, which neither SCPs nor RCPs bind."""


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed; where it is not, by which kind of policy, and by which one that denies it explicitly."""

    allowed: bool
    kind: Kind | None = None
    policy: Policy | None = field(default=None, compare=False)

    @property
    def explicit(self) -> bool:
        return self.policy is not None


ALLOWED = Decision(allowed=True)


class Named(IntEnum):
    """How a resource's policy names the principal: the nearer, the less of the principal's own policies is asked."""

    NOT = 0
    ACCOUNT = 1
    """It leaves the decision to the policies of that account."""
    ROLE = 2
    """Or everybody: no identity policy is needed in the same account, boundary and session policy go on limiting."""
    ITSELF = 3
    """Exactly this user, session or service."""


def decide(request: Request, attached: Attached) -> Decision:
    """Whether AWS allows a request. Raises `PolicyError` where a policy that bears on it says what is not simulated."""
    levels = _binding(request, attached)
    own = (*attached.identity, *_there(attached.boundary), *(attached.session or ()))
    for policy in (*(each for _, level in levels for each in level), *_there(attached.resource), *own):
        if any(not each.allows and _applies(each, policy.kind, request, attached) for each in policy.statements):
            return Decision(allowed=False, kind=policy.kind, policy=policy)
    for kind, level in levels:
        # What RCPFullAWSAccess allows cannot be detached, and no RCP may allow anything itself.
        if kind is Kind.SCP and not any(_allowing(policy, request, attached) for policy in level):
            return _silent(kind)
    return _granted(request, attached)


def _binding(request: Request, attached: Attached) -> list[tuple[Kind, tuple[Policy, ...]]]:
    """The levels of the organization's policies that bind this request: RCPs, then SCPs."""
    who, found = request.principal.who, list[tuple[Kind, tuple[Policy, ...]]]()
    service = request.action.partition(":")[0].lower()
    if who is not Who.LINKED and request.owner != attached.management and service in RESTRICTED_BY_RCP:
        found += [(Kind.RCP, level) for level in attached.rcps]
    if who not in (Who.LINKED, Who.SERVICE) and request.principal.account != attached.management:
        found += [(Kind.SCP, level) for level in attached.scps]
    return found


def _granted(request: Request, attached: Attached) -> Decision:
    """What the principal's own policies and the resource's policy grant together."""
    principal, resource = request.principal, attached.resource
    named = _named_by(resource, request) if resource else Named.NOT
    if principal.who is Who.SERVICE:
        return ALLOWED if named else _silent(resource.kind if resource else Kind.RESOURCE)
    needed = resource is not None and resource.kind in (Kind.TRUST, Kind.KEY)
    if resource is not None and resource.kind is Kind.TRUST and principal.who is Who.ROOT:
        return _silent(resource.kind)  # a root user assumes no role
    if not named and (needed or principal.account != request.owner):
        return _silent(resource.kind if resource else Kind.RESOURCE)
    if principal.account == request.owner and named is Named.ITSELF:
        return ALLOWED
    limits: tuple[tuple[Kind, tuple[Policy, ...]], ...] = (
        *(((Kind.BOUNDARY, (attached.boundary,)),) if attached.boundary else ()),
        *(((Kind.SESSION, attached.session),) if attached.session is not None else ()),
    )
    spared = principal.who is Who.ROOT or (principal.account == request.owner and named is Named.ROLE)
    for kind, policies in (*(() if spared else ((Kind.IDENTITY, attached.identity),)), *limits):
        if not any(_allowing(policy, request, attached) for policy in policies):
            return _silent(kind)
    return ALLOWED


def _silent(kind: Kind) -> Decision:
    """Nothing of this kind allows it."""
    return Decision(allowed=False, kind=kind)


def _there(policy: Policy | None) -> tuple[Policy, ...]:
    return (policy,) if policy else ()


def _allowing(policy: Policy, request: Request, attached: Attached) -> bool:
    return any(each.allows and _applies(each, policy.kind, request, attached) for each in policy.statements)


def _named_by(policy: Policy, request: Request) -> Named:
    """How near the policy's allowing statements come to the principal."""
    about = (each for each in policy.statements if each.allows and _about(each, policy.kind, request))
    return max((_naming(each.principals or {}, request.principal) for each in about), default=Named.NOT)


def _applies(statement: Statement, kind: Kind, request: Request, attached: Attached) -> bool:
    """Whether a statement is about this principal, action, resource and circumstances."""
    if kind.names_principals:
        if statement.not_principals is not None:
            if not attached.boundary and _all_named(statement.not_principals, request.principal):
                return False
        elif not _naming(statement.principals or {}, request.principal):
            return False
    return _about(statement, kind, request)


def _about(statement: Statement, kind: Kind, request: Request) -> bool:
    """Whether a statement is about this action, resource and circumstances."""
    action = request.action
    if statement.actions is not None and not any(like((each,), action, ignore_case=True) for each in statement.actions):
        return False
    if statement.not_actions is not None and any(like((each,), action, ignore_case=True) for each in statement.not_actions):
        return False
    if not _about_resource(statement, kind, request):
        return False
    # Also what comes after a condition that does not hold: what is not simulated in it is an error in any case.
    held = [each.holds(request.context, variables=statement.variables) for each in statement.conditions]
    return all(held)


def _about_resource(statement: Statement, kind: Kind, request: Request) -> bool:
    if statement.resources == ("*",) or kind is Kind.TRUST:
        return True
    if request.resource is None:
        raise PolicyError(f"a {kind.value} names resources, and the resource of {request.action} is not simulated")
    if statement.resources is not None:
        return any(_fits(each, request, statement) for each in statement.resources)
    return not any(_fits(each, request, statement) for each in statement.not_resources or ())


def _fits(pattern: str, request: Request, statement: Statement) -> bool:
    parts = filled(pattern, request.context, variables=statement.variables)
    return parts is not None and arn_like(parts, request.resource or "")


def _naming(principals: Principals, principal: Principal) -> Named:
    if principal.who is Who.SERVICE:
        everybody = "*" in principals.get("AWS", ())
        return Named.ITSELF if everybody or principal.arn in principals.get("Service", ()) else Named.NOT
    named = principals.get("AWS", ())
    if principal.arn in named and principal.who is not Who.ROOT:
        return Named.ITSELF
    if "*" in named or (principal.role and principal.role in named):
        return Named.ROLE
    return Named.ACCOUNT if any(_is_account(each, principal.account) for each in named) else Named.NOT


def _is_account(named: str, account: str) -> bool:
    return named == account or (named.endswith(f"::{account}:root") and named.startswith("arn:"))


def _all_named(principals: Principals, principal: Principal) -> bool:
    """Whether a NotPrincipal spares a principal: its account, its role and itself have to be named, all of them [docs]."""
    if principal.who is Who.SERVICE:
        return bool(_naming(principals, principal))
    named = principals.get("AWS", ())
    if "*" in named:
        return True
    itself = [each for each in (principal.role, principal.arn) if each and principal.who is not Who.ROOT]
    return set(itself) <= set(named) and any(_is_account(each, principal.account) for each in named)
