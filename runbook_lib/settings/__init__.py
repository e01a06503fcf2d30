"""The desired settings of one organization, as the parameters file says them. An absent key means "not managed here".

"Not managed here": read, shown, left alone. Descriptions below are what editors show while the file is being written
(`schema.json` is made from them). What one key says about another is in `settings_checks`; read files with
`settings_file.load`, which reports everything that is wrong at once.
"""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from runbook_lib.base.canonical import canonical_digest
from runbook_lib.base.documents.models import Says
from runbook_lib.services.registry import specs
from runbook_lib.services.spec import ServiceSpec
from runbook_lib.settings.network import NetworkSection
from runbook_lib.settings.object_lock import ObjectLockSection
from runbook_lib.settings.offboarding import OffboardingSection
from runbook_lib.settings.prices import PricesSection
from runbook_lib.settings.response import ResponseSection
from runbook_lib.settings.section import STORE, AccountId, Region, RoleArn, Section, Sha256, Text, Unit
from runbook_lib.settings.sections.service import ServiceSection, section_types
from runbook_lib.settings.wave import WaveSection

if TYPE_CHECKING:
    from runbook_lib.settings.sections.accessanalyzer import AccessAnalyzerSection
    from runbook_lib.settings.sections.guardduty import GuardDutySection
    from runbook_lib.settings.sections.inspector2 import InspectorSection
    from runbook_lib.settings.sections.macie2 import MacieSection
    from runbook_lib.settings.sections.securityhub import SecurityHubSection

ExternalId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$"), Says("Not an external id: 2 to 1224 letters, digits and _+=,.@:/-.")
]
SessionSeconds = Annotated[int, Field(ge=900, le=43200)]
if TYPE_CHECKING:
    ServiceName = str
    LowerableName = str
else:
    ServiceName = Literal[tuple(spec.name for spec in specs())]
    LowerableName = Literal[(*(spec.name for spec in specs()), "response")]
StageName = Literal["prepare", "management", "delegated", "members", "workloads", "lowering"]


class OrganizationSection(Section):
    """Which organization this file is about. Compared with what AWS says before anything is planned."""

    id: Annotated[
        str,
        Field(pattern=r"^o-[a-z0-9]{10,32}$"),
        Says(
            "Not an organization id: it starts with o- and has 10 to 32 small letters and digits. Copy it from AWS Organizations."
        ),
        Field(description="The organization's id, for example o-exampleorgid."),
    ]
    management_account: Annotated[AccountId, Field(description="The management account's id, 12 digits in quotes.")]
    delegated_account: Annotated[
        AccountId,
        Field(description="The delegated security account's id, 12 digits in quotes: administrator of all services."),
    ]


class Door(Section):
    """How one account is reached: an own profile, a role, or (with neither) the credentials of the shell or runner."""

    profile: Annotated[
        Text | None,
        Field(
            description="Profile of the AWS configuration: its credentials are the account's or, with role_arn, assume the role."
        ),
    ] = None
    role_arn: Annotated[RoleArn | None, Field(description="Role in this account to assume.")] = None
    external_id: Annotated[ExternalId | None, Field(description="External id that the role's trust policy asks for.")] = None
    session_seconds: Annotated[
        SessionSeconds,
        Field(description="Length of an assumed session; it is renewed in time. At most 3600 when a role assumes the role (AWS)."),
    ] = 3600
    via: Annotated[
        Literal["ambient", "management", "delegated"],
        Field(description="Whose credentials assume the role: `ambient` (profile, shell or runner) or another door's."),
    ] = "ambient"


class MemberDoor(Section):
    """A role of one name in every member account. Absent: members are only managed through the delegated account."""

    role_name: Annotated[
        Annotated[
            str,
            Field(pattern=r"^[A-Za-z0-9_+=,.@/-]{1,576}$"),
            Says("Not the name of a role: letters, digits and _+=,.@- with an optional path, no leading arn:."),
        ],
        Field(description="The role's name (with its path, without a leading slash), the same in every member account."),
    ]
    external_id: Annotated[ExternalId | None, Field(description="External id that the role's trust policy asks for.")] = None
    session_seconds: Annotated[
        SessionSeconds,
        Field(description="Length of an assumed session. At most 3600 when a role assumes the role (AWS)."),
    ] = 3600
    via: Annotated[
        Literal["ambient", "management", "delegated"],
        Field(
            description="Whose credentials assume the member role; has no default, because each choice gives that door much power."
        ),
    ]


class AccessSection(Section):
    """How each account is reached. Holds names of profiles and roles, never keys."""

    management: Annotated[Door, Field(description="The way into the management account.")] = Door()
    delegated: Annotated[Door, Field(description="The way into the delegated security account.")] = Door()
    members: Annotated[
        MemberDoor | None,
        Field(description="A role in member accounts; needed only for security_hub.existing_account_standards."),
    ] = None


