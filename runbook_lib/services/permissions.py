"""The table of permission statements: what IAM has to allow each of the runbook's roles, made from what services say they call.

A role that changes has everything of the role that reads the same account: a plan is made anew before each stage. Narrowed where
AWS lets it be (service authorization reference); policies, pages and templates are all made from these statements.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from runbook_lib.aws.endpoints import partition_facts, sts_region
from runbook_lib.organization.reads import OTHER_WAYS, READS
from runbook_lib.services.departures import departure_of, leaving, undoing_calls
from runbook_lib.services.implementations import SERVICES, service_named
from runbook_lib.services.registry import RESPONSE, action_name, specs, ways_out
from runbook_lib.services.response.cases import ROLE
from runbook_lib.services.response.drill import Drill
from runbook_lib.services.response.names import CHANNEL_ROLE, ROLE_PATH
from runbook_lib.services.response.own_roles import READS as OWN_ROLES
from runbook_lib.services.response.reconciling import READS as RECKONING
from runbook_lib.services.response.remediation import Remediation
from runbook_lib.services.spec import ServiceSpec
from runbook_lib.settings import EvidenceSection, Settings

MANAGEMENT, DELEGATED, MEMBER = "management", "delegated", "member"
READING = {
    MANAGEMENT: ("runbook-management-read", "runbook-management-change"),
    DELEGATED: ("runbook-delegated-read", "runbook-delegated-change"),
    MEMBER: ("runbook-member",),
}
"""Account → the roles that read there."""
CHANGING = {MANAGEMENT: READING[MANAGEMENT][1:], DELEGATED: READING[DELEGATED][1:], MEMBER: READING[MEMBER]}
"""Account → the roles that change there."""
EVIDENCE = ("runbook-evidence",)
RESPONDING = ("runbook-response",)
"""What the delegated account's roles need besides where settings have a response: a policy of its own, for IAM's have a longest."""
OFFBOARDING = {account: f"runbook-offboarding-{account}" for account in READING}
"""Account → the policy that its roles need besides, to leave what settings allow to be left and to take changes back."""
ROLES = (*READING[MANAGEMENT], *READING[DELEGATED], *READING[MEMBER], *RESPONDING, *EVIDENCE, *OFFBOARDING.values())
SHARED = {
    "account:ListRegions": (MANAGEMENT, DELEGATED, MEMBER),
    "config:DescribeConfigurationAggregatorSourcesStatus": (DELEGATED,),
    "config:DescribeConfigurationAggregators": (DELEGATED,),
    "config:DescribeConfigurationRecorderStatus": (MANAGEMENT, DELEGATED, MEMBER),
    "config:SelectAggregateResourceConfig": (DELEGATED,),
    "iam:GetRole": (MANAGEMENT, DELEGATED),
}
"""Actions of no enabling service → the accounts that call them; those of Organizations are the management account's."""
AUTHORIZATION, TRUST = "[docs] service authorization reference", "organizations:ServicePrincipal"


@dataclass(frozen=True)
class Names:
    """What of an organization the statements name. Placeholders, unless it is known."""

    partition: str = "PARTITION"
    management: str = "MANAGEMENT"
    delegated: str = "DELEGATED"
    organization: str = "ORGANIZATION"
    member_role: str = "runbook-member"
    member_via: str = DELEGATED
    """Whose credentials assume the role in member accounts; "" where there is none."""
    services: frozenset[str] = field(default_factory=lambda: frozenset(spec.name for spec in specs()))
    evidence: EvidenceSection | None = None
    response: bool = True
    """Whether findings are brought to people too."""
    leaves: Mapping[str, tuple[str, ...]] = field(default_factory=ways_out)
    """What may be left → by which levels."""
    back_out: bool = True
    """Whether changes are taken back too."""
    doors: Mapping[str, str] = field(default_factory=dict)
    """Account → the role that settings name for it, where they name one."""

    @classmethod
    def of(cls, settings: Settings, *, back_out: bool = False) -> "Names":
        """What settings say; whether changes are to be taken back too, they do not."""
        named = (region for section in settings.sections().values() for region in section.regions)
        home = min(named, default=sts_region(settings))
        told, members = settings.organization, settings.access.members
        doors = {MANAGEMENT: settings.access.management.role_arn, DELEGATED: settings.access.delegated.role_arn}
        return cls(
            partition_facts(home)[0],
            told.management_account,
            told.delegated_account,
            told.id,
            members.role_name if members else "",
            members.via if members else "",
            frozenset(settings.sections()),
            settings.evidence,
            settings.response is not None,
            {each.service: each.levels for each in settings.offboarding or ()},
            back_out,
            {account: role for account, role in doors.items() if role},
        )


