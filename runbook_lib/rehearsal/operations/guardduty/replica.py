"""GuardDuty as an inventory saw it: administrators, detectors, members with their features, auto-enable, export."""

from collections.abc import Collection, Iterator, Mapping

from pydantic import Field

from runbook_lib.rehearsal.account_sets import Accounts, Administered, Part, Sets, only_administrator, state
from runbook_lib.rehearsal.operations.guardduty.features import Settings
from runbook_lib.rehearsal.operations.guardduty.state import (
    ASSOCIATED,
    Administrator,
    Destination,
    Detector,
    Member,
    add_detector,
    bare_features,
    state_of,
)
from runbook_lib.rehearsal.operations.storage import provide
from runbook_lib.rehearsal.world import World, settled

WRITABLE = frozenset({"PENDING_VERIFICATION", "PUBLISHING"})
"""States of a destination whose bucket and key let GuardDuty write."""


class SeenDestination(Part):
    bucket_arn: str
    kms_key_arn: str
    status: str


class SeenDetector(Part):
    enabled: bool
    frequency: str
    on: tuple[str, ...] = ()
    governed: tuple[str, ...] = ()
    destinations: tuple[SeenDestination, ...] = ()


class SeenAutoEnable(Part):
    """For accounts that join: GuardDuty itself, and each feature ("FEATURE" or "FEATURE/AGENT")."""

    members: str = "NONE"
    items: dict[str, str] = Field(default={})


class SeenRegion(Administered):
    detectors: dict[str, SeenDetector] = Field(default={})
    auto_enable: SeenAutoEnable = SeenAutoEnable()
    features: dict[str, Accounts] = Field(default={})
    """Feature → members in which it is on."""
    governed: dict[str, Accounts] = Field(default={})
    """Feature → members in which a policy of Organizations decides."""

    def lists(self) -> Iterator[tuple[tuple[str, ...], Accounts]]:
        yield from super().lists()
        for section, features in (("features", self.features), ("governed", self.governed)):
            yield from (((section, feature), accounts) for feature, accounts in features.items())


class Seen(Part):
    regions: dict[str, SeenRegion] = Field(default={})


def put(world: World, seen: Seen, sets: Sets) -> None:
    for region, found in seen.regions.items():
        for account, said in found.detectors.items():
            _detector(world, account, region, said)
        if (designated := only_administrator(found)) is not None:
            _administrator(world, region, *designated)
            _automatic(world, region, found.auto_enable)
            _members(world, region, designated[0], found, sets)


def _administrator(world: World, region: str, account: str, leaving: bool) -> None:
    gone = world.settling("DISABLE_IN_PROGRESS", "gone") if leaving else None
    state_of(world).administrators[region] = Administrator(account, settled("yes"), gone)


def _detector(world: World, account: str, region: str, said: SeenDetector) -> None:
    detector = add_detector(world, account, region, features=bare_features(world, region), enabled=said.enabled)
    detector.frequency = said.frequency
    _switch(detector.features, frozenset(said.on))
    if said.governed:
        state_of(world).governed.add(account)
    for number, each in enumerate(said.destinations):
        name = f"{number:032x}"
        properties = {"DestinationArn": each.bucket_arn, "KmsKeyArn": each.kms_key_arn}
        detector.destinations[name] = Destination(name, properties, state(world, each.status))
        if each.status in WRITABLE:
            provide(world, each.bucket_arn.split(":::", 1)[1].partition("/")[0], each.kms_key_arn)


def _switch(features: Settings, on: Collection[str]) -> None:
    for name, setting in features.items():
        setting.value = "ENABLED" if name in on else "DISABLED"
        for part, inner in setting.parts.items():
            inner.value = "ENABLED" if f"{name}/{part}" in on else "DISABLED"


def _automatic(world: World, region: str, said: SeenAutoEnable) -> None:
    configuration = state_of(world).configuration(region)
    configuration.members = said.members
    for name, setting in configuration.features.items():
        setting.value = said.items.get(name, "NONE")
        for part, inner in setting.parts.items():
            inner.value = said.items.get(f"{name}/{part}", "NONE")


def _members(world: World, region: str, administrator: str, found: SeenRegion, sets: Sets) -> None:
    known = state_of(world)
    members = known.members_of(region)
    own = known.detectors.get((administrator, region))
    features = {item: frozenset(sets.accounts(said)) for item, said in found.features.items()}
    for said in found.governed.values():
        known.governed |= set(sets.accounts(said))
    for status, said in found.members.items():
        for account in sets.accounts(said):
            email = world.organization.accounts[account].email if account in world.organization.accounts else ""
            members[account] = Member(account, email, state(world, status), world.now())
            if status in ASSOCIATED:
                _member_detector(world, account, region, own, status == "Disabled", features)


def _member_detector(
    world: World, account: str, region: str, own: Detector | None, suspended: bool, features: Mapping[str, Collection[str]]
) -> None:
    """A member's detector: with the features seen, and its administrator's publishing frequency."""
    known = state_of(world)
    detector = known.detectors.get((account, region))
    if detector is None:
        detector = add_detector(world, account, region, features=bare_features(world, region))
        detector.frequency = own.frequency if own else detector.frequency
    detector.enabled = not suspended
    _switch(detector.features, {item for item, accounts in features.items() if account in accounts})
