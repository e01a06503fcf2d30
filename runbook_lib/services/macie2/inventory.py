"""Macie as an inventory writes it."""

from typing import Any

from runbook_lib.services.inventory import Writer, filled
from runbook_lib.services.macie2.state import RegionState, State


def written(state: State, writer: Writer) -> dict[str, Any]:
    """All Regions; of those not asked for, the administrator only."""
    others = {region: writer.administrators(seen) for region, seen in state.others.items()}
    return {"regions": others | {region: _region(seen, writer) for region, seen in state.regions.items()}}


def _region(seen: RegionState, writer: Writer) -> dict[str, Any]:
    found = writer.administrators(seen.administrators)
    own = writer.known(seen.own)
    if own and own.status:
        found |= {"enabled": True, "paused": own.status == "PAUSED", "frequency": own.frequency}
    if organization := writer.known(seen.organization):
        found["auto_enable"] = organization.auto_enable
    found["members"] = writer.lists.by_status(writer.known(seen.members) or {})
    if discovery := writer.known(seen.discovery):
        found |= {"discovery": discovery != "DISABLED", "discovery_members": "NONE" if discovery == "DISABLED" else discovery}
    on = {account for account, status in (writer.known(seen.discovering) or {}).items() if status == "ENABLED"}
    if members := on - {writer.delegated}:
        found["discovers"] = writer.lists.of(members)
    if published := writer.known(seen.publication):
        found["publication"] = {
            "publishPolicyFindings": published.policy,
            "publishClassificationFindings": published.sensitive_data,
        }
    if kept := writer.known(seen.destination):
        prefix = {"keyPrefix": kept.key_prefix} if kept.key_prefix else {}
        found["export"] = {"bucketName": kept.bucket_name, **prefix, "kmsKeyArn": kept.kms_key_arn}
    return filled(found)