@dataclass(frozen=True)
class Statement:
    """One Allow. `condition`: condition key → the values that it has to equal."""

    roles: tuple[str, ...]
    sid: str
    actions: tuple[str, ...]
    reason: str
    resources: tuple[str, ...] = ("*",)
    condition: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = AUTHORIZATION


def statements(names: Names) -> tuple[Statement, ...]:
    """Every statement that the runbook needs, for the services and accounts that are named."""
    managed = tuple(spec for spec in specs() if spec.name in names.services)
    return (
        *_calls(managed),
        *_narrowed(names, managed),
        *_asking(names),
        *_service_linked(names, managed),
        *_dependents(managed),
        *_response(names),
        *_members(names),
        *_evidence(names),
        *_leaving(names),
    )


def document(role: str, table: Iterable[Statement]) -> dict[str, Any]:
    """The IAM policy of one role."""
    return {"Version": "2012-10-17", "Statement": [_written(each) for each in table if role in each.roles]}


def _written(statement: Statement) -> dict[str, Any]:
    condition = {"StringEquals": {key: list(values) for key, values in statement.condition.items()}}
    return {
        "Sid": statement.sid,
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": list(statement.resources),
        **({"Condition": condition} if statement.condition else {}),
    }


def callers(action: str, managed: Iterable[ServiceSpec]) -> tuple[str, ...]:
    """The accounts whose roles make a call. Raises KeyError for an action of nobody's."""
    prefix, _, operation = action.partition(":")
    if action in SHARED:
        return SHARED[action]
    if prefix == "organizations":
        return (MANAGEMENT,)
    spec = {each.name: each for each in managed}[prefix]
    if (by := spec.designation) and operation in (by.list_operation, by.enable_operation, by.disable_operation):
        return (MANAGEMENT,)
    there = ((MANAGEMENT, spec.in_management), (DELEGATED, frozenset({operation})), (MEMBER, spec.in_members))
    return tuple(account for account, operations in there if operation in operations)


def _called(managed: tuple[ServiceSpec, ...]) -> Iterator[tuple[str, str, bool]]:
    """Account, action, whether it changes: every call of the services that are managed."""
    known = {"organizations", *(spec.name for spec in managed)}
    involved = [service for service in SERVICES if service.name in known]
    reads = READS.union(*(each.reads for each in involved)) - OTHER_WAYS
    changes = frozenset().union(*(each.mutations for each in involved))
    for action in sorted(reads | changes):
        if action.partition(":")[0] in known or action in SHARED:
            yield from ((account, action, action in changes) for account in callers(action, managed))


def _as_iam_has_it(action: str) -> str:
    return action_name(*action.split(":"))


NARROWED = ("iam:GetRole", "organizations:EnableAWSServiceAccess", "organizations:RegisterDelegatedAdministrator")
"""Actions that have a statement of their own."""


def _calls(managed: tuple[ServiceSpec, ...]) -> Iterator[Statement]:
    """What can be narrowed by nothing but its name: one statement for each account, kind and service."""
    plain = sorted((account, changes, action) for account, action, changes in _called(managed) if action not in NARROWED)
    for (account, changes, prefix), found in groupby(plain, lambda each: (each[0], each[1], each[2].partition(":")[0])):
        roles, kind = (CHANGING, "Change") if changes else (READING, "Read")
        yield Statement(
            roles[account],
            f"{account.title()}{kind}{prefix.title()}",
            tuple(_as_iam_has_it(action) for _, _, action in found),
            f"what the plans {'call' if changes else 'are made from'}",
        )


