"""The desired settings of one organization, as the parameters file says them. An absent key means "not managed here".

"Not managed here": read, shown, left alone. Descriptions below are what editors show while the file is being written
(`schema.json` is made from them). What one key says about another is in `settings_checks`; read files with
`settings_file.load`, which reports everything that is wrong at once.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from runbook_lib.base.canonical import canonical_digest
from runbook_lib.settings.object_lock import ObjectLockPart
from runbook_lib.settings.part import STORE, AccountId, Part, Region, Regions, RoleArn, Sha256, Text, Unit
from runbook_lib.settings.prices import PricesPart
from runbook_lib.settings.wave import WavePart

ExternalId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$")]
SessionSeconds = Annotated[int, Field(ge=900, le=43200)]
ServiceName = Literal["securityhub", "guardduty", "inspector2"]
AutoEnable = Literal["NEW", "ALL", "NONE"]
StageName = Literal["prepare", "management", "delegated", "members", "workloads", "lowering"]


class OrganizationPart(Part):
    """Which organization this file is about. Compared with what AWS says before anything is planned."""

    id: Annotated[str, Field(pattern=r"^o-[a-z0-9]{10,32}$", description="The organization's id, for example o-exampleorgid.")]
    management_account: Annotated[AccountId, Field(description="The management account's id, 12 digits in quotes.")]
    delegated_account: Annotated[
        AccountId,
        Field(description="The delegated security account's id, 12 digits in quotes: administrator of all three services."),
    ]


class Door(Part):
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


class MemberDoor(Part):
    """A role of one name in every member account. Absent: members are only managed through the delegated account."""

    role_name: Annotated[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@/-]{1,576}$")],
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


class AccessPart(Part):
    """How each account is reached. Holds names of profiles and roles, never keys."""

    management: Annotated[Door, Field(description="The way into the management account.")] = Door()
    delegated: Annotated[Door, Field(description="The way into the delegated security account.")] = Door()
    members: Annotated[
        MemberDoor | None,
        Field(description="A role in member accounts; needed only for security_hub.existing_account_standards."),
    ] = None


class Exclusion(Part):
    """Exactly one of account, organizational_unit, region; for the named services, or all when `services` is absent."""

    account: Annotated[AccountId | None, Field(description="Leave this account out. 12 digits in quotes.")] = None
    organizational_unit: Annotated[
        Unit | None,
        Field(description="Leave out every account below this organizational unit (or root), at any depth."),
    ] = None
    region: Annotated[Region | None, Field(description="Leave this Region out for every account.")] = None
    services: Annotated[
        Annotated[tuple[ServiceName, ...], Field(strict=False, min_length=1)],
        Field(description="The services it is left out of; absent: all three."),
    ] = ("securityhub", "guardduty", "inspector2")
    reason: Annotated[Text, Field(description="Why. Shown in every coverage table.")]
    owner: Annotated[Text, Field(description="Who answers for it: a team or role.")]
    expires: Annotated[dt.date, Field(description="Last day on which it holds, YYYY-MM-DD. After it the file is refused.")]


class Standard(Part):
    """A standard as Security Hub's ARNs spell it; whether it exists in a Region is asked of AWS before planning."""

    name: Annotated[
        Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")],
        Field(description="The name in the standard's ARN, for example aws-foundational-security-best-practices."),
    ]
    version: Annotated[
        Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$")],
        Field(description='The version in the standard\'s ARN, in quotes, for example "1.0.0".'),
    ]


Standards = Annotated[tuple[Standard, ...], Field(strict=False, min_length=1)]


class FindingAggregation(Part):
    """Copies findings across Regions, and so across jurisdictions: nothing here has a default."""

    home_region: Annotated[
        Region, Field(description="Where findings are copied to. One of security_hub.regions; no opt-in Region.")
    ]
    linking_mode: Annotated[
        Literal["ALL_REGIONS", "ALL_REGIONS_EXCEPT_SPECIFIED", "SPECIFIED_REGIONS", "NO_REGIONS"],
        Field(description="Which Regions are linked. The two ALL… modes also link Regions that AWS adds later."),
    ]
    regions: Annotated[
        Regions | None,
        Field(description="The Regions to link (SPECIFIED_REGIONS) or to leave out (ALL_REGIONS_EXCEPT_SPECIFIED); else absent."),
    ] = None


IgnoresExclusions = Annotated[
    bool | None,
    Field(
        description=(
            "Needed where accounts or OUs are excluded and auto-enable is on, because AWS's auto-enable knows no exceptions. "
            "true: accepted that an excluded account is enrolled when it joins the organization. "
            "false: never; auto-enable must then be off."
        )
    ),
]


