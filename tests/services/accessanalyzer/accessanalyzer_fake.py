"""A small Access Analyzer for tests of the runbook's side: answers reads from a description, and obeys the calls of a plan."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from service_fakes import NAMES, SettlingWorld, settings_with

from runbook_lib.base.observation import Known
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Wait, plain
from runbook_lib.services.accessanalyzer.service import SERVICE
from runbook_lib.settings import Settings

DEREGISTERED = "DELEGATED_ADMINISTRATOR_DEREGISTERED"


def settings_of(section: Mapping[str, Any], **rest: Any) -> Settings:
    return settings_with("access_analyzer", {"regions": ["us-east-1"], **section}, rest)


class World(SettlingWorld):
    """A small Access Analyzer. Analyzers: Region → account → name → what is not usual about it."""

    service = SERVICE

    def organization(self, states: Mapping[str, str]) -> Organization:
        found = super().organization(states)
        return replace(found, trusted_access=Known(frozenset[str]())) if self.untrusted else found

    def hold(self, seen: dict[str, Any]) -> None:
        self.untrusted: bool = seen.pop("untrusted", False)
        usual = {"type": "ORGANIZATION", "status": "ACTIVE", "reason": "", "managed_by": "", "age": 90, "excluded": [], "tags": []}
        self.analyzers: dict[str, dict[str, dict[str, dict[str, Any]]]] = {
            region: {account: {name: usual | about for name, about in held.items()} for account, held in accounts.items()}
            for region, accounts in seen.pop("analyzers", {}).items()
        }

    def of(self, account: str, region: str) -> dict[str, dict[str, Any]]:
        return self.analyzers.setdefault(region, {}).setdefault(account, {})

    def _ListAnalyzers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        assert parameters == {}, "one list has all types"
        return {"analyzers": [self._listed(name, about) for name, about in self.of(account, region).items()]}

    def _listed(self, name: str, about: Mapping[str, Any]) -> dict[str, Any]:
        reason = {"statusReason": {"code": about["reason"]}} if about["reason"] else {}
        managed = {"managedBy": about["managed_by"]} if about["managed_by"] else {}
        return {"name": name, "type": about["type"], "status": about["status"], **reason, **managed}

    def _GetAnalyzer(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        name = parameters["analyzerName"]
        about = self.of(account, region)[name]
        accounts = [{"accountIds": sorted(about["excluded"])}] if about["excluded"] else []
        rule = {"exclusions": [*copy.deepcopy(about["tags"]), *accounts]}
        unused = {"configuration": {"unusedAccess": {"unusedAccessAge": about["age"], "analysisRule": rule}}}
        return {"analyzer": self._listed(name, about) | (unused if about["type"].endswith("UNUSED_ACCESS") else {})}

    def finish(self, wait: Wait) -> None:
        for about in self.of(wait.account, wait.region).values():
            if about["type"] in wait.condition.wanted and about["status"] in ("CREATING", "DISABLED"):
                about |= {"status": "ACTIVE", "reason": ""}

    def _doCreateAnalyzer(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert self.registered == {NAMES["delegated"]}, "made before Organizations knows the account"
        held = self.of(action.account, action.region)
        assert request["analyzerName"] not in held, "AWS answers that there is one of this name"
        wanted = request.get("configuration", {}).get("unusedAccess", {})
        assert bool(wanted) == (request["type"] == "ORGANIZATION_UNUSED_ACCESS")
        self.hold_one(held, request["analyzerName"], {"type": request["type"], "status": "CREATING"}, wanted)

    def _doUpdateAnalyzer(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        held = self.of(action.account, action.region)
        assert held[request["analyzerName"]]["status"] != "CREATING", "changed while AWS is making it"
        self.hold_one(held, request["analyzerName"], {}, request["configuration"]["unusedAccess"])

    def hold_one(self, held: dict[str, Any], name: str, about: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """Keep an analyzer with a configuration, which is taken whole."""
        usual = {"type": "", "status": "", "reason": "", "managed_by": "", "age": 90, "excluded": [], "tags": []}
        exclusions = plain(wanted.get("analysisRule", {}).get("exclusions", []))
        accounts = [account for each in exclusions for account in each.get("accountIds", [])]
        assert NAMES["delegated"] not in accounts, "AWS refuses to leave out the owner"
        config = {"age": wanted["unusedAccessAge"], "excluded": accounts} if wanted else {}
        tags = {"tags": [each for each in exclusions if "resourceTags" in each]} if wanted else {}
        held[name] = usual | held.get(name, {}) | about | config | tags
