"""Security Hub as an inventory writes it."""

from typing import Any

from runbook_lib.services.inventory import Writer, filled
from runbook_lib.services.securityhub.state import State


def written(state: State, writer: Writer) -> dict[str, Any]:
    """All Regions, and the aggregator."""
    found: dict[str, Any] = {"regions": {region: _region(state, region, writer) for region in sorted(state.administrators)}}
    if aggregator := writer.known(state.aggregator):
        found["aggregator"] = {
            "account": writer.delegated,
            "arn": aggregator.arn,
            "home": aggregator.home,
            "mode": aggregator.mode,
            "regions": sorted(aggregator.regions),
        }
    return found


def _region(state: State, region: str, writer: Writer) -> dict[str, Any]:
    hubs = {writer.delegated: state.delegated_hubs.get(region), writer.management: state.management_hubs.get(region)}
    found: dict[str, Any] = {
        **writer.administrators(state.administrators[region]),
        "hubs": sorted(account for account, seen in hubs.items() if seen is not None and writer.known(seen)),
    }
    if configuration := writer.known(state.configurations.get(region)):
        found["configuration"] = {
            "auto_enable": configuration.auto_enable,
            "standards": configuration.standards,
            "kind": configuration.kind,
            "status": configuration.status,
        }
    found["members"] = writer.lists.by_status(writer.known(state.members.get(region)) or {})
    found["standards"] = {
        account: {item: [each.status, each.reason] for item, each in sorted(standards.items())}
        for account, seen in sorted(state.standards.get(region, {}).items())
        if (standards := writer.known(seen))
    }
    return filled(found)
