"""Inspector in settings."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from runbook_lib.base.documents import Path, Problem
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.section import Regions
from runbook_lib.settings.sections.service import IgnoresExclusions, MembersSection

ScanType = Literal["EC2", "ECR", "LAMBDA", "LAMBDA_CODE", "CODE_REPOSITORY"]


class InspectorSection(MembersSection):
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

    @property
    def wanted_features(self) -> frozenset[str]:
        """The scan types that are named."""
        return frozenset({*(self.existing_accounts or ()), *(self.new_accounts or ())})

    @staticmethod
    def check(tree: Tree) -> Iterator[Problem]:
        """Scan types, and the settings that belong to one."""
        yield from _scan_types(tree)

    @staticmethod
    def auto_enable_on(tree: Tree) -> Path | None:
        """Where accounts that join are scanned."""
        return ("inspector", "new_accounts") if at(tree, "inspector", "new_accounts") else None


SECTION = InspectorSection


def _scan_types(tree: Tree) -> Iterator[Problem]:
    part = at(tree, "inspector") or {}
    wanted: set[str] = set()
    for key in ("existing_accounts", "new_accounts"):
        types = part.get(key) or []
        wanted.update(each for each in types if each)
        if "LAMBDA_CODE" in types and "LAMBDA" not in types and None not in types:
            message = "Code scanning of functions needs standard scanning of functions. Add LAMBDA."
            yield Problem(("inspector", key, types.index("LAMBDA_CODE")), message)
    lists = [part[key] for key in ("existing_accounts", "new_accounts") if key in part]
    if not lists or any(each is None or None in each for each in lists):
        return
    for key, scan_type in (("ec2_scan_mode", "EC2"), ("ecr_rescan_duration", "ECR")):
        if key in part and scan_type not in wanted:
            message = f"This is about {scan_type}, which neither existing_accounts nor new_accounts names."
            yield Problem(("inspector", key), f"{message} Add {scan_type}, or remove this key.")
