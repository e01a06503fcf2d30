"""Who may do what in the simulated organization: the policies that bear on a caller, and what its requests ask leave for."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.asked import Asked, Facts, principal_of, role_arn
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import QUERY, Credential
from runbook_lib.rehearsal.neighbours import neighbours_of
from runbook_lib.rehearsal.operations.organizations import OrganizationsState
from runbook_lib.rehearsal.organization import account_of, ancestors, home_region
from runbook_lib.rehearsal.policies.document import Kind, Policy, Statement, read
from runbook_lib.rehearsal.policies.evaluation import Attached, Decision, Principal, Request, Who, decide
from runbook_lib.rehearsal.policies.operators import condition
from runbook_lib.rehearsal.policies.wildcards import PolicyError, Value
from runbook_lib.rehearsal.registry import Call
from runbook_lib.rehearsal.simulated import by_name, simulated
from runbook_lib.rehearsal.world import SimulatedRole, World

GLOBAL = ("organizations", "account", "iam", "sts")
"""Services without Regions of their own, or whose Region is not the caller's choice: `region_denied` spares them."""
UNASKED = ("sts:GetCallerIdentity", "sts:AssumeRole")
"""No policy takes the first away (aws-behaviour 3.2); on the second sts decides, by the role's trust policy too."""
SERVICE_LINKED = {
    **{principal: role for each in simulated() for principal, role in each.roles.items()},
    "config.amazonaws.com": "AWSServiceRoleForConfig",
}
"""Service principal → its service-linked role."""
EVERYTHING = (Statement(allows=True, actions=("*",)),)
ADMINISTRATOR, FULL_ACCESS = Policy(Kind.IDENTITY, EVERYTHING), Policy(Kind.SCP, EVERYTHING)
_ACCOUNT = "arn:{partition}:organizations::{management}:account/{organization}/{AccountId}"
_EVENTS, _SSM = ("arn:{partition}:" + each + ":{region}:{account}" for each in ("events", "ssm"))
RESOURCES: Mapping[str, Mapping[str, str]] = {
    "organizations": {
        "RegisterDelegatedAdministrator": _ACCOUNT,
        "DeregisterDelegatedAdministrator": _ACCOUNT,
        "DescribeAccount": _ACCOUNT,
        "RemoveAccountFromOrganization": _ACCOUNT,
        "CloseAccount": _ACCOUNT,
        **dict.fromkeys(
            (
                "DescribeOrganization",
                "DisableAWSServiceAccess",
                "EnableAWSServiceAccess",
                "ListAWSServiceAccessForOrganization",
                "ListAccounts",
                "ListDelegatedAdministrators",
                "ListPolicies",
                "ListRoots",
            ),
            "*",
        ),
    },
    "account": {"ListRegions": "arn:{partition}:account::{account}:account"},
    "events": {
        **dict.fromkeys(("PutRule", "DescribeRule", "EnableRule", "DisableRule", "DeleteRule"), f"{_EVENTS}:rule/{{Name}}"),
        **dict.fromkeys(("PutTargets", "RemoveTargets", "ListTargetsByRule"), f"{_EVENTS}:rule/{{Rule}}"),
        **dict.fromkeys(("ListRules", "ListRuleNamesByTarget", "ListEventBuses", "TestEventPattern"), "*"),
        **dict.fromkeys(("TagResource", "UntagResource", "ListTagsForResource"), "{ResourceARN}"),
    },
    "ssm": {
        **dict.fromkeys(("DeleteParameter", "GetParameter", "PutParameter"), f"{_SSM}:parameter{{Name}}"),
        "StartAutomationExecution": f"{_SSM}:automation-definition/{{DocumentName}}:{{DocumentVersion}}",
        **dict.fromkeys(
            ("GetAutomationExecution", "DescribeAutomationStepExecutions", "SendAutomationSignal", "StopAutomationExecution"),
            f"{_SSM}:automation-execution/{{AutomationExecutionId}}",
        ),
        "DescribeAutomationExecutions": "*",
    },
    "cloudformation": {"DescribeStacks": "{StackName}"},
    "states": {"DescribeExecution": "{executionArn}", "*": "{stateMachineArn}"},
    "cloudwatch": {"*": "*"},
    "codebuild": {"StartBuild": "arn:{partition}:codebuild:{region}:{account}:project/{projectName}"},
    "ec2": {"DescribeRegions": "*"},
    **{each.name: each.resources for each in simulated()},
}
"""Service → operation, or "*" for the rest → the ARN it is authorized on; what is not here nobody knows [ref]."""


def refuse_denied(world: World, caller: Credential, asked: Asked) -> None:
    """Raise the service's refusal of what the caller's policies do not allow: the call itself, or what it does on its behalf."""
    if asked.action in UNASKED:
        return
    for each in (asked, *_dependents(world, asked)):
        decision = decision_on(world, caller, each)
        if not decision.allowed:
            raise denied(caller, asked.service, each.action, decision, _resource(world, caller, each))


