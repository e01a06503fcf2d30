"""Inspector as an inventory saw it: administrators, members, scan types by status, auto-enable, scan settings."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.operations.inspector2.state import Administrator, Configured, Member, settled, state_of
from runbook_lib.rehearsal.replica.sets import Sets, only_administrator, state
from runbook_lib.rehearsal.world import Settling, World

SETTLING = "settling"
"""The inventory's word for an account that is on while none of its scan types is yet."""


def put(world: World, seen: Mapping[str, Any], sets: Sets) -> None:
    for region, found in seen.get("regions", {}).items():
        _scans(world, region, found, sets)
        if (designated := only_administrator(found)) is not None:
            _administrator(world, region, *designated, found, sets)


def _administrator(world: World, region: str, account: str, leaving: bool, found: Mapping[str, Any], sets: Sets) -> None:
    known = state_of(world)
    gone = world.settling("DISABLE_IN_PROGRESS", "gone") if leaving else None
    known.administrators[region] = Administrator(account, settled("yes"), settled("ENABLED"), gone)
    known.organization(region).flags.update(found.get("flags") or {})
    for status, said in found.get("members", {}).items():
        for member in sets.accounts(said):
            known.members_of(region)[member] = Member(member, state(world, status), world.now())
    said = found.get("configuration") or {}
    for part, values, status in (
        ("ec2", {"scanMode": said.get("scan_mode")}, said.get("scan_mode_status")),
        ("ecr", {"rescanDuration": said.get("rescan")}, said.get("rescan_status")),
    ):
        if all(values.values()):
            known.configured[account, region, part] = Configured(values, state(world, str(status or "SUCCESS")), world.now())


def _scans(world: World, region: str, found: Mapping[str, Any], sets: Sets) -> None:
    known = state_of(world)
    for kind, columns in found.get("scans", {}).items():
        for status, said in columns.items():
            for account in sets.accounts(said):
                scanning = known.of(account, region)
                scanning.scans[kind] = _settling(world, status)
                scanning.since[kind] = world.now()
    for said in found.get("governed", {}).values():
        known.governed |= set(sets.accounts(said))


def _settling(world: World, status: str) -> Settling:
    return world.settling("ENABLING", "ENABLED") if status == SETTLING else state(world, status)
