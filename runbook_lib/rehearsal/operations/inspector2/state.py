"""What the simulated Inspector knows: scanning, administrators, members and settings, by Region."""

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.operations import service_roles
from runbook_lib.rehearsal.operations.inspector2 import texts
from runbook_lib.rehearsal.operations.roster import Roster
from runbook_lib.rehearsal.permissions import require_service_linked_role
from runbook_lib.rehearsal.registry import Call, page
from runbook_lib.rehearsal.world import Settling, World, current, get_or_make, settled

PRINCIPAL = "inspector2.amazonaws.com"
SERVICE_ROLES = ("AWSServiceRoleForAmazonInspector2", "AWSServiceRoleForAmazonInspector2Agentless")
TYPES = ("EC2", "ECR", "LAMBDA", "LAMBDA_CODE", "CODE_REPOSITORY")
"""[model] ResourceScanType: what Enable takes."""
MEMBER_NAMES = {
    "EC2": "ec2",
    "ECR": "ecr",
    "LAMBDA": "lambda",
    "LAMBDA_CODE": "lambdaCode",
    "CODE_REPOSITORY": "codeRepository",
    "AMI": "ami",
}
"""[model] Scan types as members of AutoEnable, ResourceStatus and ResourceState; AMI is known only there."""
ASSOCIATED = frozenset({"CREATED", "ENABLED", "REGION_DISABLED", "ACCOUNT_SUSPENDED"})
UNSUPPORTED = {
    "eu-south-1": frozenset({"LAMBDA_CODE"}),
    "us-gov-west-1": frozenset({"LAMBDA_CODE"}),
    "us-gov-east-1": frozenset({"LAMBDA_CODE"}),
}
"""Region → scan types it lacks [docs inspector regions][tf PR#38254]; a seed may say otherwise."""


@dataclass
class Scanning:
    """One account's scanning in one Region. A scan type settles between ENABLING, ENABLED, DISABLING, DISABLED."""

    scans: dict[str, Settling] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    """Scan type → when it was first on; the trial runs from there."""
    flickers: bool = False
    """The next status read shows the account ENABLED and every scan type DISABLED, once [code tf]."""

    def now(self, kind: str) -> str:
        """The status without counting as a poll."""
        return current(self.scans[kind]) if kind in self.scans else "DISABLED"

    def read(self, kind: str) -> str:
        return self.scans[kind].read() if kind in self.scans else "DISABLED"

    def statuses(self) -> dict[str, str]:
        """ResourceStatus as answers carry it."""
        return {name: self.now(kind) for kind, name in MEMBER_NAMES.items()}


def overall(statuses: dict[str, str]) -> str:
    """The account's status from those of its scan types: on while one is on (assumed)."""
    return next((each for each in ("ENABLED", "ENABLING", "DISABLING") if each in statuses.values()), "DISABLED")


@dataclass
class Member:
    """An account as its administrator sees it; `relationship` is AWS's RelationshipStatus."""

    account: str
    relationship: Settling
    updated: float


@dataclass
class Administrator:
    """The delegated administrator of a Region. `usable` settles from "no" to "yes" by its own calls; `leaving` while disabling."""

    account: str
    usable: Settling
    relationship: Settling
    leaving: Settling | None = None


@dataclass
class OrganizationConfiguration:
    """Auto-enable flags; until `lag` has settled, reads still see the flags of before (aws-behaviour 6.2)."""

    flags: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(MEMBER_NAMES.values(), False))
    before: dict[str, bool] = field(default_factory=dict)
    lag: Settling = field(default_factory=lambda: Settling("new", "new", 0))


@dataclass
class Configured:
    """One scan configuration of an account: its values, and its status, which settles from PENDING to SUCCESS."""

    values: dict[str, Any]
    status: Settling
    updated: float


@dataclass
class InspectorState:
    """Everything; Regions are keys, so nothing of one Region is seen in another."""

    scanning: dict[tuple[str, str], Scanning] = field(default_factory=dict)
    administrators: dict[str, Administrator] = field(default_factory=dict)
    members: dict[str, Roster[Member]] = field(default_factory=dict)
    organizations: dict[str, OrganizationConfiguration] = field(default_factory=dict)
    configured: dict[tuple[str, str, str], Configured] = field(default_factory=dict)
    """(account, Region, "ec2" | "ecr" | "ami") → what was set in the account, by a call or by its first activation."""
    individual: set[tuple[str, str, str]] = field(default_factory=set)
    """Keys of `configured` that the administrator set for that one member, which no longer follows it [model]."""
    filters: dict[tuple[str, str], dict[str, dict[str, Any]]] = field(default_factory=dict)
    """(account, Region) → ARN → filter."""
    paths: dict[str, list[str]] = field(default_factory=dict)
    """Region → the organization's deep inspection paths."""
    governed: set[str] = field(default_factory=set)
    """Accounts that an INSPECTOR_POLICY of the organization governs: world event "organization policy governs"."""
    listening: bool = False

    def of(self, account: str, region: str) -> Scanning:
        return get_or_make(self.scanning, (account, region), Scanning)

    def members_of(self, region: str) -> Roster[Member]:
        return get_or_make(self.members, region, Roster)

    def organization(self, region: str) -> OrganizationConfiguration:
        return get_or_make(self.organizations, region, OrganizationConfiguration)

    def associated(self, account: str, region: str) -> bool:
        """Whether the account is associated with the administrator, settled or not."""
        member = self.members_of(region).get(account)
        return member is not None and current(member.relationship) in ASSOCIATED


