"""Macie in settings."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from runbook_lib.base.documents import Path, Problem
from runbook_lib.base.documents.models import Says
from runbook_lib.services.macie2.spec import NAME
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.exclusions import account_exclusions
from runbook_lib.settings.section import Region, Regions, Section
from runbook_lib.settings.sections.export import check_exported_from, exported_from, exported_to, fit_export
from runbook_lib.settings.sections.service import Fitting, IgnoresExclusions, MembersSection

KEY = "macie"


class AutomatedDiscovery(Section):
    """Automated sensitive data discovery. It reads objects of the accounts' buckets, and costs by how many there are."""

    members: Annotated[
        Literal["ALL", "NEW", "NONE"],
        Field(description="ALL: every account that is or becomes a member. NEW: those that become one. NONE: neither by itself."),
    ]
    existing_accounts: Annotated[
        bool | None,
        Field(description="With NEW or NONE. true: on in accounts that are members already, too. false: they keep what they have."),
    ] = None


class FindingsPublication(Section):
    """What goes to Security Hub. AWS's own default: policy findings, and none about sensitive data."""

    policy: Annotated[bool | None, Field(description="Findings about open, shared or unencrypted buckets.")] = None
    sensitive_data: Annotated[bool | None, Field(description="Findings about sensitive data in objects.")] = None


class ResultsDestination(Section):
    """Where results of discovery are kept; without it, for 90 days and then no more. Bucket and key have to be there."""

    bucket_name: Annotated[
        Annotated[
            str,
            Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
            Says("Not the name of a bucket: 3 to 63 small letters, digits, dots and hyphens, without s3:// and without a prefix."),
        ],
        Field(description="Name of the bucket."),
    ]
    key_prefix: Annotated[
        Annotated[
            str,
            Field(pattern=r"^[^/\s][^\s]{0,511}$"),
            Says("Not a prefix: up to 512 characters without spaces, and no slash in the beginning."),
        ]
        | None,
        Field(description="Beginning of the objects' names."),
    ] = None
    kms_key_arn: Annotated[
        Annotated[
            str,
            Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"),
            Says("Not the ARN of a KMS key: arn:PARTITION:kms:REGION:ACCOUNT:key/ID. An alias will not do."),
        ],
        Field(description="ARN of the KMS key (not of an alias) that encrypts the results; in the same Region."),
    ]


class MacieSection(MembersSection):
    """Amazon Macie. Absent: not managed here."""

    regions: Annotated[Regions, Field(description="The Regions in which Macie is wanted.")]
    management_account: Annotated[bool, Field(description="Whether the management account becomes a member too.")]
    auto_enable: Annotated[bool | None, Field(description="Whether accounts that join get Macie.")] = None
    auto_enable_ignores_exclusions: IgnoresExclusions = None
    publishing_frequency: Annotated[
        Literal["FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"] | None,
        Field(description="How often updates of known policy findings are published; new findings always are at once."),
    ] = None
    publication: Annotated[FindingsPublication | None, Field(description="What goes to Security Hub.")] = None
    automated_discovery: Annotated[AutomatedDiscovery | None, Field(description="Automated sensitive data discovery.")] = None
    export: Annotated[
        Annotated[dict[Region, ResultsDestination], Field(min_length=1)] | None,
        Field(description="Where results of discovery are kept, by Region."),
    ] = None

    @staticmethod
    def check(tree: Tree) -> Iterator[Problem]:
        """Publication, automated discovery and the export."""
        if at(tree, KEY, "publication") == {}:
            yield Problem((KEY, "publication"), "This says nothing. Add policy or sensitive_data, or remove it.", "")
        yield from _discovery(tree)
        yield from check_exported_from(tree, KEY)
        yield from _keys(tree)

    @staticmethod
    def named_regions(tree: Tree) -> Iterator[tuple[Path, str]]:
        """The Regions whose results are exported."""
        return exported_from(tree, KEY)

    @staticmethod
    def arns(tree: Tree) -> Iterator[tuple[Path, str]]:
        """Keys of the export."""
        return exported_to(tree, KEY, "kms_key_arn")

    @staticmethod
    def stores(tree: Tree) -> Iterator[tuple[str, str]]:
        """The buckets of the export with their keys."""
        for destination in (at(tree, KEY, "export") or {}).values():
            yield destination["bucket_name"], destination["kms_key_arn"]

    @staticmethod
    def auto_enable_on(tree: Tree) -> Path | None:
        """Where accounts that join get Macie."""
        return (KEY, "auto_enable") if at(tree, KEY, "auto_enable") is True else None

    @staticmethod
    def fit(section: dict[str, Any], fitting: Fitting) -> None:
        """The Regions whose results are exported, and their keys."""
        fit_export(section, fitting)


SECTION = MacieSection


def _discovery(tree: Tree) -> Iterator[Problem]:
    path: Path = (KEY, "automated_discovery")
    excluded = account_exclusions(tree, NAME)
    if at(tree, *path, "members") != "ALL":
        return
    if excluded:
        message = (
            f"ALL takes every member, and {', '.join(excluded)} is excluded from Macie: AWS knows no exceptions. "
            "Write NEW and existing_accounts: true, or remove the exclusion."
        )
        yield Problem((*path, "members"), message)
    if at(tree, *path, "existing_accounts") is False:
        message = "members: ALL switches it on in existing accounts too. Write NEW there, or true here."
        yield Problem((*path, "existing_accounts"), message)


def _keys(tree: Tree) -> Iterator[Problem]:
    for path, key in exported_to(tree, KEY, "kms_key_arn"):
        region = path[2]
        if key and key.split(":")[3] != region:
            message = f"The key is in {key.split(':')[3]}, and Macie takes one of {region} alone. Name a key of that Region."
            yield Problem(path, message)