class Exclusion(Section):
    """Exactly one of account, organizational_unit, region; for the named services, or all when `services` is absent.

    With `aspects` it is left out of these alone, and stays a member of the service.
    """

    account: Annotated[AccountId | None, Field(description="Leave this account out. 12 digits in quotes.")] = None
    organizational_unit: Annotated[
        Unit | None,
        Field(description="Leave out every account below this organizational unit (or root), at any depth."),
    ] = None
    region: Annotated[Region | None, Field(description="Leave this Region out for every account.")] = None
    services: Annotated[
        Annotated[tuple[ServiceName, ...], Field(strict=False, min_length=1)] | None,
        Field(description="The services it is left out of; absent: all of them."),
    ] = None
    aspects: Annotated[
        Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] | None,
        Field(description="The aspects it is left out of: evaluating, integration; absent: the whole service."),
    ] = None
    reason: Annotated[Text, Field(description="Why. Shown in every coverage table.")]
    owner: Annotated[Text, Field(description="Who answers for it: a team or role.")]
    expires: Annotated[dt.date, Field(description="Last day on which it holds, YYYY-MM-DD. After it the file is refused.")]

    def leaves_out(self, service: str) -> bool:
        """Whether it is about the whole of a service, by boto3 client name."""
        return self.aspects is None and self._about(service)

    def leaves_out_of(self, service: str, aspect: str) -> bool:
        """Whether it is about this aspect of a service alone."""
        return self.aspects is not None and aspect in self.aspects and self._about(service)

    def _about(self, service: str) -> bool:
        return self.services is None or service in self.services


class Limits(Section):
    """The most one plan may touch; beyond it the plan is a Blocker."""

    accounts: Annotated[int, Field(ge=1, le=100_000, description="Most accounts that one plan may change.")]
    regions: Annotated[int, Field(ge=1, le=1000, description="Most Regions that one plan may change.")]


class Lowering(Section):
    """One exact permission to lower protection: service, aspect and item as a plan names them."""

    service: Annotated[LowerableName, Field(description="The service.")]
    aspect: Annotated[Text, Field(description="The aspect, spelled as the Blocker spells it, for example features.")]
    item: Annotated[str, Field(description="The item, for example S3_DATA_EVENTS; absent where the Blocker names none.")] = ""
    reason: Annotated[Text, Field(description="Why less protection is wanted. Shown in the plan.")]


class EvidenceSection(Section):
    """How live runs are sealed. A rehearsal seals with a key of its own, made on first use, and reads nothing of this."""

    signing_key: Annotated[
        Annotated[
            str,
            Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$"),
            Says("Not the ARN of a KMS key: arn:PARTITION:kms:REGION:ACCOUNT:key/ID, or alias/NAME in place of key/ID."),
        ],
        Field(description="ARN of the asymmetric KMS key (SIGN_VERIFY, ECC_NIST_P256) that signs the evidence of live runs."),
    ]
    profile: Annotated[
        Text | None,
        Field(description="Profile whose credentials sign, or assume role_arn; absent: the shell's or runner's."),
    ] = None
    role_arn: Annotated[
        RoleArn | None,
        Field(description="Role to assume for signing (kms:Sign, kms:GetPublicKey) and for the store, where that is in S3."),
    ] = None
    trust_policy: Annotated[
        Text | None,
        Field(description="Signed file that says who may approve, how many, with which keys; absent: nobody is asked for a key."),
    ] = None
    trust_policy_owner: Annotated[
        Sha256 | None,
        Field(
            description=(
                "Whose policy alone is taken: SHA-256 of the owner's public key (DER), as `runbook evidence trust` prints it; "
                "absent: whoever signed the file that lies there."
            )
        ),
    ] = None
    trust_policy_sha256: Annotated[
        Sha256 | None,
        Field(description="The one policy that is taken: SHA-256 of the signed file, as `runbook evidence trust` prints it."),
    ] = None
    store: Annotated[
        Annotated[
            str,
            Field(pattern=STORE),
            Says("Neither a folder nor s3://BUCKET/PREFIX (a bucket's name, and letters, digits and _.=- between slashes)."),
        ]
        | None,
        Field(
            description=(
                "Where the chain is kept, shared by all machines that run this organization live: a folder, or "
                "s3://BUCKET/PREFIX for a bucket with Object Lock, which keeps the runs' files too; absent: beside the runs."
            )
        ),
    ] = None
    object_lock: Annotated[
        ObjectLockSection | None,
        Field(description="How long the S3 store keeps what is written, and where it is; said together with an s3:// store."),
    ] = None

    @property
    def bucket(self) -> str:
        """The store, where it is in S3; else ""."""
        return self.store if self.store and self.store.startswith("s3://") else ""


