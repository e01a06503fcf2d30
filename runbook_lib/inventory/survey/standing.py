"""Who asks, and where that account stands in its organization."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from runbook_lib.aws.access import Access
from runbook_lib.aws.callers import Card
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.observation import Known, Observation
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.organization.reads import Asking
from runbook_lib.services.population import ENABLED
from runbook_lib.services.registry import specs
from runbook_lib.settings.regions import ENABLED_BY_DEFAULT, is_opt_in, partition_of

NO_ORGANIZATION = "AWSOrganizationsNotInUseException"


class Place(StrEnum):
    """Where an account stands."""

    MANAGEMENT = "the management account"
    ADMINISTRATOR = "a delegated administrator"
    MEMBER = "a plain member account"
    ALONE = "in no organization"


@dataclass(frozen=True)
class Standing:
    """Who asks, and what Organizations shows from there."""

    card: Card
    place: Place
    organization: Organization
    """With all its accounts; for a plain member, itself alone."""
    regions: tuple[str, ...]
    administrators: Mapping[str, Observation[frozenset[str]]]
    """Service → the accounts that Organizations lists as its delegated administrators."""

    @property
    def account(self) -> str:
        return self.card.account

    def administers(self, service: str) -> bool:
        """Whether Organizations lists this account as the service's administrator."""
        found = self.administrators.get(service)
        return isinstance(found, Known) and self.account in found.value

    def administrator_of(self, service: str) -> str:
        """The account that Organizations lists as the service's administrator, "" where none is known."""
        found = self.administrators.get(service)
        return min(found.value, default="") if isinstance(found, Known) else ""


def stand(access: Access, card: Card, asking: Asking, wanted: Sequence[str]) -> Standing:
    """Find out where the account stands. `wanted` are the Regions to look at, all that are enabled when empty.

    Raises CallFailed when not even the account's own organization can be described.
    """
    own, partition = asking.own_regions(), card.arn.split(":")[1]
    enabled = (
        [region for region, status in own.value.items() if status in ENABLED]
        if isinstance(own, Known)
        else [region for region in ENABLED_BY_DEFAULT if partition_of(region) == partition and not is_opt_in(region)]
    )
    regions = tuple(wanted or sorted(enabled))
    alone = {card.account: Account(card.account, "", AccountState.ACTIVE, ())}
    try:
        described = asking.described()
    except CallFailed as failure:
        if failure.code != NO_ORGANIZATION:
            raise
        nowhere = Organization(
            "", "", partition, "", "", "", alone, {card.account: own}, Known(frozenset()), {}, {card.account: card.arn}
        )
        return Standing(card, Place.ALONE, nowhere, regions, {})
    principals = {spec.name: spec.designation.principal for spec in specs() if spec.designation}
    first, *rest = principals.items()
    listed = {first[0]: asking.registered(first[1])}
    seen = isinstance(listed[first[0]], Known)
    if seen:
        found = access.parallel([partial(asking.registered, principal) for _, principal in rest])
        listed |= dict(zip((name for name, _ in rest), found, strict=True))
    management = described["MasterAccountId"]
    administrator = any(isinstance(found, Known) and card.account in found.value for found in listed.values())
    place = Place.MANAGEMENT if card.account == management else Place.ADMINISTRATOR if seen or administrator else Place.MEMBER
    organization = Organization(
        id=described["Id"],
        arn=described["Arn"],
        partition=partition,
        feature_set=described["FeatureSet"],
        management_account=management,
        delegated_account="",
        accounts=asking.accounts() if seen else alone,
        regions={card.account: own},
        trusted_access=asking.trusted() if seen else Known(frozenset()),
        delegated_administrators={principals[name]: found for name, found in listed.items()},
        callers={card.account: card.arn},
    )
    return Standing(card, place, organization, regions, listed)