def _narrowed(names: Names, managed: tuple[ServiceSpec, ...]) -> Iterator[Statement]:
    roles = (f"arn:{names.partition}:iam::*:role/aws-service-role/*",)
    reading = (*READING[MANAGEMENT], *READING[DELEGATED])
    yield Statement(reading, "ReadServiceLinkedRoles", ("iam:GetRole",), "whether services have their roles", roles)
    trusted = tuple(principal for spec in managed for principal in spec.principals)
    yield Statement(
        CHANGING[MANAGEMENT],
        "TrustServices",
        ("organizations:EnableAWSServiceAccess",),
        "trusted access; designating does it too, on its caller's behalf",
        condition={TRUST: trusted},
    )
    administrator = f"arn:{names.partition}:organizations::{names.management}:account/{names.organization}/{names.delegated}"
    yield Statement(
        CHANGING[MANAGEMENT],
        "RegisterAdministrator",
        ("organizations:RegisterDelegatedAdministrator",),
        "this account, and no other, may be registered; designating does it too, on its caller's behalf",
        (administrator,),
        {TRUST: tuple(spec.designation.principal for spec in managed if spec.designation)},
    )


PREFLIGHT = ("iam:GetRole", "iam:SimulatePrincipalPolicy")
"""What asks for an opinion about permissions beforehand; people read it, a stack does not ask."""


def _asking(names: Names) -> Iterator[Statement]:
    """What the permission preflight asks IAM's simulation: about the account's own roles, whose path only IAM knows."""
    for account, number in ((MANAGEMENT, names.management), (DELEGATED, names.delegated)):
        roles = (*(f"arn:{names.partition}:iam::{number}:role/{role}" for role in READING[account]), names.doors.get(account, ""))
        yield Statement(
            READING[account],
            f"{account.title()}Preflight",
            PREFLIGHT,
            "whether calls would be allowed, asked before any is made",
            tuple(dict.fromkeys(filter(None, roles))),
        )


def _service_linked(names: Names, managed: tuple[ServiceSpec, ...]) -> Iterator[Statement]:
    """The first enabling in an account makes the service's role, with its caller's permissions."""
    for spec in managed:
        yield Statement(
            (*CHANGING[MANAGEMENT], *CHANGING[DELEGATED]),
            f"ServiceLinkedRole{spec.name.title()}",
            ("iam:CreateServiceLinkedRole",),
            f"enabling {spec.title} makes its service-linked roles",
            tuple(f"arn:{names.partition}:iam::*:role/aws-service-role/{each}/*" for each in spec.role_principals),
            {"iam:AWSServiceName": spec.role_principals},
            "[docs] each service's page on service-linked roles; [issue SRA#308]",
        )


def _dependents(managed: tuple[ServiceSpec, ...]) -> Iterator[Statement]:
    """What services do on their caller's behalf and no other statement allows it."""
    calls = {(account, action): changes for account, action, changes in _called(managed)}
    for account, reading in READING.items():
        for changes, roles in ((False, reading), (True, CHANGING[account])):
            asking = {
                f"{spec.name}:{operation}": needed
                for spec in managed
                for operation, needed in spec.needs.items()
                if calls.get((account, f"{spec.name}:{operation}")) is changes
            }
            left = {action for needed in asking.values() for action in needed if (account, action) not in calls}
            if left:
                callers_of = sorted(operation for operation, needed in asking.items() if left & set(needed))
                yield Statement(
                    roles,
                    f"{account.title()}{'Change' if changes else 'Read'}OnBehalf",
                    tuple(sorted(left)),
                    f"done on behalf of whoever calls {' or '.join(map(_as_iam_has_it, callers_of))}",
                    source="[docs] permissions to designate a delegated administrator; dependent actions",
                )