def state_of(world: World) -> InspectorState:
    return world.of(InspectorState)


def is_administrator(call: Call) -> bool:
    """Whether the caller is this Region's delegated administrator, usable or not yet."""
    administrator = state_of(call.world).administrators.get(call.region)
    return administrator is not None and administrator.account == call.account and administrator.leaving is None


def require_administrator(call: Call, what: str) -> None:
    """Refuse a caller that is not (or, so soon after designation, not yet) the administrator (aws-behaviour 11.2)."""
    if not is_administrator(call) or state_of(call.world).administrators[call.region].usable.read() == "no":
        raise texts.no_access(what)


def unsupported(world: World, region: str) -> frozenset[str]:
    """Scan types that Inspector does not have in a Region."""
    return world.unavailable.get("inspector2", {}).get(region, UNSUPPORTED.get(region, frozenset()))


def require_supported(call: Call, kinds: list[str]) -> None:
    """Refuse a whole call that names a scan type the Region lacks [tf PR#38254]."""
    for kind in kinds:
        if kind in unsupported(call.world, call.region):
            raise texts.denied(texts.NOT_SUPPORTED.format(scan=texts.SCANS[kind], region=call.region))


def switch_on(world: World, account: str, region: str, kinds: list[str]) -> None:
    """Start scanning: ENABLING, then ENABLED after polls. The account gets the service-linked roles (aws-behaviour 2).

    The first EC2 activation is hybrid scanning (aws-behaviour 10.1); 14 days of ECR re-scan are assumed.
    """
    state, now = state_of(world), world.now()
    scanning = state.of(account, region)
    if not world.settles_at_once and overall(scanning.statuses()) == "DISABLED":
        scanning.flickers = True  # what settles at once was on before anybody looked
    for kind in kinds:
        if scanning.now(kind) not in ("ENABLED", "ENABLING"):
            scanning.scans[kind] = world.settling("ENABLING", "ENABLED", "inspector2", account)
            scanning.since.setdefault(kind, now)
    if "EC2" in kinds:
        state.configured.setdefault((account, region, "ec2"), Configured({"scanMode": "EC2_HYBRID"}, settled("SUCCESS"), now))
    if "ECR" in kinds:
        ecr = {"rescanDuration": "DAYS_14", "pullDateRescanDuration": "DAYS_14", "pullDateRescanMode": "LAST_IN_USE_AT"}
        state.configured.setdefault((account, region, "ecr"), Configured(ecr, settled("SUCCESS"), now))
    service_roles.give(world, account, *SERVICE_ROLES)


def require_service_role(call: Call) -> None:
    """Enabling the own account makes the service-linked role with the caller's permissions [issue SRA#308]."""
    require_service_linked_role(call, PRINCIPAL, texts.denied(texts.NO_SERVICE_ROLE))


def paged(items: list[Any], token: str | None, size: int | None, largest: int) -> tuple[list[Any], str | None]:
    """One page of a listing."""
    return page(items, token, page_size(token, size, largest), largest)


def page_size(token: str | None, size: int | None, largest: int) -> int:
    """How many rows a page may have; a size that the model rules out, or a made up token, is a ValidationException."""
    if size is not None and not 1 <= size <= largest:
        constraint = f"Member must have value between 1 and {largest}"
        raise texts.invalid(texts.OUT_OF_RANGE.format(field="maxResults", constraint=constraint))
    if token and not token.isdecimal():
        raise texts.invalid(texts.OUT_OF_RANGE.format(field="nextToken", constraint="Member must be a token of this service"))
    return size or largest


def check_batch(field_name: str, items: list[str], largest: int = 100) -> None:
    """Refuse a whole batch above the model's maximum; botocore does not."""
    if len(items) > largest:
        constraint = f"Member must have length less than or equal to {largest}"
        raise texts.invalid(texts.OUT_OF_RANGE.format(field=field_name, constraint=constraint))