class SecurityHubPart(Part):
    """AWS Security Hub CSPM. Absent: not managed here."""

    regions: Annotated[Regions, Field(description="The Regions in which Security Hub is wanted.")]
    management_account: Annotated[bool, Field(description="Whether the management account becomes a member too.")]
    auto_enable: Annotated[bool | None, Field(description="Whether accounts that join get Security Hub.")] = None
    new_account_standards: Annotated[
        Literal["default", "none"] | None,
        Field(description="Standards for accounts that join: AWS's default set, or none. Said together with auto_enable: true."),
    ] = None
    accept_default_standards: Annotated[
        Annotated[tuple[Standard, ...], Field(strict=False)],
        Field(
            description=(
                "Adding an account that has no Security Hub switches AWS's default standards on in it. Those accepted, by name; "
                "a default standard that is not named here is a Blocker."
            )
        ),
    ] = ()
    delegated_account_standards: Annotated[Standards | None, Field(description="Standards of the delegated account itself.")] = None
    existing_account_standards: Annotated[
        Standards | None,
        Field(description="Standards of existing members. Needs access.members: AWS lets only the account itself do it."),
    ] = None
    aggregation: Annotated[FindingAggregation | None, Field(description="Copying findings into one home Region.")] = None
    auto_enable_ignores_exclusions: IgnoresExclusions = None


class GuardDutyAgent(Part):
    """One additional configuration of a protection plan."""

    auto_enable: Annotated[AutoEnable | None, Field(description="For accounts that join (NEW), for all (ALL), or not (NONE).")] = (
        None
    )
    enabled: Annotated[bool | None, Field(description="For accounts that are already members.")] = None


GuardDutyAgentName = Literal["EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT", "RDS_DATA_RISK"]


class GuardDutyFeature(Part):
    """One protection plan: for new accounts (`auto_enable`) and for existing ones (`enabled`); agents by name."""

    auto_enable: Annotated[AutoEnable | None, Field(description="For accounts that join (NEW), for all (ALL), or not (NONE).")] = (
        None
    )
    enabled: Annotated[bool | None, Field(description="For accounts that are already members, and the delegated account.")] = None
    agents: Annotated[
        Annotated[dict[GuardDutyAgentName, GuardDutyAgent], Field(min_length=1)] | None,
        Field(description="Additional configuration: agents that GuardDuty installs inside accounts, and RDS_DATA_RISK."),
    ] = None


GuardDutyFeatureName = Literal[
    "S3_DATA_EVENTS",
    "EKS_AUDIT_LOGS",
    "EBS_MALWARE_PROTECTION",
    "RDS_LOGIN_EVENTS",
    "LAMBDA_NETWORK_LOGS",
    "EKS_RUNTIME_MONITORING",
    "RUNTIME_MONITORING",
    "AI_PROTECTION",
]


class ExportDestination(Part):
    """Where GuardDuty exports findings: bucket (with optional prefix) and KMS key, per Region."""

    bucket_arn: Annotated[
        Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}(/.*)?$")],
        Field(description="ARN of the bucket, with an optional prefix after a slash."),
    ]
    kms_key_arn: Annotated[
        Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$")],
        Field(description="ARN of the KMS key (not of an alias) that encrypts the exported findings."),
    ]


class GuardDutyPart(Part):
    """Amazon GuardDuty. Absent: not managed here."""

    regions: Annotated[Regions, Field(description="The Regions in which GuardDuty is wanted.")]
    management_account: Annotated[bool, Field(description="Whether the management account becomes a member too.")]
    auto_enable: Annotated[
        AutoEnable | None,
        Field(description="NEW: accounts that join get GuardDuty. ALL: existing ones as well, within 24 hours. NONE: neither."),
    ] = None
    auto_enable_ignores_exclusions: IgnoresExclusions = None
    features: Annotated[
        Annotated[dict[GuardDutyFeatureName, GuardDutyFeature], Field(min_length=1)],
        Field(description="Protection plans by AWS's names; one that is not named is not managed here."),
    ] = Field(default={})
    publishing_frequency: Annotated[
        Literal["FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"] | None,
        Field(description="How often updates of known findings are published; new findings always are at once."),
    ] = None
    export: Annotated[
        Annotated[dict[Region, ExportDestination], Field(min_length=1)] | None,
        Field(description="Export of findings to S3, by Region. Members' findings are included."),
    ] = None


ScanType = Literal["EC2", "ECR", "LAMBDA", "LAMBDA_CODE", "CODE_REPOSITORY"]


class InspectorPart(Part):
    """Amazon Inspector. Absent: not managed here."""

    regions: Annotated[Regions, Field(description="The Regions in which Inspector is wanted.")]
    management_account: Annotated[bool, Field(description="Whether the management account becomes a member too.")]
    existing_accounts: Annotated[
        Annotated[tuple[ScanType, ...], Field(strict=False, min_length=1)] | None,
        Field(description="What is scanned in existing accounts, the delegated account included. LAMBDA_CODE needs LAMBDA."),
    ] = None
    new_accounts: Annotated[
        Annotated[tuple[ScanType, ...], Field(strict=False)] | None,
        Field(description="What is scanned in accounts that join; [] means nothing (auto-enable off)."),
    ] = None
    auto_enable_ignores_exclusions: IgnoresExclusions = None
    ec2_scan_mode: Annotated[
        Literal["EC2_SSM_AGENT_BASED", "EC2_HYBRID"] | None,
        Field(description="EC2_HYBRID also scans instances without an agent, by snapshots of their volumes."),
    ] = None
    ecr_rescan_duration: Annotated[
        Literal["LIFETIME", "DAYS_3", "DAYS_7", "DAYS_14", "DAYS_30", "DAYS_60", "DAYS_90", "DAYS_180"] | None,
        Field(description="For how long after it was pushed a container image is scanned again."),
    ] = None


