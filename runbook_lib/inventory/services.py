"""The three services' observations as an inventory writes them. What could not be read is named in `unread` and left out."""

from collections.abc import Mapping
from typing import Any, TypeVar

from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.inventory.account_lists import AccountLists
from runbook_lib.services.guardduty.state import Detector
from runbook_lib.services.guardduty.state import RegionState as GuardDutyRegion
from runbook_lib.services.guardduty.state import State as GuardDuty
from runbook_lib.services.inspector2.state import RegionState as InspectorRegion
from runbook_lib.services.inspector2.state import State as Inspector
from runbook_lib.services.securityhub.state import State as SecurityHub

T = TypeVar("T")


class Writer:
    """Turns states into plain data; `unread` gathers a sentence per observation that failed."""

    def __init__(self, management: str, delegated: str) -> None:
        self.management, self.delegated = management, delegated
        self.lists = AccountLists()
        self.unread: list[str] = []

    def known(self, observation: Observation[T] | None) -> T | None:
        """The value, None for what is not there yet; an Unknown is noted."""
        if isinstance(observation, Unknown):
            self.unread.append(observation.reason)
        return observation.value if isinstance(observation, Known) else None

    # Security Hub.

    def securityhub(self, state: SecurityHub) -> dict[str, Any]:
        """All Regions, and the aggregator."""
        found: dict[str, Any] = {"regions": {region: self._securityhub(state, region) for region in sorted(state.administrators)}}
        if aggregator := self.known(state.aggregator):
            found["aggregator"] = {
                "account": self.delegated,
                "arn": aggregator.arn,
                "home": aggregator.home,
                "mode": aggregator.mode,
                "regions": sorted(aggregator.regions),
            }
        return found

    def _securityhub(self, state: SecurityHub, region: str) -> dict[str, Any]:
        hubs = {self.delegated: state.delegated_hubs.get(region), self.management: state.management_hubs.get(region)}
        found: dict[str, Any] = {
            **self._administrators(state.administrators[region]),
            "hubs": sorted(account for account, seen in hubs.items() if seen is not None and self.known(seen)),
        }
        if configuration := self.known(state.configurations.get(region)):
            found["configuration"] = {
                "auto_enable": configuration.auto_enable,
                "standards": configuration.standards,
                "kind": configuration.kind,
                "status": configuration.status,
            }
        found["members"] = self.lists.by_status(self.known(state.members.get(region)) or {})
        found["standards"] = {
            account: {item: [each.status, each.reason] for item, each in sorted(standards.items())}
            for account, seen in sorted(state.standards.get(region, {}).items())
            if (standards := self.known(seen))
        }
        return _filled(found)

    # GuardDuty.

    def guardduty(self, state: GuardDuty) -> dict[str, Any]:
        """All Regions; of those not asked for, the administrator only."""
        others = {region: self._administrators(seen) for region, seen in state.others.items()}
        return {"regions": others | {region: self._guardduty(seen) for region, seen in state.regions.items()}}

    def _administrators(self, seen: Observation[Mapping[str, str]]) -> dict[str, Any]:
        listed = self.known(seen)
        return {"administrators": dict(listed)} if listed else {}

    def _guardduty(self, seen: GuardDutyRegion) -> dict[str, Any]:
        own = {self.management: self.known(seen.management), self.delegated: self.known(seen.delegated)}
        detectors = {account: _detector(each) for account, each in sorted(own.items()) if each is not None}
        if destinations := self.known(seen.destinations):
            detectors[self.delegated]["destinations"] = [
                {"bucket_arn": each.bucket_arn, "kms_key_arn": each.kms_key_arn, "status": each.status} for each in destinations
            ]
        found: dict[str, Any] = {**self._administrators(seen.administrators), "detectors": detectors}
        if configuration := self.known(seen.configuration):
            found["auto_enable"] = {"members": configuration.auto_enable, "items": dict(sorted(configuration.items.items()))}
        found["members"] = self.lists.by_status(self.known(seen.members) or {})
        found["features"] = {item: self.lists.of(accounts) for item, accounts in sorted(seen.features.on.items())}
        found["governed"] = {item: self.lists.of(accounts) for item, accounts in sorted(seen.features.governed.items())}
        self.unread += [sentence for _, sentence, _ in seen.features.unread]
        return _filled(found)

    # Inspector.

    def inspector2(self, state: Inspector) -> dict[str, Any]:
        """All Regions; of those not asked for, the administrator only."""
        others = {region: self._administrators(seen) for region, seen in state.others.items()}
        return {"regions": others | {region: self._inspector2(seen) for region, seen in state.regions.items()}}

    def _inspector2(self, seen: InspectorRegion) -> dict[str, Any]:
        found = self._administrators(seen.administrators)
        if organization := self.known(seen.organization):
            found["flags"] = dict(sorted(organization.flags.items()))
        found["members"] = self.lists.by_status(self.known(seen.members) or {})
        own = self.known(seen.own)
        looks = [seen.scans, *([own] if own is not None else [])]
        scans: dict[str, dict[str, set[str]]] = {}
        for look in looks:
            for kind, columns in look.statuses.items():
                for status, accounts in columns.items():
                    if status != "DISABLED":
                        scans.setdefault(kind, {}).setdefault(status, set()).update(accounts)
            self.unread += [sentence for _, sentence, _ in look.unread]
        found["scans"] = {
            kind: {status: self.lists.of(accounts) for status, accounts in sorted(columns.items())}
            for kind, columns in sorted(scans.items())
        }
        found["governed"] = {kind: self.lists.of(accounts) for kind, accounts in sorted(seen.scans.governed.items())}
        if settings := self.known(seen.configuration):
            found["configuration"] = {
                "scan_mode": settings.scan_mode,
                "scan_mode_status": settings.scan_mode_status,
                "rescan": settings.rescan,
                "rescan_status": settings.rescan_status,
            }
        return _filled(found)


def _detector(seen: Detector) -> dict[str, Any]:
    found = {"enabled": seen.enabled, "frequency": seen.frequency, "on": sorted(seen.on), "governed": sorted(seen.governed)}
    return {name: value for name, value in found.items() if value != []}


def _filled(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in found.items() if value not in ({}, [], None)}
