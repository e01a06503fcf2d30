"""Inspector as an inventory writes it."""

from typing import Any

from runbook_lib.services.inspector2.state import RegionState, State
from runbook_lib.services.inventory import Writer, filled


def written(state: State, writer: Writer) -> dict[str, Any]:
    """All Regions; of those not asked for, the administrator only."""
    others = {region: writer.administrators(seen) for region, seen in state.others.items()}
    return {"regions": others | {region: _region(seen, writer) for region, seen in state.regions.items()}}


def _region(seen: RegionState, writer: Writer) -> dict[str, Any]:
    found = writer.administrators(seen.administrators)
    if organization := writer.known(seen.organization):
        found["flags"] = dict(sorted(organization.flags.items()))
    found["members"] = writer.lists.by_status(writer.known(seen.members) or {})
    own = writer.known(seen.own)
    looks = [seen.scans, *([own] if own is not None else [])]
    scans: dict[str, dict[str, set[str]]] = {}
    for look in looks:
        for kind, columns in look.statuses.items():
            for status, accounts in columns.items():
                if status != "DISABLED":
                    scans.setdefault(kind, {}).setdefault(status, set()).update(accounts)
        writer.unread += [sentence for _, sentence, _ in look.unread]
    found["scans"] = {
        kind: {status: writer.lists.of(accounts) for status, accounts in sorted(columns.items())}
        for kind, columns in sorted(scans.items())
    }
    found["governed"] = {kind: writer.lists.of(accounts) for kind, accounts in sorted(seen.scans.governed.items())}
    if settings := writer.known(seen.configuration):
        found["configuration"] = {
            "scan_mode": settings.scan_mode,
            "scan_mode_status": settings.scan_mode_status,
            "rescan": settings.rescan,
            "rescan_status": settings.rescan_status,
        }
    return filled(found)
