"""Macie as an inventory saw it: administrators, members, what joins get, discovery, publication and export."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from runbook_lib.rehearsal.account_sets import Accounts, Administered, Part, Sets, only_administrator, state
from runbook_lib.rehearsal.operations.macie2 import discovery
from runbook_lib.rehearsal.operations.macie2.state import (
    ASSOCIATED,
    USUAL_FREQUENCY,
    Administrator,
    Member,
    state_of,
    switch_on,
)
from runbook_lib.rehearsal.operations.storage import provide
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.world import World, settled

Flag = Annotated[bool, Field(strict=True)]
WITHOUT_SESSION = frozenset({"RegionDisabled", "AccountSuspended"})


class SeenRegion(Administered):
    enabled: Flag = False
    """Whether Macie is on in the account that was looked from."""
    paused: Flag = False
    frequency: str = USUAL_FREQUENCY
    auto_enable: Flag = False
    discovery: Flag = False
    discovery_members: str = "NONE"
    discovers: Accounts = ()
    """Members whose discovery is on."""
    publication: dict[str, Flag] = Field(default={})
    export: dict[str, str] = Field(default={})
    """Members of s3Destination."""

    def lists(self) -> Iterator[tuple[tuple[str, ...], Accounts]]:
        yield from super().lists()
        yield ("discovers",), self.discovers


class Seen(Part):
    regions: dict[str, SeenRegion] = Field(default={})


def put(world: World, seen: Seen, sets: Sets) -> None:
    for region, found in seen.regions.items():
        if (designated := only_administrator(found)) is not None:
            _administrator(world, region, *designated, found, sets)


def _administrator(world: World, region: str, account: str, leaving: bool, found: SeenRegion, sets: Sets) -> None:
    known = state_of(world)
    gone = world.settling("DISABLING_IN_PROGRESS", "gone") if leaving else None
    known.administrators[region] = Administrator(account, settled("yes"), gone)
    known.organization(region).auto_enable = found.auto_enable
    known.organization(region).discovery = found.discovery_members
    if found.enabled:
        session = switch_on(world, account, region)
        session.status, session.frequency = "PAUSED" if found.paused else "ENABLED", found.frequency
        session.publication.update(found.publication)
        session.export = {"s3Destination": dict(found.export)} if found.export else {}
        if found.export:
            provide(world, found.export["bucketName"], found.export["kmsKeyArn"])
        discovery.switch(world, account, region, on=found.discovery)
    for status, said in found.members.items():
        for member in sets.accounts(said):
            known.members_of(region)[member] = Member(member, state(world, status), world.now())
            if status in ASSOCIATED - WITHOUT_SESSION and account_of(world, member):
                switch_on(world, member, region).status = "PAUSED" if status == "Paused" else "ENABLED"
    for member in sets.accounts(found.discovers):
        discovery.switch(world, member, region, on=True)
