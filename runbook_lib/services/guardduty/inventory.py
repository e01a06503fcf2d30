"""GuardDuty as an inventory writes it."""

from typing import Any

from runbook_lib.services.guardduty.state import Detector, RegionState, State
from runbook_lib.services.inventory import Writer, filled


def written(state: State, writer: Writer) -> dict[str, Any]:
    """All Regions; of those not asked for, the administrator only."""
    others = {region: writer.administrators(seen) for region, seen in state.others.items()}
    return {"regions": others | {region: _region(seen, writer) for region, seen in state.regions.items()}}


def _region(seen: RegionState, writer: Writer) -> dict[str, Any]:
    own = {writer.management: writer.known(seen.management), writer.delegated: writer.known(seen.delegated)}
    detectors = {account: _detector(each) for account, each in sorted(own.items()) if each is not None}
    if destinations := writer.known(seen.destinations):
        detectors[writer.delegated]["destinations"] = [
            {"bucket_arn": each.bucket_arn, "kms_key_arn": each.kms_key_arn, "status": each.status} for each in destinations
        ]
    found: dict[str, Any] = {**writer.administrators(seen.administrators), "detectors": detectors}
    if configuration := writer.known(seen.configuration):
        found["auto_enable"] = {"members": configuration.auto_enable, "items": dict(sorted(configuration.items.items()))}
    found["members"] = writer.lists.by_status(writer.known(seen.members) or {})
    found["features"] = {item: writer.lists.of(accounts) for item, accounts in sorted(seen.features.on.items())}
    found["governed"] = {item: writer.lists.of(accounts) for item, accounts in sorted(seen.features.governed.items())}
    writer.unread += [sentence for _, sentence, _ in seen.features.unread]
    return filled(found)


def _detector(seen: Detector) -> dict[str, Any]:
    found = {"enabled": seen.enabled, "frequency": seen.frequency, "on": sorted(seen.on), "governed": sorted(seen.governed)}
    return {name: value for name, value in found.items() if value != []}
