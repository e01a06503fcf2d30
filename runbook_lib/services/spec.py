"""What is true of one AWS service by name and number: the table from which phases, limits, settings and documents are derived.

The bottom layer: settings, limits and plans may import it, so it imports nothing of the library. Each service writes its own in
`services/<name>/spec.py`; what it *does* is in the modules beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STAGES: Mapping[str, str] = {
    "prepare": "calls made in the delegated account before designation, so that designation switches on nothing by default",
    "management": "calls made in the management account",
    "delegated": "calls made in the delegated account as administrator",
    "members": "calls made in member accounts through the member role",
    "workloads": "calls that act on workloads inside accounts: agents, snapshots, endpoints, scans of code and images",
    "lowering": "calls that lower protection, each named under allow_lowering",
}
"""The stages of every phase that enables a service, in order, each with its own gate → what is done in it."""
DESIGNATING = tuple(
    f"organizations:{operation}"
    for operation in (
        "DescribeAccount",
        "DescribeOrganization",
        "DescribeOrganizationalUnit",
        "EnableAWSServiceAccess",
        "ListAWSServiceAccessForOrganization",
        "ListDelegatedAdministrators",
        "RegisterDelegatedAdministrator",
    )
)
"""What services' pages list as needed for designating an administrator, beside the service's own operation."""
STANDARDS = "standards"
"""The aspect of which checks a service is to make, where settings say so."""
EVALUATING = "evaluating"
"""The aspect of a service that works by AWS Config: whether it evaluates where it is on."""
WITHOUT_REGIONS = frozenset({"account", "iam", "organizations"})
"""Services of which there is one in a partition: a call may go through any Region and means none."""
GLOBAL = "global"
"""Where those are, in the place of a Region, wherever a person reads."""
INTEGRATION = "integration"
"""The aspect of a service that gathers findings: whether those of the others reach it."""
ACCOUNT = "{account}"
"""In the parameters of a probe: the account that asks."""


def place_of(service: str, region: str) -> str:
    """The Region, or that there is none."""
    return GLOBAL if service in WITHOUT_REGIONS else region


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: requests per second and burst, per account and Region."""

    per_second: float
    burst: int
    source: str
    """[model] botocore's service model, [docs] AWS's quota pages, [assumed] nothing is published, our own careful guess."""


@dataclass(frozen=True)
class Offer:
    """Where a service, or one feature of it, exists.

    `only`: nowhere else; `lacking`: Regions, or beginnings of Region names, without it.
    """

    source: str
    """[model] botocore's endpoints, [docs] an AWS page, [issue] a public thread that shows AWS's answer, [assumed] our own careful
    reading of announcements."""
    read: str
    """The month the source was read."""
    only: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()

    def includes(self, region: str) -> bool:
        """Whether the Region has it."""
        return (not self.only or region in self.only) and not region.startswith(self.lacking or ("-",))


@dataclass(frozen=True)
class Designation:
    """How a service designates its delegated administrator: names of operations, fields and parameters.

    Without operations of its own the registration in Organizations is the designation, for every Region at once.
    """

    service: str
    title: str
    principal: str
    list_operation: str = ""
    list_key: str = ""
    account_field: str = ""
    status_field: str = ""
    """Empty where the list tells no status: who is in it is the administrator."""
    enable_operation: str = ""
    enable_parameter: str = ""
    """Empty where the call takes none."""
    disable_operation: str = ""
    usable_operation: str = "DescribeOrganizationConfiguration"
    inside_accounts: str = ""
    disabling: str = "Ends the designation in this Region only; members become standalone."
    """What taking the designation back does, and what is lost by it."""
    deregistering: str = (
        "Taking the registration back ends the administrator in every Region and unlinks all members: first take back the "
        "designation of each Region, and only then this."
    )

    @property
    def reads(self) -> frozenset[str]:
        """What finding out about the administrator calls."""
        own = {f"{self.service}:{self.list_operation}"} if self.list_operation else set()
        return frozenset({*own, "organizations:ListDelegatedAdministrators"})

    @property
    def mutations(self) -> frozenset[str]:
        """What designating plans."""
        own = {f"{self.service}:{self.enable_operation}"} if self.enable_operation else set()
        return frozenset({*own, "organizations:RegisterDelegatedAdministrator"})


@dataclass(frozen=True)
class Probe:
    """A harmless read that shows whether an account may use the service in a Region; `not_on` is the answer of one that is off."""

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    not_on: tuple[str, str] = ("", "")
    """Error code, and a part of its message, by which the service says that it was reached and is merely off."""

    def asked_by(self, account: str) -> dict[str, Any]:
        """The parameters, for the account that asks."""
        return {
            name: [account if each == ACCOUNT else each for each in value] if isinstance(value, list) else value
            for name, value in self.parameters.items()
        }

    def answers_that_it_is_off(self, code: str, message: str) -> bool:
        """Whether an error says only that the service is off."""
        known, words = self.not_on
        return bool(known) and code == known and words in message


