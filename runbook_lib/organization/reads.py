"""Observing the organization: accounts and their OUs, Regions and opt-in, trusted access, delegated administrators, callers.

A list that cannot be read is an Unknown with AWS's code, never an empty list. Without the organization itself or its account
list nothing can be said at all: those failures are raised.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from runbook_lib.aws.endpoints import sts_region
from runbook_lib.aws.errors import CallFailed, denied, unread
from runbook_lib.aws.other_door import OTHER_DOOR
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.base.privacy import masked
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.services.registry import specs
from runbook_lib.settings import Settings

READS = frozenset(
    {
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "organizations:ListRoots",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListAccountsForParent",
        "organizations:ListAWSServiceAccessForOrganization",
        "organizations:ListDelegatedAdministrators",
        "account:ListRegions",
        "ec2:DescribeRegions",
    }
)
OTHER_WAYS = frozenset({"ec2:DescribeRegions"})
"""Reads that are made only where the usual one is denied, so nobody needs to be given them: AWS's SecurityAudit has them."""
OPT_STATUS = {"opt-in-not-required": "ENABLED_BY_DEFAULT", "opted-in": "ENABLED", "not-opted-in": "DISABLED"}
"""EC2's words (DescribeRegions, OptInStatus) → Account Management's."""
ACCOUNT_MANAGEMENT = "account.amazonaws.com"
"""Trusted access for this principal lets the management account read the members' Regions."""


class Identities(Reader, Protocol):
    """A Reader that also tells as whom it acts."""

    def caller(self, account: str) -> str:
        """ARN of the identity that acts in an account."""


def observe_organization(
    settings: Settings,
    access: Identities,
    with_member_regions: bool | None = None,
    before: Organization | None = None,
    outline: Organization | None = None,
    accounts: Callable[[], Mapping[str, Account]] | None = None,
) -> Organization:
    """Read the organization as the management account. Reads only.

    The members' Regions are read where a Region in settings is not enabled by default in the management account (`None`), always
    or never. What `before`, an observation of the same run, already knows of them is kept: AWS allows about five such reads a
    second, and opting in takes minutes to hours. What `outline` holds, which was read just now, is not read again. `accounts` gives
    the list of accounts where it is being read already. Raises CallFailed when the organization or its accounts cannot be read.
    """
    known = {account: found for account, found in before.regions.items() if isinstance(found, Known)} if before else {}
    return _Observing(settings, access).organization(with_member_regions, known, outline, accounts)


def read_unit_names(settings: Settings, access: Identities, organization: Organization) -> Mapping[str, str]:
    """Names of the organizational units in which there are accounts, and of those above them; for people, so never a failure.

    One read for each unit that has any below it. Nothing where settings hide names, and of what may not be read.
    """
    if settings.names_hidden:
        return {}
    return _Observing(settings, access).unit_names(organization)


def list_accounts(settings: Settings, access: Identities) -> Mapping[str, Account]:
    """The organization's accounts alone. Raises CallFailed when they cannot be read."""
    return _Observing(settings, access).accounts()


def outline_organization(settings: Settings, access: Identities) -> Organization:
    """Everything of the organization that takes a moment to read: no accounts but the two that act, supposed to be active.

    The list of ten thousand accounts takes a minute. Raises CallFailed when the organization cannot be read.
    """
    return _Observing(settings, access).outline()


def asks_members_for_regions(outline: Organization, settings: Settings) -> bool:
    """Whether settings ask for a Region that a member account may not have enabled."""
    own = outline.regions.get(outline.management_account)
    asked = {region for section in settings.sections().values() for region in section.regions}
    opted = own.value if isinstance(own, Known) else {}
    return any(opted.get(region) != "ENABLED_BY_DEFAULT" for region in asked)


