"""A small GuardDuty for tests of the runbook's side: answers reads from a description, and obeys the calls of a plan."""

from collections.abc import Iterable, Mapping
from typing import Any

from service_fakes import NAMES, SettlingWorld, settings_with

from runbook_lib.plan import Action, Reference, Wait
from runbook_lib.services.guardduty.service import SERVICE
from runbook_lib.services.guardduty.wanted import NEWER, OLDER, features, items_of
from runbook_lib.settings import Settings

NOT_YET = "The request failed because a delegated administrator account has not been enabled"


def settings_of(section: Mapping[str, Any], **rest: Any) -> Settings:
    """Settings with this GuardDuty section."""
    part = {"regions": ["us-east-1"], "management_account": True, **section}
    return settings_with("guardduty", part, rest)


class World(SettlingWorld):
    """A small GuardDuty. Detectors: Region → account → {enabled, frequency, on, governed}."""

    service = SERVICE
    seen_later = ("StartMonitoringMembers",)

    def hold(self, seen: dict[str, Any]) -> None:
        self.detectors: dict[str, dict[str, dict[str, Any]]] = seen.pop("detectors", {})
        self.configurations: dict[str, dict[str, Any]] = seen.pop("configurations", {})
        self.destinations: dict[str, dict[str, str]] = seen.pop("destinations", {})

    def _acting(self, operation: str, account: str, region: str) -> None:
        if not self.acting(account, region):
            raise self.failed("BadRequestException", NOT_YET, operation, account, region)

    def _ListOrganizationAdminAccounts(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        assert account == NAMES["management"]
        listed = self.administrators.get(region, {})
        return {"AdminAccounts": [{"AdminAccountId": key, "AdminStatus": value} for key, value in listed.items()]}

    def _ListDetectors(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        return {"DetectorIds": [f"detector-{account}"] if account in self.detectors.get(region, {}) else []}

    def _GetDetector(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert parameters == {"DetectorId": f"detector-{account}"}
        held = self.detectors[region][account]
        return {
            "Status": "ENABLED" if held.get("enabled", True) else "DISABLED",
            "FindingPublishingFrequency": held.get("frequency", "SIX_HOURS"),
            "Features": self._listed(held),
        }

    def _listed(self, held: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Features as AWS lists them: what is on, and agents in an order of AWS's own."""
        listed: list[dict[str, Any]] = features(dict.fromkeys(held.get("on", ()), "ENABLED"), "Status")
        for feature in listed:
            feature.get("AdditionalConfiguration", []).reverse()
            if feature["Name"] in held.get("governed", ()):
                feature["ManagedBy"] = "GUARDDUTY_POLICY"
        absent = [
            {"Name": n, "Status": "DISABLED", "ManagedBy": "GUARDDUTY_POLICY"}
            for n in held.get("governed", ())
            if n not in held["on"]
        ]
        return [*listed, *absent]

    def _DescribeOrganizationConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("DescribeOrganizationConfiguration", account, region)
        held = self.configurations.get(region, {})
        listed = features(held.get("items", {}), "AutoEnable")
        return {
            "AutoEnableOrganizationMembers": held.get("auto_enable", "NONE"),
            "MemberAccountLimitReached": held.get("limit_reached", False),
            "Features": listed,
        }

    def _ListMembers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("ListMembers", account, region)
        assert parameters["OnlyAssociated"] == "false"
        return {"Members": [{"AccountId": key, "RelationshipStatus": value} for key, value in self.members.get(region, {}).items()]}

    def _GetMembers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("GetMembers", account, region)
        assert 1 <= len(parameters["AccountIds"]) <= 50
        held = self.members.get(region, {})
        there = [one for one in parameters["AccountIds"] if one in held]
        unprocessed = [{"AccountId": one, "Result": "no member"} for one in parameters["AccountIds"] if one not in held]
        members = [{"AccountId": one, "RelationshipStatus": held[one]} for one in there]
        return {"Members": members, "UnprocessedAccounts": unprocessed}

    def _GetMemberDetectors(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("GetMemberDetectors", account, region)
        assert 1 <= len(parameters["AccountIds"]) <= 50
        held = self.detectors.get(region, {})
        there = [one for one in parameters["AccountIds"] if one in held]
        return {
            "MemberDataSourceConfigurations": [{"AccountId": one, "Features": self._listed(held[one])} for one in there],
            "UnprocessedAccounts": [],
        }

    def _ListPublishingDestinations(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        held = self.destinations.get(region)
        return {"Destinations": [{"DestinationId": "destination", "Status": held["status"]}] if held else []}

    def _DescribePublishingDestination(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        held = self.destinations[region]
        properties = {"DestinationArn": held["bucket"], "KmsKeyArn": held["key"]}
        return {"Status": held["status"], "DestinationProperties": properties}

    def good_answer(self, action: Action) -> dict[str, Any]:
        return {"UnprocessedAccounts": []}

    def resolved(self, reference: Reference) -> str:
        return "somebody@example.com" if reference.kind == "account-email" else super().resolved(reference)

    def finish(self, wait: Wait) -> None:
        for account in wait.targets:
            self.members[wait.region][account] = "Enabled"
            self.detectors[wait.region][account]["enabled"] = True
        if wait.condition.aspect == "export":
            self.destinations[wait.region]["status"] = "PUBLISHING"

    def _apply(self, held: dict[str, Any], listed: Iterable[Mapping[str, Any]]) -> None:
        assert {NEWER, OLDER} - {each["Name"] for each in listed}, "AWS refuses both in one request"
        for item, status in items_of(listed, "Status").items():
            (held["on"].add if status == "ENABLED" else held["on"].discard)(item)

    def _doEnableOrganizationAdminAccount(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert request["AdminAccountId"] in self.detectors[action.region], "the detector comes before the designation"
        self.designate(action.region, request["AdminAccountId"])

    def _doCreateDetector(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        held = self.detectors.setdefault(action.region, {})
        assert action.account not in held, "a detector is created twice"
        assert all("Status" in each for each in request["Features"])
        frequency = request.get("FindingPublishingFrequency", "SIX_HOURS")
        held[action.account] = {"enabled": request["Enable"], "frequency": frequency, "on": set()}
        self._apply(held[action.account], request["Features"])

    def _doUpdateDetector(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        held = self.detectors[action.region][action.account]
        held["on"] = set(held["on"])
        held["enabled"] = request.get("Enable", held.get("enabled", True))
        held["frequency"] = request.get("FindingPublishingFrequency", held.get("frequency", "SIX_HOURS"))
        self._apply(held, request.get("Features", ()))

    def _doUpdateOrganizationConfiguration(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert action.region not in self.spreading
        held = self.configurations.setdefault(action.region, {})
        held["auto_enable"] = request["AutoEnableOrganizationMembers"]
        held["items"] = {**held.get("items", {}), **items_of(request.get("Features", ()), "AutoEnable")}

    def _doCreateMembers(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        """The organization's auto-enable applies to every account named; the management account needs a detector of its own."""
        assert 1 <= len(request["AccountDetails"]) <= 50
        applied = {i for i, c in self.configurations.get(action.region, {}).get("items", {}).items() if c != "NONE"}
        for detail in request["AccountDetails"]:
            account, detectors = detail["AccountId"], self.detectors[action.region]
            assert detail["Email"]
            assert self.members.get(action.region, {}).get(account) in (None, "Removed", "Resigned"), "already associated"
            assert account != NAMES["management"] or account in detectors, "the management account has no detector"
            held = detectors.setdefault(account, {"on": set()})
            held["on"] = set(held["on"]) | applied
            self.members.setdefault(action.region, {})[account] = "Created"

    def _doStartMonitoringMembers(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert {self.members[action.region][account] for account in request["AccountIds"]} == {"Disabled"}

    def _doUpdateMemberDetectors(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert 1 <= len(request["AccountIds"]) <= 50
        for account in request["AccountIds"]:
            assert self.members[action.region][account] == "Enabled", "features come after enrolment"
            held = self.detectors[action.region][account]
            assert not set(held.get("governed", ())) & set(items_of(request["Features"], "Status"))
            held["on"] = set(held["on"])
            self._apply(held, request["Features"])

    def _doCreatePublishingDestination(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert action.region not in self.destinations
        properties = request["DestinationProperties"]
        held = {"bucket": properties["DestinationArn"], "key": properties["KmsKeyArn"], "status": "PENDING_VERIFICATION"}
        self.destinations[action.region] = held
