"""The desired settings of one organization, as the parameters file says them. An absent key means "not managed here"."""

import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
ServiceName = Literal["securityhub", "guardduty", "inspector2"]


class Part(BaseModel):
    """Base of every section: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OrganizationPart(Part):
    id: Annotated[str, Field(pattern=r"^o-[a-z0-9]{10,32}$")]
    management_account: AccountId
    delegated_account: AccountId


class Door(Part):
    """How one account is reached: an own profile, or a role; `via` names the door whose credentials assume the role."""

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    session_seconds: Annotated[int, Field(ge=900, le=43200)] = 3600
    via: Literal["ambient", "management", "delegated"] = "ambient"


class MemberDoor(Part):
    """A role of one name in every member account. Absent: members are only managed through the delegated account."""

    role_name: str
    external_id: str | None = None
    session_seconds: Annotated[int, Field(ge=900, le=43200)] = 3600
    via: Literal["ambient", "management", "delegated"]


class AccessPart(Part):
    management: Door = Door()
    delegated: Door = Door()
    members: MemberDoor | None = None


class Exclusion(Part):
    """Exactly one of account, organizational_unit, region; for the named services, or all when `services` is absent."""

    account: AccountId | None = None
    organizational_unit: Annotated[str, Field(pattern=r"^(ou-|r-)[a-z0-9-]+$")] | None = None
    region: Region | None = None
    services: tuple[ServiceName, ...] = ("securityhub", "guardduty", "inspector2")
    reason: Annotated[str, Field(min_length=1)]
    owner: Annotated[str, Field(min_length=1)]
    expires: datetime.date


class Standard(Part):
    name: str
    version: str


class FindingAggregation(Part):
    """Copies findings across Regions, so nothing here has a default."""

    home_region: Region
    linking_mode: Literal["ALL_REGIONS", "ALL_REGIONS_EXCEPT_SPECIFIED", "SPECIFIED_REGIONS", "NO_REGIONS"]
    regions: tuple[Region, ...] | None = None


NewAccountsChoice = Literal["excluded accounts are enrolled too when they join", "not used"]


class SecurityHubPart(Part):
    regions: tuple[Region, ...]
    management_account: bool
    auto_enable: bool | None = None
    new_account_standards: Literal["default", "none"] | None = None
    accept_default_standards: tuple[Standard, ...] = ()
    delegated_account_standards: tuple[Standard, ...] | None = None
    existing_account_standards: tuple[Standard, ...] | None = None
    aggregation: FindingAggregation | None = None
    auto_enable_ignores_exclusions: bool | None = None


class GuardDutyFeature(Part):
    """One protection plan: for new accounts (`auto_enable`) and for existing ones (`enabled`); agents by name."""

    auto_enable: Literal["NEW", "ALL", "NONE"] | None = None
    enabled: bool | None = None
    agents: dict[Literal["EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT", "RDS_DATA_RISK"], "GuardDutyAgent"] | None = None


class GuardDutyAgent(Part):
    auto_enable: Literal["NEW", "ALL", "NONE"] | None = None
    enabled: bool | None = None


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

    bucket_arn: str
    kms_key_arn: str


class GuardDutyPart(Part):
    regions: tuple[Region, ...]
    management_account: bool
    auto_enable: Literal["NEW", "ALL", "NONE"] | None = None
    auto_enable_ignores_exclusions: bool | None = None
    features: dict[GuardDutyFeatureName, GuardDutyFeature] = Field(default_factory=dict)
    publishing_frequency: Literal["FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"] | None = None
    export: dict[Region, ExportDestination] | None = None


ScanType = Literal["EC2", "ECR", "LAMBDA", "LAMBDA_CODE", "CODE_REPOSITORY"]


class InspectorPart(Part):
    regions: tuple[Region, ...]
    management_account: bool
    existing_accounts: tuple[ScanType, ...] | None = None
    new_accounts: tuple[ScanType, ...] | None = None
    auto_enable_ignores_exclusions: bool | None = None
    ec2_scan_mode: Literal["EC2_SSM_AGENT_BASED", "EC2_HYBRID"] | None = None
    ecr_rescan_duration: Literal["LIFETIME", "DAYS_14", "DAYS_30", "DAYS_60", "DAYS_90", "DAYS_180"] | None = None


class Limits(Part):
    """The most one plan may touch; beyond it the plan is a Blocker."""

    accounts: Annotated[int, Field(ge=1)]
    regions: Annotated[int, Field(ge=1)]


class Lowering(Part):
    """One exact permission to lower protection: service, aspect and item as a plan names them."""

    service: ServiceName
    aspect: str
    item: str = ""
    reason: Annotated[str, Field(min_length=1)]


class Settings(Part):
    mode: Literal["rehearsal", "live"]
    organization: OrganizationPart
    access: AccessPart = AccessPart()
    exclusions: tuple[Exclusion, ...] = ()
    security_hub: SecurityHubPart | None = None
    guardduty: GuardDutyPart | None = None
    inspector: InspectorPart | None = None
    limits: Limits | None = None
    allow_lowering: tuple[Lowering, ...] = ()
    concurrency: Annotated[int, Field(ge=1, le=32)] = 8
