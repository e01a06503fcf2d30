"""Security Hub CSPM in settings."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from runbook_lib.base.documents import Path, Problem
from runbook_lib.base.documents.models import Says
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.exclusions import excluded_services
from runbook_lib.settings.regions import is_opt_in
from runbook_lib.settings.section import Region, Regions, Section
from runbook_lib.settings.sections.service import Fitting, IgnoresExclusions, MembersSection

KEY = "security_hub"


class Standard(Section):
    """A standard as Security Hub's ARNs spell it; whether it exists in a Region is asked of AWS before planning."""

    name: Annotated[
        Annotated[
            str,
            Field(pattern=r"^[a-z0-9][a-z0-9-]*$"),
            Says("Not the name of a standard as its ARN spells it, for example aws-foundational-security-best-practices."),
        ],
        Field(description="The name in the standard's ARN, for example aws-foundational-security-best-practices."),
    ]
    version: Annotated[
        Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$"), Says('Not a version: digits and dots, for example "1.0.0".')],
        Field(description='The version in the standard\'s ARN, in quotes, for example "1.0.0".'),
    ]


Standards = Annotated[tuple[Standard, ...], Field(strict=False, min_length=1)]


class FindingAggregation(Section):
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


class SecurityHubSection(MembersSection):
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

    @property
    def home_region(self) -> Region | None:
        """The home Region of finding aggregation."""
        return self.aggregation.home_region if self.aggregation else None

    @property
    def needs_config(self) -> bool:
        """Standards are evaluated only where AWS Config records."""
        named = self.delegated_account_standards or self.existing_account_standards
        return bool(named or self.new_account_standards == "default")

    @property
    def evaluates(self) -> bool:
        """Whether settings want any standard in any account: those that AWS switches on in accounts it adds are wanted too."""
        return self.needs_config or bool(self.accept_default_standards)

    @staticmethod
    def check(tree: Tree) -> Iterator[Problem]:
        """Standards and the aggregation of findings."""
        yield from _standards(tree)
        yield from _aggregation(tree)
        yield from _home_excluded(tree)

    @staticmethod
    def named_regions(tree: Tree) -> Iterator[tuple[Path, str]]:
        """The Regions of finding aggregation."""
        aggregation: Path = (KEY, "aggregation")
        path = (*aggregation, "regions")
        yield from (((*path, position), region) for position, region in enumerate(at(tree, *path) or []) if region)
        if home := at(tree, *aggregation, "home_region"):
            yield (*aggregation, "home_region"), home

    @staticmethod
    def auto_enable_on(tree: Tree) -> Path | None:
        """Where accounts that join get Security Hub."""
        return (KEY, "auto_enable") if at(tree, KEY, "auto_enable") is True else None

    @staticmethod
    def instead_of_empty(tree: Tree, path: Path) -> str:
        """An empty list of linked Regions is a mode of its own at AWS."""
        aggregation: Path = (KEY, "aggregation")
        linking = {"SPECIFIED_REGIONS": "NO_REGIONS", "ALL_REGIONS_EXCEPT_SPECIFIED": "ALL_REGIONS"}
        mode = linking.get(str(at(tree, *aggregation, "linking_mode"))) if path == (*aggregation, "regions") else None
        return f"write linking_mode: {mode} and remove this key; else name the Regions." if mode else ""

    @staticmethod
    def fit(section: dict[str, Any], fitting: Fitting) -> None:
        """The home Region of finding aggregation, which may be no opt-in Region, and the Regions that it links."""
        if (aggregation := section.get("aggregation")) is None:
            return
        candidates = [*fitting.kept([aggregation["home_region"]]), *section["regions"]]
        home = next((region for region in candidates if not is_opt_in(region)), None)
        if home is None:
            del section["aggregation"]
            fitting.changes.append(f"{KEY}.aggregation left out: no Region can be its home")
            return
        if aggregation["home_region"] != home:
            aggregation["home_region"] = home
        if "regions" in aggregation:
            _link(aggregation, [region for region in fitting.kept(aggregation["regions"]) if region != home])

    @staticmethod
    def fit_everywhere(section: dict[str, Any], fitting: Fitting, regions: Sequence[str]) -> None:
        """Findings together in the home Region."""
        aggregation = section.get("aggregation")
        if aggregation is None or is_opt_in(regions[0]):
            return
        aggregation["home_region"] = regions[0]
        if set(aggregation.get("regions", ())) != set(regions[1:]):
            aggregation["linking_mode"] = "SPECIFIED_REGIONS"
            aggregation.setdefault("regions", [])
            _link(aggregation, list(regions[1:]))


