"""GuardDuty in settings."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from runbook_lib.base.documents import Path, Problem
from runbook_lib.base.documents.models import Says
from runbook_lib.services.guardduty.spec import NAME
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.exclusions import account_exclusions
from runbook_lib.settings.regions import is_opt_in
from runbook_lib.settings.section import Region, Regions, Section
from runbook_lib.settings.sections.export import check_exported_from, exported_from, exported_to, fit_export, region_of
from runbook_lib.settings.sections.service import Fitting, IgnoresExclusions, MembersSection

AutoEnable = Literal["NEW", "ALL", "NONE"]


class GuardDutyAgent(Section):
    """One additional configuration of a protection plan."""

    auto_enable: Annotated[AutoEnable | None, Field(description="For accounts that join (NEW), for all (ALL), or not (NONE).")] = (
        None
    )
    enabled: Annotated[bool | None, Field(description="For accounts that are already members.")] = None


GuardDutyAgentName = Literal["EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT", "RDS_DATA_RISK"]


class GuardDutyFeature(Section):
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


class ExportDestination(Section):
    """Where GuardDuty exports findings: bucket (with optional prefix) and KMS key, per Region."""

    bucket_arn: Annotated[
        Annotated[
            str,
            Field(pattern=r"^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}(/.*)?$"),
            Says("Not the ARN of a bucket: arn:PARTITION:s3:::BUCKET, with an optional /prefix."),
        ],
        Field(description="ARN of the bucket, with an optional prefix after a slash."),
    ]
    kms_key_arn: Annotated[
        Annotated[
            str,
            Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"),
            Says("Not the ARN of a KMS key: arn:PARTITION:kms:REGION:ACCOUNT:key/ID. An alias will not do."),
        ],
        Field(description="ARN of the KMS key (not of an alias) that encrypts the exported findings."),
    ]


class GuardDutySection(MembersSection):
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

    @property
    def wanted_features(self) -> frozenset[str]:
        """The protection plans that are named."""
        return frozenset(self.features)

    @staticmethod
    def check(tree: Tree) -> Iterator[Problem]:
        """Features, agents and the export."""
        yield from _features(tree)
        yield from check_exported_from(tree, "guardduty")
        yield from _one_region(tree)
        yield from _all_and_exclusions(tree)

    @staticmethod
    def named_regions(tree: Tree) -> Iterator[tuple[Path, str]]:
        """The Regions that findings are exported from."""
        return exported_from(tree, "guardduty")

    @staticmethod
    def arns(tree: Tree) -> Iterator[tuple[Path, str]]:
        """Buckets and keys of the export."""
        return exported_to(tree, "guardduty", "bucket_arn", "kms_key_arn")

    @staticmethod
    def stores(tree: Tree) -> Iterator[tuple[str, str]]:
        """The buckets of the export with their keys."""
        for destination in (at(tree, "guardduty", "export") or {}).values():
            yield bucket_of(destination["bucket_arn"]), destination["kms_key_arn"]

    @staticmethod
    def auto_enable_on(tree: Tree) -> Path | None:
        """The first of the detector's, the features' and the agents' choices by which accounts that join are enrolled."""
        return next((path for path, value in _auto_enable_values(tree) if value == "NEW"), None)

    @staticmethod
    def fit(section: dict[str, Any], fitting: Fitting) -> None:
        """The Regions that findings are exported from, and their keys."""
        fit_export(section, fitting)


SECTION = GuardDutySection

AGENTS_OF = {
    "RUNTIME_MONITORING": ("EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT"),
    "EKS_RUNTIME_MONITORING": ("EKS_ADDON_MANAGEMENT",),
    "RDS_LOGIN_EVENTS": ("RDS_DATA_RISK",),
}
"""GuardDuty feature → additional configuration AWS has for it. Source: GuardDuty user guide, features and their configuration."""


def _features(tree: Tree) -> Iterator[Problem]:
    part = at(tree, "guardduty") or {}
    features = part.get("features") or {}
    if {"RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"} <= set(features) and not _off(features["EKS_RUNTIME_MONITORING"]):
        message = (
            "AWS refuses this together with RUNTIME_MONITORING, which includes it (EKS_ADDON_MANAGEMENT). Remove this one; or, to "
            "migrate, write enabled: false and auto_enable: NONE here and name it under allow_lowering."
        )
        yield Problem(("guardduty", "features", "EKS_RUNTIME_MONITORING"), message, "")
    for name, feature in features.items():
        path: Path = ("guardduty", "features", name)
        if not isinstance(feature, dict):
            continue
        if not feature:
            yield Problem(path, "This says nothing about the feature. Add auto_enable or enabled, or remove it.", "")
        yield from _not_beyond(feature, path, part, "guardduty.auto_enable")
        for agent, setting in (feature.get("agents") or {}).items():
            if setting is not None:
                yield from _agent(name, feature, agent, setting)