def decision_on(world: World, caller: Credential, asked: Asked, resource_policy: Policy | None = None) -> Decision:
    """What all policies say of it. What they say beyond the simulation is a `SimulationError`."""
    owner = asked.owner or caller.account
    facts = Facts(world, caller, asked, owner)
    request = Request(principal_of(world, caller), asked.action, _resource(world, caller, asked), owner, facts.value)
    try:
        return decide(request, _attached(world, caller, owner, resource_policy))
    except PolicyError as error:
        raise SimulationError(f"whether {caller.principal} may {asked.action} is not simulated: {error}") from error


def denied(caller: Credential, service: str, action: str, decision: Decision, resource: str | None = None) -> ApiError:
    """A refusal in IAM's words, which name one kind of policy [docs: troubleshoot access denied error messages]."""
    kind = (Kind.RESOURCE if decision.kind is Kind.KEY else decision.kind or Kind.IDENTITY).value
    article = "an" if kind.startswith("i") else "a"
    why = f"with an explicit deny in {article} {kind}" if decision.explicit else f"because no {kind} allows the {action} action"
    text = f"User: {caller.principal} is not authorized to perform: {action} on resource: {resource or '*'} {why}"
    return ApiError("AccessDenied", text, 403) if service in QUERY else ApiError("AccessDeniedException", text)


def require_service_linked_role(call: Call, principal: str, refusal: ApiError | None = None) -> None:
    """Enabling a service makes its role with the caller's permissions, where the account does not have it [docs][issue SRA#308]."""
    account, name = account_of(call.world, call.account), SERVICE_LINKED[principal]
    if account is None or call.caller is None or name in account.service_linked_roles:
        return
    region = home_region(call.world)
    asked = Asked("iam", "CreateServiceLinkedRole", region, {"AWSServiceName": principal}, via=True)
    decision = decision_on(call.world, call.caller, asked)
    if not decision.allowed:
        raise refusal or denied(call.caller, call.service, asked.action, decision, _resource(call.world, call.caller, asked))


def may_assume(call: Call, role: SimulatedRole, arn: str, account: str, parameters: Mapping[str, Any], trust: str = "") -> bool:
    """Whether the caller's policies and the role's trust policy (JSON, or what the role trusts) together let it assume a role."""
    if call.caller is None:  # an account's root user, which assumes no role
        return False
    asked = Asked("sts", "AssumeRole", call.region, parameters, arn, account)
    policy = read(trust, Kind.TRUST) if trust else _trust_policy(frozenset(role.trusts), role.external_id)
    return decision_on(call.world, call.caller, asked, policy).allowed


def trust_document(trusts: frozenset[str], external_id: str | None) -> dict[str, Any]:
    """The trust policy of a role as IAM shows it."""
    services = sorted(each for each in trusts if each.endswith(".amazonaws.com"))
    others = sorted(trusts - set(services))
    principal = {kind: named for kind, named in (("AWS", others), ("Service", services)) if named}
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement] if principal else []}


@cache
def _trust_policy(trusts: frozenset[str], external_id: str | None) -> Policy:
    return read(trust_document(trusts, external_id), Kind.TRUST)


def _dependents(world: World, asked: Asked) -> Iterator[Asked]:
    """What a service does in Organizations on its caller's behalf, in the same moment."""
    service = by_name().get(asked.service)
    if service is None or asked.operation not in service.needs:
        return
    administrator = asked.parameters.get(service.designation[2], "") if service.designation else ""
    parameters = {"ServicePrincipal": service.principal, "AccountId": administrator}
    for action in service.needs[asked.operation]:
        prefix, _, operation = action.partition(":")
        yield Asked(prefix, operation, home_region(world), parameters, via=True)


def _attached(world: World, caller: Credential, owner: str, resource_policy: Policy | None) -> Attached:
    role = caller.role
    return Attached(
        identity=(ADMINISTRATOR,) if role is None else tuple(identity_policies(role)),
        boundary=read(role.boundary, Kind.BOUNDARY) if role and role.boundary else None,
        session=caller.session,
        resource=resource_policy,
        scps=levels_of(world, caller.account, Kind.SCP),
        rcps=levels_of(world, owner, Kind.RCP),
        management=world.organization.management,
    )


def identity_policies(role: SimulatedRole) -> Iterator[Policy]:
    """The role's own policies; without any it may do everything but what it is `denied`."""
    if role.policies is None:
        yield _all_but(role.denied)
        return
    for text in role.policies:
        yield read(text, Kind.IDENTITY)
    if role.denied:
        yield Policy(Kind.IDENTITY, (Statement(allows=False, actions=role.denied),))


@cache
def _all_but(denied: tuple[str, ...]) -> Policy:
    return Policy(Kind.IDENTITY, (Statement(allows=True, not_actions=denied),))