SECTION = SecurityHubSection


def _link(aggregation: dict[str, Any], regions: list[str]) -> None:
    """Name these Regions in the aggregation; a mode that names some becomes the one that needs to name none."""
    if regions:
        aggregation["regions"][:] = regions
    else:
        del aggregation["regions"]
        aggregation["linking_mode"] = "NO_REGIONS" if aggregation["linking_mode"] == "SPECIFIED_REGIONS" else "ALL_REGIONS"


def _standards(tree: Tree) -> Iterator[Problem]:
    part = at(tree, "security_hub") or {}
    if "existing_account_standards" in part and "members" not in (at(tree, "access") or {}):
        message = (
            "Only an account itself can switch standards on, so this needs a role in every member account. "
            "Add access.members, or remove this key."
        )
        yield Problem(("security_hub", "existing_account_standards"), message, "")
    if "new_account_standards" in part and ("auto_enable" not in part or part["auto_enable"] is False):
        message = (
            "Standards for accounts that join need Security Hub in them. Add security_hub.auto_enable: true, or remove this key."
        )
        yield Problem(("security_hub", "new_account_standards"), message)
    if part.get("auto_enable") is True and "new_account_standards" not in part:
        message = (
            "AWS switches its default standards on in accounts that join unless told otherwise. "
            "Say it: add security_hub.new_account_standards: none, or default."
        )
        yield Problem(("security_hub", "auto_enable"), message)


def _aggregation(tree: Tree) -> Iterator[Problem]:
    path: Path = ("security_hub", "aggregation")
    home, mode, named = (at(tree, *path, key) for key in ("home_region", "linking_mode", "regions"))
    asked = at(tree, "security_hub", "regions")
    if home and asked and None not in asked and home not in asked:
        yield Problem(
            (*path, "home_region"), "The home Region is not in security_hub.regions. Add it there, or choose one of them."
        )
    if home and is_opt_in(home):
        message = (
            "AWS allows no opt-in Region as home Region. Choose one that every account has, for example us-east-1 or eu-central-1."
        )
        yield Problem((*path, "home_region"), message)
    takes_list = mode in ("SPECIFIED_REGIONS", "ALL_REGIONS_EXCEPT_SPECIFIED")
    said = "regions" in (at(tree, *path) or {})
    if mode and takes_list and not said:
        yield Problem((*path, "linking_mode"), f"{mode} needs a list. Add security_hub.aggregation.regions.")
    if mode and not takes_list and said:
        yield Problem((*path, "regions"), f"{mode} takes no list. Remove this key, or choose a mode that names Regions.")
    for position, region in enumerate(named or []):
        if region and region == home:
            yield Problem(
                (*path, "regions", position), "This is the home Region itself; it is never linked. Remove it from the list."
            )


def _home_excluded(tree: Tree) -> Iterator[Problem]:
    home = at(tree, KEY, "aggregation", "home_region")
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        if home and isinstance(exclusion, dict) and exclusion.get("region") == home and NAME in excluded_services(exclusion):
            message = "This is the home Region of finding aggregation. Choose another, or keep the Region in."
            yield Problem(("exclusions", position, "region"), message)