def _off(feature: Any) -> bool:
    """Whether a feature is asked for only to be off, in existing accounts or in those that join."""
    if not isinstance(feature, dict):
        return False
    asked = [feature, *(agent for agent in (feature.get("agents") or {}).values() if isinstance(agent, dict))]
    on = (each.get("enabled") or each.get("auto_enable", "NONE") != "NONE" for each in asked)
    return bool(feature) and not any(on)


def _agent(name: str, feature: dict[str, Any], agent: str, setting: dict[str, Any]) -> Iterator[Problem]:
    path: Path = ("guardduty", "features", name, "agents", agent)
    where = [each for each, agents in AGENTS_OF.items() if agent in agents]
    if name not in where:
        yield Problem(path, f"AWS has this under {' and '.join(where)}, not under {name}. Move it there.", "")
        return
    if not setting:
        yield Problem(path, "This says nothing about the agent. Add auto_enable or enabled, or remove it.", "")
    yield from _not_beyond(setting, path, feature, f"guardduty.features.{name}.auto_enable")
    if "enabled" in setting and "enabled" not in feature:
        message = f"AWS sets this together with the feature. Add guardduty.features.{name}.enabled."
        yield Problem((*path, "enabled"), message)
    if setting.get("enabled") is True and feature.get("enabled") is False:
        yield Problem(
            (*path, "enabled"), f"This needs the feature, and guardduty.features.{name}.enabled is false. Change one of the two."
        )


def _not_beyond(inner: Tree, path: Path, outer: Tree, outer_key: str) -> Iterator[Problem]:
    """What is enabled by itself needs what it is part of enabled by itself, and AWS takes both in one call."""
    if inner.get("auto_enable") is None:
        return
    if "auto_enable" not in outer:
        yield Problem((*path, "auto_enable"), f"AWS sets this together with {outer_key}. Add that key.")
    elif outer["auto_enable"] == "NONE" and inner["auto_enable"] != "NONE":
        message = f"{outer_key} is NONE, so no account gets what this is part of by itself. Write NONE here, or NEW there."
        yield Problem((*path, "auto_enable"), message)


def bucket_of(arn: str) -> str:
    """The name in the ARN of a bucket, without a prefix."""
    return arn.partition(":::")[2].partition("/")[0]


def _one_region(tree: Tree) -> Iterator[Problem]:
    """A bucket and its key share a Region: the detector's, or one that needs no opt-in [docs: exporting findings]."""
    keys_in: dict[str, str] = {}
    for region, destination in (at(tree, "guardduty", "export") or {}).items():
        path: Path = ("guardduty", "export", region, "kms_key_arn")
        bucket, key = at(destination, "bucket_arn"), at(destination, "kms_key_arn")
        if not (bucket and key):
            continue
        there = region_of(key)
        if there != region and is_opt_in(there):
            message = (
                f"The key is in {there}, an opt-in Region: GuardDuty exports only findings of that Region there. "
                f"Name a bucket and a key of {region}, or of a Region that needs no opt-in."
            )
            yield Problem(path, message)
        if (before := keys_in.setdefault(bucket_of(bucket), there)) != there:
            message = (
                f"The key is in {there}, and another one for the same bucket is in {before}. "
                "A bucket and its key have to be in one Region: name the key of the bucket's Region in both places."
            )
            yield Problem(path, message)


def _auto_enable_values(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Every auto_enable of GuardDuty: the detector's, the features' and the agents'."""
    yield ("guardduty", "auto_enable"), at(tree, "guardduty", "auto_enable")
    for name, feature in (at(tree, "guardduty", "features") or {}).items():
        yield ("guardduty", "features", name, "auto_enable"), at(feature, "auto_enable")
        for agent in at(feature, "agents") or {}:
            path: Path = ("guardduty", "features", name, "agents", agent, "auto_enable")
            yield path, at(feature, "agents", agent, "auto_enable")


def _all_and_exclusions(tree: Tree) -> Iterator[Problem]:
    excluded = account_exclusions(tree, NAME)
    for path, value in _auto_enable_values(tree):
        if excluded and value == "ALL":
            message = (
                f"ALL takes every account, and {', '.join(excluded)} is excluded from GuardDuty: AWS knows no exceptions. "
                "Write NEW, or remove the exclusion."
            )
            yield Problem(path, message)