class _Observing:
    def __init__(self, settings: Settings, access: Identities) -> None:
        self.settings, self.access = settings, access
        self.management = settings.organization.management_account
        self.delegated = settings.organization.delegated_account
        self.region = sts_region(settings)

    def organization(
        self,
        with_member_regions: bool | None,
        known: Mapping[str, Observation[Mapping[str, str]]],
        outline: Organization | None,
        accounts: Callable[[], Mapping[str, Account]] | None,
    ) -> Organization:
        """The whole observation; `known` are members' Regions that need no second look."""
        jobs: list[Callable[[], Any]] = [accounts or self.accounts]
        listed, *read = self.access.parallel(jobs if outline else [*jobs, self.outline])
        found = outline or read[0]
        members = [each.id for each in listed.values() if each.active and each.id not in found.regions]
        wanted = asks_members_for_regions(found, self.settings) if with_member_regions is None else with_member_regions
        regions = self._member_regions(members, found.trusted_access, known) if wanted else {}
        return replace(found, accounts=listed, regions={**found.regions, **regions})

    def outline(self) -> Organization:
        """The organization with the two accounts that act, and no other."""
        both = (self.management, self.delegated)
        jobs: list[Callable[[], Any]] = [self._described, self._trusted]
        jobs += [partial(self._regions, account) for account in both]
        managed = self.settings.sections()
        there = [spec for spec in specs() if spec.name in managed and any(map(spec.exists_in, managed[spec.name].regions))]
        principals = [spec.designation.principal for spec in there if spec.designation]
        jobs += [partial(self._registered, principal) for principal in principals]
        described, trusted, *rest = self.access.parallel(jobs)
        return Organization(
            id=described["Id"],
            arn=described["Arn"],
            partition=described["Arn"].split(":")[1],
            feature_set=described["FeatureSet"],
            # AWS's own member name.
            management_account=described["MasterAccountId"],
            delegated_account=self.delegated,
            accounts={account: Account(account, "", AccountState.ACTIVE, ()) for account in both},
            regions=dict(zip(both, rest[:2], strict=True)),
            trusted_access=trusted,
            delegated_administrators=dict(zip(principals, rest[2:], strict=True)),
            callers=self._callers(),
        )

    def _described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.access.read("organizations", "DescribeOrganization", self.management, self.region)
        described: dict[str, Any] = found["Organization"]
        return described

    def _list(self, operation: str, key: str, **parameters: Any) -> list[dict[str, Any]]:
        pages = self.access.pages("organizations", operation, self.management, self.region, **parameters)
        return [each for page in pages for each in page.get(key, ())]

    # Accounts and where they hang.

    def accounts(self) -> dict[str, Account]:
        """Account id → account, sorted.

        In a run with one door, before AWS shows the list to it or its holder hands it over, the two accounts that act are all that
        is known (Organization.listed), and the preflight says whose list it is.
        """
        try:
            listed = self._list("ListAccounts", "Accounts")
        except CallFailed as failure:
            if failure.code != OTHER_DOOR:
                raise
            return {each: Account(each, "", AccountState.ACTIVE, ()) for each in sorted((self.management, self.delegated))}
        units = {each["Id"]: _units_of_path(each["Paths"]) for each in listed if each.get("Paths")}
        if len(units) < len(listed):
            units = self._tree() | units
        return {
            each["Id"]: Account(
                each["Id"],
                "" if self.settings.names_hidden else masked(each.get("Name", "")),
                # `Status` was retired in September 2026; older partitions still answer with it alone.
                AccountState(each.get("State") or each["Status"]),
                units.get(each["Id"], ()),
                each.get("Email", ""),
            )
            for each in sorted(listed, key=lambda each: str(each["Id"]))
        }

    def unit_names(self, organization: Organization) -> dict[str, str]:
        above = {unit for account in organization.accounts.values() for unit in account.organizational_units[:-1]}
        roots = {account.organizational_units[0] for account in organization.accounts.values() if account.organizational_units}
        found = dict.fromkeys(roots, "Root")
        for listed in self.access.parallel([partial(self._units_below, unit) for unit in sorted(above)]):
            found |= listed
        return found

    def _units_below(self, unit: str) -> dict[str, str]:
        try:
            listed = self._list("ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=unit)
        except CallFailed:
            return {}
        return {each["Id"]: masked(each.get("Name", "")) for each in listed}

    def _tree(self) -> dict[str, tuple[str, ...]]:
        """Account id → OU ids from the root down, read by OU: one listing per OU instead of one call per account."""
        found: dict[str, tuple[str, ...]] = {}
        open_: list[tuple[str, ...]] = [(root["Id"],) for root in self._list("ListRoots", "Roots")]
        while open_:
            path = open_.pop()
            found |= {each["Id"]: path for each in self._list("ListAccountsForParent", "Accounts", ParentId=path[-1])}
            units = self._list("ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=path[-1])
            open_ += [(*path, unit["Id"]) for unit in units]
        return found

    # What Organizations says about services.

    def _trusted(self) -> Observation[frozenset[str]]:
        try:
            listed = self._list("ListAWSServiceAccessForOrganization", "EnabledServicePrincipals")
        except CallFailed as failure:
            return unread(failure)
        return Known(frozenset(each["ServicePrincipal"] for each in listed))

    def _registered(self, principal: str) -> Observation[frozenset[str]]:
        try:
            listed = self._list("ListDelegatedAdministrators", "DelegatedAdministrators", ServicePrincipal=principal)
        except CallFailed as failure:
            return unread(failure)
        return Known(frozenset(each["Id"] for each in listed))

    # Regions.

    def _regions(self, asker: str, about: str = "") -> Observation[Mapping[str, str]]:
        """Region → opt status of the asking account itself, or of another one; never both ways for the management account."""
        parameters = {"AccountId": about} if about else {}
        try:
            pages = list(self.access.pages("account", "ListRegions", asker, self.region, **parameters))
        except CallFailed as failure:
            other = self._regions_by_ec2(asker) if denied(failure) and not about else None
            return other or unread(failure)
        return Known({each["RegionName"]: each["RegionOptStatus"] for page in pages for each in page["Regions"]})

    def _regions_by_ec2(self, asker: str) -> Observation[Mapping[str, str]] | None:
        """The same of the asking account as EC2 tells it; None where that could not be read either."""
        try:
            found = self.access.read("ec2", "DescribeRegions", asker, self.region, AllRegions=True)
        except CallFailed:
            return None
        return Known({each["RegionName"]: OPT_STATUS.get(each["OptInStatus"], each["OptInStatus"]) for each in found["Regions"]})

    def _member_regions(
        self, members: Iterable[str], trusted: Observation[frozenset[str]], known: Mapping[str, Observation[Mapping[str, str]]]
    ) -> dict[str, Observation[Mapping[str, str]]]:
        """As the management account where Account Management has trusted access, else through the member role, else unknown."""
        through_management = isinstance(trusted, Known) and ACCOUNT_MANAGEMENT in trusted.value

        def asked(member: str) -> Observation[Mapping[str, str]]:
            if member in known:
                return known[member]
            if through_management:
                return self._regions(self.management, member)
            if self.access.reaches(member):
                return self._regions(member)
            return Unknown(
                "NoTrustedAccess",
                "whether opt-in Regions are enabled in member accounts cannot be read from the management account",
                f"enable trusted access for {ACCOUNT_MANAGEMENT} in Organizations, name a member role, or leave out opt-in Regions",
            )

        ordered = sorted(members)
        # The first alone: where it is denied, so are all others, and none of them is asked.
        found = [asked(member) for member in ordered[:1]]
        found += self.access.parallel([partial(asked, member) for member in ordered[1:]])
        return dict(zip(ordered, found, strict=True))

    def _callers(self) -> dict[str, str]:
        """As whom the two accounts are entered. One that cannot be entered is absent, and its Regions are Unknown."""
        found = {}
        for account in (self.management, self.delegated):
            try:
                found[account] = self.access.caller(account)
            except CallFailed:
                continue
        return found


def _units_of_path(paths: list[str]) -> tuple[str, ...]:
    """Root and OU ids of a path like o-…/r-…/ou-…/111111111111/."""
    return tuple(part for part in paths[0].split("/") if part.startswith(("r-", "ou-")))


class Asking:
    """The same reads made as whichever account settings call the management account, one by one: it may be another one."""

    def __init__(self, settings: Settings, access: Identities) -> None:
        self._observing = _Observing(settings, access)
        self._asker = settings.organization.management_account
        self.described = self._observing._described  # noqa: SLF001 of this module
        """Who the organization is; every account of it may ask. Raises CallFailed."""
        self.accounts = self._observing.accounts
        self.trusted = self._observing._trusted  # noqa: SLF001 of this module
        self.registered = self._observing._registered  # noqa: SLF001 of this module

    def own_regions(self) -> Observation[Mapping[str, str]]:
        """Region → opt status of the asking account."""
        return self._observing._regions(self._asker)  # noqa: SLF001 of this module