class Limits(Part):
    """The most one plan may touch; beyond it the plan is a Blocker."""

    accounts: Annotated[int, Field(ge=1, le=100_000, description="Most accounts that one plan may change.")]
    regions: Annotated[int, Field(ge=1, le=1000, description="Most Regions that one plan may change.")]


class Lowering(Part):
    """One exact permission to lower protection: service, aspect and item as a plan names them."""

    service: Annotated[ServiceName, Field(description="The service.")]
    aspect: Annotated[Text, Field(description="The aspect, spelled as the Blocker spells it, for example features.")]
    item: Annotated[str, Field(description="The item, for example S3_DATA_EVENTS; absent where the Blocker names none.")] = ""
    reason: Annotated[Text, Field(description="Why less protection is wanted. Shown in the plan.")]


class EvidencePart(Part):
    """How live runs are sealed. A rehearsal seals with a key of its own, made on first use, and reads nothing of this."""

    signing_key: Annotated[
        Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$")],
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
        Annotated[str, Field(pattern=STORE)] | None,
        Field(
            description=(
                "Where the chain is kept, shared by all machines that run this organization live: a folder, or "
                "s3://BUCKET/PREFIX for a bucket with Object Lock, which keeps the runs' files too; absent: beside the runs."
            )
        ),
    ] = None
    object_lock: Annotated[
        ObjectLockPart | None,
        Field(description="How long the S3 store keeps what is written, and where it is; said together with an s3:// store."),
    ] = None

    @property
    def bucket(self) -> str:
        """The store, where it is in S3; else ""."""
        return self.store if self.store and self.store.startswith("s3://") else ""


class Settings(Part):
    """What one organization should look like."""

    mode: Annotated[
        Literal["rehearsal", "live"],
        Field(description="rehearsal: only a simulated organization may answer. live: only AWS may. Checked on every client made."),
    ]
    organization: Annotated[OrganizationPart, Field(description="The organization and its two special accounts.")]
    access: Annotated[AccessPart, Field(description="How each account is reached.")] = AccessPart()
    exclusions: Annotated[
        Annotated[tuple[Exclusion, ...], Field(strict=False)],
        Field(description="Accounts, organizational units and Regions that are left out on purpose."),
    ] = ()
    security_hub: Annotated[SecurityHubPart | None, Field(description="Security Hub CSPM; absent: not managed here.")] = None
    guardduty: Annotated[GuardDutyPart | None, Field(description="GuardDuty; absent: not managed here.")] = None
    inspector: Annotated[InspectorPart | None, Field(description="Inspector; absent: not managed here.")] = None
    waves: Annotated[
        Annotated[tuple[WavePart, ...], Field(strict=False, min_length=1)] | None,
        Field(
            description="Parts of the organization, one after the other; what none of them names is the last. Absent: all at once."
        ),
    ] = None
    prices: Annotated[PricesPart | None, Field(description="What paid features cost, for estimates in plans; absent: unknown.")] = (
        None
    )
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
    evidence: Annotated[EvidencePart | None, Field(description="How live runs are sealed; absent: they are not.")] = None
    concurrency: Annotated[int, Field(ge=1, le=32, description="Calls under way at the same time, at most.")] = 8


def managed_services(settings: Settings) -> tuple[ServiceName, ...]:
    """The services that settings have a section for, by boto3 client name, in the order of the phases."""
    parts: tuple[tuple[ServiceName, object], ...] = (
        ("securityhub", settings.security_hub),
        ("guardduty", settings.guardduty),
        ("inspector2", settings.inspector),
    )
    return tuple(name for name, part in parts if part is not None)


def settings_digest(settings: Settings) -> str:
    """SHA-256 (hex) of the values without `mode`: the same file rehearsed and live has one digest.

    Keys that are absent stay absent; defaults count as said, so that a default that changes with a new version is noticed. `waves`
    count too: a scope says which part was approved, not what has to be done before it, and an approval holds for that order only.
    """
    return canonical_digest(settings.model_dump(mode="json", exclude={"mode"}, exclude_none=True))


ServicePart = SecurityHubPart | GuardDutyPart | InspectorPart


def part_of(settings: Settings, service: str) -> ServicePart | None:
    """The section of settings for a service; None: not managed here."""
    return {"securityhub": settings.security_hub, "guardduty": settings.guardduty, "inspector2": settings.inspector}[service]
