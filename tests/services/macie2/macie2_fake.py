"""A small Macie for tests of the runbook's side: answers reads from a description, and obeys the calls of a plan."""

from collections.abc import Mapping
from typing import Any

from service_fakes import NAMES, SettlingWorld, settings_with

from runbook_lib.plan import Action, Reference, Wait
from runbook_lib.services.macie2.service import SERVICE
from runbook_lib.services.macie2.spec import REGIONS
from runbook_lib.settings import Settings

NOT_ENABLED = "Macie is not enabled"
NOT_YET = "The account may not do that for the organization."
"""What Macie says is recorded nowhere; that it is not IAM, is what decides."""
ASSOCIATED = ("Enabled", "Paused", "Created")
DISCOVERY_OFF = {"status": "DISABLED", "members": "NONE"}


def settings_of(section: Mapping[str, Any], **rest: Any) -> Settings:
    part = {"regions": ["us-east-1"], "management_account": True, **section}
    return settings_with("macie", part, rest)


class World(SettlingWorld):
    """A small Macie. Sessions: Region → account → {status, frequency}; discovery: Region → {status, members, on}."""

    service = SERVICE
    refusal_status = 403

    def hold(self, seen: dict[str, Any]) -> None:
        self.sessions: dict[str, dict[str, dict[str, str]]] = seen.pop("sessions", {})
        self.auto_enable: dict[str, bool] = seen.pop("auto_enable", {})
        self.discovery: dict[str, dict[str, str]] = seen.pop("discovery", {})
        self.discovers: dict[str, list[str]] = seen.pop("discovers", {})
        self.publication: dict[str, dict[str, bool]] = seen.pop("publication", {})
        self.export: dict[str, dict[str, str]] = seen.pop("export", {})
        self.full: list[str] = seen.pop("full", [])

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        assert service != "macie2" or region in REGIONS, f"nothing answers in {region}"
        return super().read(service, operation, account, region, **parameters)

    def _on(self, operation: str, account: str, region: str) -> dict[str, str]:
        if account not in self.sessions.get(region, {}):
            raise self.failed("AccessDeniedException", NOT_ENABLED, operation, account, region)
        return self.sessions[region][account]

    def _acting(self, operation: str, account: str, region: str) -> None:
        self._on(operation, account, region)
        if not self.acting(account, region):
            raise self.failed("AccessDeniedException", NOT_YET, operation, account, region)

    def _ListOrganizationAdminAccounts(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        assert account == NAMES["management"]
        listed = self.administrators.get(region, {})
        return {"adminAccounts": [{"accountId": key, "status": value} for key, value in listed.items()]}

    def _GetMacieSession(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        held = self._on("GetMacieSession", account, region)
        return {"status": held.get("status", "ENABLED"), "findingPublishingFrequency": held.get("frequency", "FIFTEEN_MINUTES")}

    def _DescribeOrganizationConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("DescribeOrganizationConfiguration", account, region)
        return {"autoEnable": self.auto_enable.get(region, False), "maxAccountLimitReached": region in self.full}

    def _ListMembers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("ListMembers", account, region)
        assert parameters == {"onlyAssociated": "false"}, "a string, and former members too"
        listed = self.members.get(region, {})
        return {"members": [{"accountId": key, "email": "", "relationshipStatus": value} for key, value in listed.items()]}

    def _GetMember(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("GetMember", account, region)
        if parameters["id"] not in self.members.get(region, {}):
            raise self.failed("ResourceNotFoundException", "no such member", "GetMember", account, region)
        return {"accountId": parameters["id"], "relationshipStatus": self.members[region][parameters["id"]]}

    def _GetAutomatedDiscoveryConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("GetAutomatedDiscoveryConfiguration", account, region)
        held = self.discovery.get(region, DISCOVERY_OFF)
        return {"status": held["status"], "autoEnableOrganizationMembers": held["members"]}

    def _ListAutomatedDiscoveryAccounts(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("ListAutomatedDiscoveryAccounts", account, region)
        on = self.discovers.get(region, [])
        members = [each for each, status in self.members.get(region, {}).items() if status in ASSOCIATED]
        known = [account, *members]
        return {"items": [{"accountId": each, "status": "ENABLED" if each in on else "DISABLED"} for each in known]}

    def _GetFindingsPublicationConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._on("GetFindingsPublicationConfiguration", account, region)
        usual = {"publishPolicyFindings": True, "publishClassificationFindings": False}
        return {"securityHubConfiguration": {**usual, **self.publication.get(region, {})}}

    def _GetClassificationExportConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._on("GetClassificationExportConfiguration", account, region)
        held = self.export.get(region)
        return {"configuration": {"s3Destination": held} if held else {}}

    def good_answer(self, action: Action) -> dict[str, Any]:
        return {"errors": []} if action.operation.startswith("Batch") else {}

    def resolved(self, reference: Reference) -> str:
        return f"{reference.account}@example.com" if reference.kind == "account-email" else super().resolved(reference)

    def finish(self, wait: Wait) -> None:
        if wait.condition.aspect == "membership":
            for account in wait.targets:
                self.members[wait.region][account] = "Enabled"
                self.sessions[wait.region][account]["status"] = "ENABLED"

    def _doEnableMacie(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        held = self.sessions.setdefault(action.region, {})
        assert action.account not in held, "switched on twice"
        held[action.account] = {
            "status": request["status"],
            "frequency": request.get("findingPublishingFrequency", "FIFTEEN_MINUTES"),
        }

    def _doUpdateMacieSession(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        held = self.sessions[action.region][action.account]
        held["status"] = request.get("status", held.get("status", "ENABLED"))
        held["frequency"] = request.get("findingPublishingFrequency", held.get("frequency", "FIFTEEN_MINUTES"))

    def _doEnableOrganizationAdminAccount(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        account = request["adminAccountId"]
        self.designate(action.region, account)
        assert account in self.sessions.get(action.region, {}), "designated while Macie is off: AWS's defaults decide"

    def _doUpdateOrganizationConfiguration(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        self.auto_enable[action.region] = request["autoEnable"]

    def _doCreateMember(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        (account,) = action.targets
        assert request["account"] == {"accountId": account, "email": f"{account}@example.com"}
        assert account != NAMES["delegated"]
        own = self.sessions.setdefault(action.region, {})
        assert account != NAMES["management"] or account in own, "the management account has Macie on already"
        paused = own.setdefault(account, {}).get("status") == "PAUSED"
        self.members.setdefault(action.region, {})[account] = "Paused" if paused else "Created"
        if self.discovery.get(action.region, DISCOVERY_OFF)["members"] != "NONE":
            self.discovers.setdefault(action.region, []).append(account)

    def _doUpdateMemberSession(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert request == {"id": action.targets[0], "status": "ENABLED"}
        self.members[action.region][request["id"]] = "Enabled"
        self.sessions.setdefault(action.region, {}).setdefault(request["id"], {})["status"] = "ENABLED"

    def _doUpdateAutomatedDiscoveryConfiguration(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert request["status"] == "ENABLED", "switches discovery off for everybody"
        members = request["autoEnableOrganizationMembers"]
        self.discovery[action.region] = {"status": "ENABLED", "members": members}
        everybody = [each for each, status in self.members.get(action.region, {}).items() if status in ASSOCIATED]
        on = {*self.discovers.get(action.region, []), action.account, *(everybody if members == "ALL" else [])}
        self.discovers[action.region] = sorted(on)

    def _doBatchUpdateAutomatedDiscoveryAccounts(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert self.discovery[action.region]["status"] == "ENABLED"
        assert self.discovery[action.region]["members"] != "ALL", "AWS takes single accounts only with NEW or NONE"
        assert 1 <= len(request["accounts"]) <= 50
        for entry in request["accounts"]:
            assert self.members[action.region][entry["accountId"]] == "Enabled", "switched on before it is a member"
            assert entry["status"] == "ENABLED"
        named = [entry["accountId"] for entry in request["accounts"]]
        self.discovers[action.region] = sorted({*self.discovers.get(action.region, []), *named})

    def _doPutFindingsPublicationConfiguration(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert set(request["securityHubConfiguration"]) == {"publishPolicyFindings", "publishClassificationFindings"}
        self.publication[action.region] = dict(request["securityHubConfiguration"])

    def _doPutClassificationExportConfiguration(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert action.region not in self.export, "another destination is lost"
        self.export[action.region] = dict(request["configuration"]["s3Destination"])