OTHER = "other"
"""The last family of every product: what fits none of the rest."""


@dataclass(frozen=True)
class Family:
    """Findings of one product that one team answers in one way.

    A finding belongs to it where a part of its types, or its control's id, begins with one of the marks; parts are what stands
    between slashes and colons.
    """

    name: str
    marks: tuple[str, ...]


def families(*names: str) -> tuple[Family, ...]:
    """Families that are marked by their own names."""
    return tuple(Family(name, (name,)) for name in names)


@dataclass(frozen=True)
class Findings:
    """What a service reports to Security Hub: the classes for which somebody has to answer."""

    product: str
    """The end of its ARN as a product."""
    families: tuple[Family, ...]
    source: str
    """With the month in which it was read."""


@dataclass(frozen=True)
class CentralConfiguration:
    """Where a service says that something else than its administrator configures the accounts."""

    operation: str
    key: str
    kind_field: str
    status_field: str
    local: str
    """The kind that leaves the configuration to the administrator."""
    enabled: str
    """The status in which the administrator's changes are taken."""


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """One enabling service. Names are AWS's; every number stands beside its source."""

    name: str
    """The boto3 client name, also the name of the service's folders."""
    title: str
    section: str
    """The key of its section in settings, and of its prices."""
    full_title: str = ""
    """AWS's full name, where settings and documents give it."""
    signing_name: str = ""
    """Its name in IAM's actions and in CloudTrail's events, where that is not the client's."""
    phase: str
    """The name of its notebook, which begins with its number."""
    after: tuple[str, ...] = ()
    """Services whose phase must have been applied before."""
    purpose: str
    """What the change is for, as a change board reads it."""
    does: str
    """What its phase does, as the table of phases says it."""
    designation: Designation | None = None
    """None: it has no administrator of its own, and is set from within the delegated account."""
    principals: tuple[str, ...]
    """Service principals that need trusted access, the designation's first."""
    roles: tuple[str, ...]
    """Service-linked roles, made by AWS when the service is first enabled in an account."""
    role_principals: tuple[str, ...] = ()
    """The service principals of those roles, as iam:AWSServiceName names them."""
    for_everybody: frozenset[str] = frozenset()
    """Operations that hold for every present and future account of the organization, beside designating: automatic enabling, …"""
    in_management: frozenset[str] = frozenset()
    """Operations that are called in the management account too, about itself; designating is its own in any case."""
    in_members: frozenset[str] = frozenset()
    """Operations that are called in member accounts too, through the member role."""
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Operation → actions that the service takes on its caller's behalf, which IAM has to allow the caller [docs]."""
    policy_type: str = ""
    """Organizations policies that, where attached, override the service's own settings; empty: there are none."""
    probe: Probe
    central: CentralConfiguration | None = None
    findings: Findings | None = None
    """None: it reports none."""
    batches: Mapping[str, int] = field(default_factory=dict)
    """Operation → most target accounts in one call. botocore does not enforce list maxima; AWS rejects, or drops, what is over."""
    rates: Mapping[str, Rate] = field(default_factory=dict)
    """Operation, or "*" for the rest → its rate."""
    regions: Offer | None = None
    """Where the service itself exists; None: in every Region."""
    offers: Mapping[str, Offer] = field(default_factory=dict)
    """Feature → where it exists; what is not here counts as offered."""
    paid: tuple[str, ...] = ()
    """AWS's names of paid features, as settings price them."""
    settings: str = ""
    """The module of its settings section, where it is not `runbook_lib.settings.sections.<name>`."""
    prices: str = ""
    """What the settings' prices of this service are, as editors show it."""
    evaluates_by_config: bool = False
    """Whether it evaluates only where AWS Config records."""
    product: str = ""
    """Its name among the products whose findings Security Hub takes in, as the product's ARN ends [docs]; empty: it sends none."""
    excludable: tuple[str, ...] = ()
    """Aspects that settings may exclude accounts from, while they stay members of the service: nothing is planned for them."""
    enabled_by: tuple[str, ...] = ()
    """Aspects of coverage which together say whether the service is on in an account and Region."""
    from_one_account: frozenset[str] = frozenset()
    """Aspects that a resource of the delegated account brings about in all of them: a scanner of another account cannot see it."""
    controls: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Control or check of a scanner → (aspect, item) that it speaks about; aspect "enabled": only whether the service is on."""
    levels: tuple[str, ...] = ("stop-auto-enable", "switch-off", "dissociate", "administrator", "delegation", "trusted-access")
    """The levels of its way out, in the order that works for it."""
    reference_options: Mapping[str, str] = field(default_factory=dict)
    """Kind of Reference → the AWS CLI option that takes it."""

    def exists_in(self, region: str) -> bool:
        """Whether AWS offers the service in a Region at all."""
        return self.regions is None or self.regions.includes(region)
