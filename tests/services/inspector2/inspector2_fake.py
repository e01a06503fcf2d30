"""A small Inspector for tests of the runbook's side: answers reads from a description, and obeys the calls of a plan."""

from collections.abc import Mapping
from typing import Any

from service_fakes import NAMES, SettlingWorld, settings_with

from runbook_lib.plan import Action, Wait
from runbook_lib.services.inspector2.service import SERVICE
from runbook_lib.services.inspector2.state import SCAN_TYPES
from runbook_lib.services.offers import offered
from runbook_lib.settings import Settings

NO_ACCESS = "Invoking account does not have access to describe the organization configuration."


def settings_of(section: Mapping[str, Any], **rest: Any) -> Settings:
    part = {"regions": ["us-east-1"], "management_account": True, **section}
    return settings_with("inspector", part, rest)


class World(SettlingWorld):
    """A small Inspector. Scans: Region → account → scan type → status."""

    service = SERVICE
    default_regions = ("us-east-1", "eu-south-1")
    refusal_status = 403
    refused_at_first = ("members associated",)

    def hold(self, seen: dict[str, Any]) -> None:
        self.scans: dict[str, dict[str, dict[str, str]]] = seen.pop("scans", {})
        self.flags: dict[str, dict[str, bool]] = seen.pop("flags", {})
        self.configuration: dict[str, dict[str, str]] = seen.pop("configuration", {})
        self.policy: list[str] = seen.pop("policy", [])
        self.organizations_policies: list[dict[str, Any]] = seen.pop("organizations policies", [])

    def _acting(self, operation: str, account: str, region: str) -> None:
        if not self.acting(account, region):
            raise self.failed("AccessDeniedException", NO_ACCESS, operation, account, region)

    def _ListPolicies(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert parameters == {"Filter": "INSPECTOR_POLICY"}
        return {"Policies": [{"Id": f"p-{number}"} for number, _ in enumerate(self.organizations_policies)]}

    def _DescribePolicy(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        return {"Policy": {"Content": self._policy(parameters["PolicyId"])["content"]}}

    def _ListTargetsForPolicy(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        targets = self._policy(parameters["PolicyId"])["targets"]
        return {"Targets": [{"TargetId": NAMES.get(each, each)} for each in targets]}

    def _policy(self, policy: str) -> dict[str, Any]:
        return self.organizations_policies[int(policy.removeprefix("p-"))]

    def _ListDelegatedAdminAccounts(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        listed = self.administrators.get(region, {})
        return {"delegatedAdminAccounts": [{"accountId": key, "status": value} for key, value in listed.items()]}

    def _DescribeOrganizationConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("DescribeOrganizationConfiguration", account, region)
        return {"autoEnable": {"ec2": False, "ecr": False, **self.flags.get(region, {})}, "maxAccountLimitReached": False}

    def _ListMembers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("ListMembers", account, region)
        assert parameters == {"onlyAssociated": False}
        return {"members": [{"accountId": key, "relationshipStatus": value} for key, value in self.members.get(region, {}).items()]}

    def _GetConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._acting("GetConfiguration", account, region)
        held = self.configuration.get(region, {"mode": "EC2_HYBRID", "rescan": "DAYS_14"})
        status = held.get("status", "SUCCESS")
        return {
            "ec2Configuration": {"scanModeState": {"scanMode": held["mode"], "scanModeStatus": status}},
            "ecrConfiguration": {"rescanDurationState": {"rescanDuration": held["rescan"], "status": status}},
        }

    def _BatchGetAccountStatus(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        """The account's own status is ENABLED even where a policy holds it back: only the resources count."""
        assert 1 <= len(parameters["accountIds"]) <= 100
        mine = {one for one in parameters["accountIds"] if one == account or self.members.get(region, {}).get(one) == "ENABLED"}
        return {
            "accounts": [self._status(one, region) for one in sorted(mine)],
            "failedAccounts": [
                {"accountId": one, "errorCode": "ACCESS_DENIED", "errorMessage": "no access"}
                for one in parameters["accountIds"]
                if one not in mine
            ],
        }

    def _status(self, account: str, region: str) -> dict[str, Any]:
        held = self.scans.get(region, {}).get(account, {})
        code = "BLOCKED_BY_ORGANIZATION_POLICY" if account in self.policy else ""
        resources = {name: {"status": held.get(each, "DISABLED"), "errorCode": code} for each, name in SCAN_TYPES.items()}
        on = set(held.values()) - {"DISABLED"}
        return {"accountId": account, "state": {"status": "ENABLED" if on else "DISABLED"}, "resourceState": resources}

    def good_answer(self, action: Action) -> dict[str, Any]:
        return {"accounts": [{"accountId": target} for target in action.targets]}

    def finish(self, wait: Wait) -> None:
        for account in wait.targets:
            if wait.condition.aspect == "membership":
                self.members[wait.region][account] = "ENABLED"
            held = self.scans.get(wait.region, {}).get(account, {})
            held.update({each: "ENABLED" for each, status in held.items() if status == "ENABLING"})
        if wait.region in self.configuration:
            self.configuration[wait.region]["status"] = "SUCCESS"

    def _doEnableDelegatedAdminAccount(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        """Switches everything on in an account where nothing is on: so the wanted types come first."""
        account = request["delegatedAdminAccountId"]
        self.designate(action.region, account)
        self.scans.setdefault(action.region, {}).setdefault(account, dict.fromkeys(SCAN_TYPES, "ENABLING"))

    def _doAssociateMember(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert list(request.values()) == list(action.targets)
        self.members.setdefault(action.region, {})[request["accountId"]] = "CREATED"

    def _doEnable(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert 1 <= len(request["accountIds"]) <= 100
        assert request["resourceTypes"], "an empty list"
        assert all(offered("inspector2", each, action.region) for each in request["resourceTypes"]), "the whole call is refused"
        own = NAMES["delegated"] in request["accountIds"]
        assert not own or len(request["accountIds"]) == 1, "the delegated account among members"
        for account in request["accountIds"]:
            assert own or self.members[action.region][account] == "ENABLED", "switched on before it is associated"
            held = self.scans.setdefault(action.region, {}).setdefault(account, {})
            held.update({each: "ENABLING" for each in request["resourceTypes"] if held.get(each) != "ENABLED"})

    def _doUpdateOrganizationConfiguration(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert {"ec2", "ecr", "lambda"} <= set(request["autoEnable"]), "every flag is said"
        self.flags[action.region] = dict(request["autoEnable"])

    def _doUpdateConfiguration(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        held = self.configuration.setdefault(action.region, {"mode": "EC2_HYBRID", "rescan": "DAYS_14"})
        held["mode"] = request.get("ec2Configuration", {}).get("scanMode", held["mode"])
        held["rescan"] = request.get("ecrConfiguration", {}).get("rescanDuration", held["rescan"])
        held["status"] = "PENDING"