@cache
def _region_deny(region: str, globs: tuple[str, ...]) -> Policy:
    spared = tuple(f"{service}:*" for service in GLOBAL)
    there = (condition("StringEquals", "aws:RequestedRegion", [region]),)
    return Policy(Kind.SCP, (Statement(allows=False, actions=globs, not_actions=spared, conditions=there),))


TYPES = {Kind.SCP: "SERVICE_CONTROL_POLICY", Kind.RCP: "RESOURCE_CONTROL_POLICY"}


def levels_of(world: World, account: str, kind: Kind) -> tuple[tuple[Policy, ...], ...]:
    """The organization's policies of this kind that bind an account, root first; nothing where there are none of them at all."""
    organization = world.organization
    found = [each for each in world.of(OrganizationsState).policies if each["type"] == TYPES[kind]]
    place = f"arn:{world.partition}:organizations::{organization.management}:policy/{organization.id}/{TYPES[kind].lower()}"
    denies = organization.region_denied if kind is Kind.SCP else {}
    if not (found or denies) or account not in organization.accounts:
        return ()
    bare = world.of(OrganizationsState).without_full_access
    path = [*ancestors(world, organization.accounts[account].parent), account]
    levels = [
        (
            *((FULL_ACCESS,) if kind is Kind.SCP and target not in bare else ()),
            *(read(each["content"], kind, f"{place}/{each['id']}") for each in found if target in each["targets"]),
        )
        for target in path
    ]
    levels[0] += tuple(_region_deny(region, tuple(globs)) for region, globs in denies.items())
    return tuple(levels)


def _resource(world: World, caller: Credential, asked: Asked) -> str | None:
    """What the request is authorized on; None where nobody knows."""
    if asked.resource or asked.service == "iam":
        return asked.resource or _role_asked_for(world, caller, asked.parameters)
    known = RESOURCES.get(asked.service, {})
    template = known.get(asked.operation, known.get("*"))
    # Rules of other buses than the default one carry the bus in their ARN, which no template has.
    elsewhere = asked.service == "events" and asked.parameters.get("EventBusName", "default") != "default"
    if template is None or elsewhere or (asked.service == "account" and asked.parameters.get("AccountId")):
        return None
    organization = world.organization
    facts = {
        "partition": world.partition,
        "management": organization.management,
        "organization": organization.id,
        "account": caller.account,
        "region": asked.region,
    }
    # A parameter that is missing, or that the model rules out, names nothing; the operation refuses it, where policies let it.
    return template.format_map(defaultdict(str, {**asked.parameters, **facts}))


def _role_asked_for(world: World, caller: Credential, parameters: Mapping[str, Any]) -> str | None:
    """The role of GetRole, SimulatePrincipalPolicy and CreateServiceLinkedRole, with its path."""
    if source := parameters.get("PolicySourceArn"):
        return str(source)
    name, principal = parameters.get("RoleName"), parameters.get("AWSServiceName")
    principal = principal or next((each for each, role in SERVICE_LINKED.items() if role == name), None)
    if principal:
        linked = name or SERVICE_LINKED.get(principal, "AWSServiceRole")
        return role_arn(world, caller.account, f"aws-service-role/{principal}/{linked}")
    found = account_of(world, caller.account)
    if name and found and name in found.roles:
        return role_arn(world, caller.account, name)
    return role_arn(world, caller.account, f"{_path(world, caller.account, name, parameters)}{name}") if name else None


def _path(world: World, account: str, name: str, parameters: Mapping[str, Any]) -> str:
    """The path of a role that somebody creates, or has created; of one that is not there nobody knows more than its name."""
    if "Path" in parameters:
        return str(parameters["Path"])[1:]
    neighbours = neighbours_of(world)
    roles = neighbours.roles(account) if neighbours else ()
    return next((each.path for each in roles if each.name == name), "/")[1:]


def service_may(
    policy: str | Mapping[str, Any],
    service: str,
    action: str,
    resource: str,
    source: str,
    *,
    kind: Kind = Kind.RESOURCE,
    named: bool = True,
    more: Mapping[str, Value] | None = None,
) -> bool:
    """Whether a resource's policy lets an AWS service act on behalf of another resource (an ARN). Raises `PolicyError`.

    `named`: whether the service names that resource, so that conditions can ask for it. `more`: condition keys (in lower case)
    that this kind of request has besides.
    """
    facts: dict[str, Value] = {
        **(more or {}),
        "aws:sourcearn": source if named else None,
        "aws:sourceaccount": source.split(":")[4] if named else None,
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service,
        "aws:securetransport": "true",
        "aws:sourceowner": None,  # SNS's own default policy asks for it; only requests of accounts have it
    }

    def context(key: str) -> Value:
        if key.lower() not in facts:
            raise PolicyError(f"the condition key {key} is not simulated for services")
        return facts[key.lower()]

    request = Request(Principal(Who.SERVICE, service), action, resource, resource.split(":")[4], context)
    return decide(request, Attached(resource=read(policy, kind))).allowed