class _Settings(Section):
    """What one organization should look like."""

    mode: Annotated[
        Literal["rehearsal", "live"],
        Field(description="rehearsal: only a simulated organization may answer. live: only AWS may. Checked on every client made."),
    ]
    organization: Annotated[OrganizationSection, Field(description="The organization and its two special accounts.")]
    access: Annotated[AccessSection, Field(description="How each account is reached.")] = AccessSection()
    manages: Annotated[
        Literal["nothing"] | None,
        Field(
            description="nothing: no service is managed here yet, on purpose, and plans are empty; absent: the services whose "
            "sections are there."
        ),
    ] = None
    exclusions: Annotated[
        Annotated[tuple[Exclusion, ...], Field(strict=False)],
        Field(description="Accounts, organizational units and Regions that are left out on purpose."),
    ] = ()
    waves: Annotated[
        Annotated[tuple[WaveSection, ...], Field(strict=False, min_length=1)] | None,
        Field(
            description="Parts of the organization, one after the other; what none of them names is the last. Absent: all at once."
        ),
    ] = None
    names: Annotated[
        Literal["hidden"] | None,
        Field(
            description="hidden: accounts and organizational units appear by id alone, in every table, page and file; absent: by "
            "name, with the id beside it."
        ),
    ] = None
    prices: Annotated[
        PricesSection | None, Field(description="What paid features cost, for estimates in plans; absent: unknown.")
    ] = None
    limits: Annotated[Limits | None, Field(description="How many accounts and Regions one plan may touch; absent: no limit.")] = (
        None
    )
    allow_lowering: Annotated[
        Annotated[tuple[Lowering, ...], Field(strict=False)],
        Field(description="Exact permissions to lower protection. Without one, lowering is a Blocker."),
    ] = ()
    confirm_by_typing: Annotated[
        Annotated[tuple[StageName, ...], Field(strict=False)],
        Field(
            description=(
                "Stages whose approval in JupyterLab takes typing how many calls are made, besides live runs, where it always does."
            )
        ),
    ] = ()
    response: Annotated[
        ResponseSection | None,
        Field(description="What happens with findings: channels, routes, custom actions; absent: not managed here."),
    ] = None
    evidence: Annotated[EvidenceSection | None, Field(description="How live runs are sealed; absent: they are not.")] = None
    network: Annotated[
        NetworkSection | None,
        Field(
            description="How live runs reach AWS: endpoints, FIPS, dual-stack, certificates, a proxy; absent: AWS's own endpoints."
        ),
    ] = None
    offboarding: Annotated[
        Annotated[tuple[OffboardingSection, ...], Field(strict=False, min_length=1)] | None,
        Field(description="Services that may be taken away, each with its levels; absent: none, `runbook offboard` only reads."),
    ] = None
    concurrency: Annotated[int, Field(ge=1, le=32, description="Calls under way at the same time, at most.")] = 8

    def leaves(self, service: str) -> OffboardingSection | None:
        """What is allowed to be taken away of a service, by boto3 client name; None: nothing."""
        return next((each for each in self.offboarding or () if each.service == service), None)

    @property
    def names_hidden(self) -> bool:
        """Whether accounts and units are shown by id alone."""
        return self.names == "hidden"

    def sections(self) -> Mapping[str, ServiceSection]:
        """boto3 client name → section, of every service that is managed here, in the order of the phases."""
        there = ((spec.name, getattr(self, spec.section)) for spec in specs())
        return {name: section for name, section in there if section is not None}

    @property
    def home_region(self) -> str | None:
        """The Region in which findings come together, where settings name one."""
        return next((section.home_region for section in self.sections().values() if section.home_region), None)


def _managed(spec: ServiceSpec) -> Any:
    """The field of one service."""
    section = section_types()[spec.section]
    title = spec.full_title or spec.title
    return Annotated[section | None, Field(description=f"{title}; absent: not managed here.")], None


if TYPE_CHECKING:

    class Settings(_Settings):
        """What one organization should look like. One line for each service, for whoever reads its section by name."""

        security_hub: SecurityHubSection | None = None
        guardduty: GuardDutySection | None = None
        inspector: InspectorSection | None = None
        macie: MacieSection | None = None
        access_analyzer: AccessAnalyzerSection | None = None
else:
    Settings = create_model(
        "Settings", __base__=_Settings, __doc__=_Settings.__doc__, **{spec.section: _managed(spec) for spec in specs()}
    )


def settings_digest(settings: Settings, *, leaving: bool = False) -> str:
    """SHA-256 (hex) of the values without `mode`: the same file rehearsed and live has one digest.

    `names` stays outside, which says what people see.
    `network` stays outside too: it says how AWS is reached, not what is wanted of it, so it voids no approval. `offboarding` counts
    for plans of the way out alone (`leaving`): adding it voids no approval of a phase that is in flight.
    Keys that are absent stay absent; defaults count as said, so that a default that changes with a new version is noticed. `waves`
    count too: a scope says which part was approved, not what has to be done before it, and an approval holds for that order only.
    """
    values = settings.model_dump(
        mode="json",
        exclude={"mode", "names", "network"} if leaving else {"mode", "names", "network", "offboarding"},
        exclude_none=True,
    )
    for exclusion in values["exclusions"]:
        # Absent, it means what is managed here: a service that a later version adds voids no approval of files without it.
        exclusion.setdefault("services", list(settings.sections()))
    return canonical_digest(values)