def _response(names: Names) -> Iterator[Statement]:
    """Findings brought to people: Security Hub's custom actions, and the services that carry messages."""
    if not names.response:
        return
    service = service_named(RESPONSE)
    table = (
        ("Read", service.reads, "what the plans are made from"),
        ("Change", service.mutations, "what the plans call"),
        ("Drill", Drill.reads - service.reads | Drill.sends, "what a drill sends, and looks at"),
        ("Reckon", RECKONING, "what left by each route, by EventBridge's own count"),
        ("Remediate", Remediation.updates, "what a remediation sets of a finding whose cause is gone"),
    )
    for kind, asked, why in table:
        wide = sorted(each for each in asked if not each.startswith("iam:"))
        for prefix, found in groupby(wide, lambda each: each.partition(":")[0]):
            yield Statement(RESPONDING, f"Response{kind}{prefix.title().replace('-', '')}", tuple(map(_as_iam_has_it, found)), why)
    queues, topics = (f"arn:{names.partition}:{each}:*:{names.delegated}:*" for each in ("sqs", "sns"))
    reason = "queues and topics are tagged when they are made"
    yield Statement(RESPONDING, "ResponseTagQueues", ("sqs:TagQueue",), reason, (queues,))
    yield Statement(RESPONDING, "ResponseTagTopics", ("sns:TagResource",), reason, (topics,))
    machines, tables = (f"arn:{names.partition}:{each}:*:{names.delegated}:*" for each in ("states", "dynamodb"))
    reason = "what counts the messages of a channel with a ceiling is tagged when it is made"
    yield Statement(RESPONDING, "ResponseTagMachines", ("states:TagResource",), reason, (machines,))
    yield Statement(RESPONDING, "ResponseTagTables", ("dynamodb:TagResource",), reason, (tables,))
    channels = _channel_roles(names)
    for kind, asked, why in table[:2]:
        on_roles = tuple(sorted(each for each in asked - (OWN_ROLES - OF_CHANNEL_ROLES) if each.startswith("iam:")))
        yield Statement(RESPONDING, f"Response{kind}ChannelRoles", on_roles, f"{why}: roles of channels", (channels,))
    own = tuple(
        f"arn:{names.partition}:iam::{each}"
        for each in (f"{names.delegated}:role/*", f"{names.delegated}:policy/*", "aws:policy/*")
    )
    reason = "roles that settings name for channels, and their policies"
    yield Statement(RESPONDING, "ResponseReadOwnRoles", tuple(sorted(OWN_ROLES)), reason, own)
    yield Statement(RESPONDING, "ResponseTagChannelRoles", ("iam:TagRole",), "they are tagged when they are made", (channels,))
    yield Statement(
        RESPONDING,
        "ResponsePassChannelRoles",
        ("iam:PassRole",),
        "a rule's target, and what counts messages, names its role",
        (channels,),
        {"iam:PassedToService": ("events.amazonaws.com", "states.amazonaws.com")},
    )
    roles, why = f"arn:{names.partition}:iam::*:role/{ROLE}*", "the workflows' roles in member accounts, one for each"
    yield Statement(RESPONDING, "ResponseAssumeWorkflowRoles", ("sts:AssumeRole",), why, (roles,))


def _channel_roles(names: Names) -> str:
    """The roles by which EventBridge uses channels."""
    return f"arn:{names.partition}:iam::{names.delegated}:role{ROLE_PATH}{CHANNEL_ROLE}*"


def _leaving(names: Names) -> Iterator[Statement]:
    """What leaving calls and reads, level by level as it is allowed, and what only taking a change back calls."""
    changes, backing, inside = set[str](), set[str](), set[str]()
    undone = tuple(
        each for each in ways_out() if names.back_out and (each in names.services or (each == RESPONSE and names.response))
    )
    for service, levels in {**dict.fromkeys(undone, ()), **names.leaves}.items():
        for level in departure_of(service).levels:
            if level.name in levels:
                changes |= level.operations
                inside |= level.inside
            elif service in undone:
                backing |= level.operations
    for service in ("organizations", *undone) if names.back_out else ():
        backing |= undoing_calls(service).keys()
    looked = frozenset[str]().union(*(leaving(each).reads for each in {*names.leaves, *undone}))
    looked -= SHARED.keys() - OF_CHANNEL_ROLES
    reads = {*_callers(looked), *((MEMBER, action) for action in inside)}
    table = (
        ("Read", reads, "what leaving is planned from"),
        ("Leave", _callers(changes), "what the levels call"),
        ("BackOut", _callers(backing - changes), "what taking a change back calls"),
    )
    for kind, asked, why in table:
        on_roles = tuple(sorted(action for _, action in asked if action in OF_CHANNEL_ROLES))
        if on_roles:
            yield Statement((OFFBOARDING[DELEGATED],), f"Leaving{kind}ChannelRoles", on_roles, why, (_channel_roles(names),))
        plain = sorted(each for each in asked if each[1] not in (*GIVEN_UP, *OF_CHANNEL_ROLES))
        for (account, prefix), found in groupby(plain, lambda each: (each[0], each[1].partition(":")[0])):
            actions = tuple(_as_iam_has_it(action) for _, action in found)
            yield Statement((OFFBOARDING[account],), f"Leaving{account.title()}{kind}{prefix.title()}", actions, why)
    yield from _given_up(names, changes | backing)


