"""Inspector as an inventory saw it: administrators, members, scan types by status, auto-enable, scan settings."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from runbook_lib.rehearsal.account_sets import Accounts, Administered, Part, Sets, only_administrator, state
from runbook_lib.rehearsal.operations.inspector2.state import Administrator, Configured, Member, state_of
from runbook_lib.rehearsal.world import Settling, World, settled

SETTLING = "settling"
"""The inventory's word for an account that is on while none of its scan types is yet."""


class SeenConfiguration(Part):
    scan_mode: str | None = None
    scan_mode_status: str | None = None
    rescan: str | None = None
    rescan_status: str | None = None


class SeenRegion(Administered):
    flags: dict[str, Annotated[bool, Field(strict=True)]] = Field(default={})
    """Scan type → whether accounts that join get it."""
    scans: dict[str, dict[str, Accounts]] = Field(default={})
    """Scan type → status → accounts."""
    governed: dict[str, Accounts] = Field(default={})
    configuration: SeenConfiguration = SeenConfiguration()

    def lists(self) -> Iterator[tuple[tuple[str, ...], Accounts]]:
        yield from super().lists()
        yield from ((("governed", kind), accounts) for kind, accounts in self.governed.items())
        for kind, columns in self.scans.items():
            yield from ((("scans", kind, status), accounts) for status, accounts in columns.items())


class Seen(Part):
    regions: dict[str, SeenRegion] = Field(default={})


def put(world: World, seen: Seen, sets: Sets) -> None:
    for region, found in seen.regions.items():
        _scans(world, region, found, sets)
        if (designated := only_administrator(found)) is not None:
            _administrator(world, region, *designated, found, sets)


def _administrator(world: World, region: str, account: str, leaving: bool, found: SeenRegion, sets: Sets) -> None:
    known = state_of(world)
    gone = world.settling("DISABLE_IN_PROGRESS", "gone") if leaving else None
    known.administrators[region] = Administrator(account, settled("yes"), settled("ENABLED"), gone)
    known.organization(region).flags.update(found.flags)
    for status, said in found.members.items():
        for member in sets.accounts(said):
            known.members_of(region)[member] = Member(member, state(world, status), world.now())
    configured = found.configuration
    for part, values, seen in (
        ("ec2", {"scanMode": configured.scan_mode}, configured.scan_mode_status),
        ("ecr", {"rescanDuration": configured.rescan}, configured.rescan_status),
    ):
        if all(values.values()):
            known.configured[account, region, part] = Configured(values, state(world, seen or "SUCCESS"), world.now())


def _scans(world: World, region: str, found: SeenRegion, sets: Sets) -> None:
    known = state_of(world)
    for kind, columns in found.scans.items():
        for status, said in columns.items():
            for account in sets.accounts(said):
                scanning = known.of(account, region)
                scanning.scans[kind] = _settling(world, status)
                scanning.since[kind] = world.now()
    for said in found.governed.values():
        known.governed |= set(sets.accounts(said))


def _settling(world: World, status: str) -> Settling:
    return world.settling("ENABLING", "ENABLED") if status == SETTLING else state(world, status)