OF_CHANNEL_ROLES = frozenset({"iam:GetRole", "iam:GetRolePolicy", "iam:DeleteRole", "iam:DeleteRolePolicy"})
"""What leaving asks of the roles of channels, and of no other."""
GIVEN_UP = ("organizations:DeregisterDelegatedAdministrator", "organizations:DisableAWSServiceAccess")
"""Of these each has a statement of its own, narrowed to the services that are left."""


def _given_up(names: Names, asked: set[str]) -> Iterator[Statement]:
    left = tuple(spec for spec in specs() if spec.name in names.leaves or (names.back_out and spec.name in names.services))
    administrator = f"arn:{names.partition}:organizations::{names.management}:account/{names.organization}/{names.delegated}"
    principals = {
        GIVEN_UP[0]: tuple(spec.designation.principal for spec in left if spec.designation),
        GIVEN_UP[1]: tuple(principal for spec in left for principal in spec.principals),
    }
    for action, resource in zip(GIVEN_UP, (administrator, "*"), strict=True):
        if action in asked:
            sid = f"Leaving{action.partition(':')[2]}"
            reason = "this account's registration, and no other" if resource != "*" else "trusted access of these services"
            yield Statement((OFFBOARDING[MANAGEMENT],), sid, (action,), reason, (resource,), {TRUST: principals[action]})


def _callers(actions: Iterable[str]) -> set[tuple[str, str]]:
    """Account and action of calls of leaving; what carries messages is the delegated account's."""
    known = {"organizations", *(spec.name for spec in specs())}
    return {
        (account, action)
        for action in actions
        for account in (callers(action, specs()) if action.partition(":")[0] in known else (DELEGATED,))
    }


def _members(names: Names) -> Iterator[Statement]:
    """Whoever assumes the role in member accounts needs leave to; the other doors are opened by the runner's own identity."""
    if names.member_via in READING:
        role = f"arn:{names.partition}:iam::*:role/{names.member_role}"
        yield Statement(READING[names.member_via], "AssumeMemberRole", ("sts:AssumeRole",), "the role in member accounts", (role,))


def _evidence(names: Names) -> Iterator[Statement]:
    """The key that seals, and the bucket that keeps."""
    settings = names.evidence
    key = settings.signing_key if settings else f"arn:{names.partition}:kms:REGION:ACCOUNT:key/KEY"
    place, _, alias = key.partition(":alias/")
    yield Statement(
        EVIDENCE,
        "Sign",
        ("kms:GetPublicKey", "kms:Sign"),
        "the signing key of live runs",
        (f"{place}:key/*",) if alias else (key,),
        {"kms:RequestAlias": (f"alias/{alias}",)} if alias else {},
        "[docs] AWS KMS condition keys",
    )
    if settings and not settings.bucket:
        return
    bucket, _, prefix = (settings.bucket if settings else "s3://BUCKET/PREFIX").removeprefix("s3://").partition("/")
    reads = ("s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning", "s3:ListBucketVersions")
    writes = ("s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectRetention")
    yield Statement(
        EVIDENCE, "ReadStore", reads, "the store of evidence, if it is in S3", (f"arn:{names.partition}:s3:::{bucket}",)
    )
    objects = f"arn:{names.partition}:s3:::{bucket}/{prefix.rstrip('/')}/*" if prefix else f"arn:{names.partition}:s3:::{bucket}/*"
    yield Statement(EVIDENCE, "KeepEvidence", writes, "its objects, written once and locked", (objects,))
