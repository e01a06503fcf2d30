"""A small Security Hub for tests of the runbook's side: answers reads from a description, and obeys the calls of a plan."""

import json
import re
from collections.abc import Mapping
from typing import Any

import service_fakes
from service_fakes import NAMES, ServiceWorld, settings_with

from runbook_lib.plan import Action, Plan, Scope
from runbook_lib.services.securityhub.service import SERVICE
from runbook_lib.services.securityhub.state import item_of_arn
from runbook_lib.settings import Settings

REGIONS = ServiceWorld.default_regions
FSBP = "aws-foundational-security-best-practices/1.0.0"
CIS = "cis-aws-foundations-benchmark/1.2.0"
PRODUCTS = ("aws/access-analyzer", "aws/guardduty", "aws/inspector", "aws/macie", "example-vendor/example-scanner")
OFFERED = {FSBP: True, CIS: True, "nist-800-53/5.0.0": False, "pci-dss/4.0.1": False}


def settings_of(hub: Mapping[str, Any], **rest: Any) -> Settings:
    """Settings with this Security Hub section; the standards AWS switches on are accepted unless it says otherwise."""
    accepted = [{"name": item.split("/")[0], "version": item.split("/")[1]} for item in (FSBP, CIS)]
    section = {"regions": list(REGIONS), "management_account": True, "accept_default_standards": accepted, **hub}
    return settings_with("security_hub", section, rest)


class World(ServiceWorld):
    """A small Security Hub."""

    service = SERVICE

    def hold(self, seen: dict[str, Any]) -> None:
        self.hubs: dict[str, set[str]] = {region: set(accounts) for region, accounts in seen.pop("hubs", {}).items()}
        self.configurations: dict[str, dict[str, Any]] = seen.pop("configurations", {})
        self.standards: dict[str, dict[str, dict[str, str]]] = seen.pop("standards", {})
        self.offered: dict[str, dict[str, bool]] = seen.pop("offered", {})
        self.aggregator: dict[str, Any] | None = seen.pop("aggregator", None)
        self.doors: bool = seen.pop("doors", True)
        self.refused_products: dict[str, dict[str, list[str]]] = seen.pop("refused_products", {})
        """Region → account → products whose subscription somebody took away."""
        self.config: dict[str, Any] = seen.pop("config", {})
        """AWS Config: `aggregator` (True; a list: the Regions it collects from); by Region the accounts `without` a recorder, those
        with a `stopped` one, `late` (account → status and code), and `findings` of Security Hub (account → control)."""

    def reaches(self, account: str) -> bool:
        return self.doors or super().reaches(account)

    def _hub(self, operation: str, account: str, region: str) -> None:
        if account not in self.hubs.get(region, ()):
            text = f"Account {account} is not subscribed to AWS Security Hub"
            raise self.failed("InvalidAccessException", text, operation, account, region)

    def _ListOrganizationAdminAccounts(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        assert account == NAMES["management"]
        return {
            "AdminAccounts": [{"AccountId": key, "Status": value} for key, value in self.administrators.get(region, {}).items()]
        }

    def _DescribeHub(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("DescribeHub", account, region)
        return {"HubArn": f"arn:{self.partition}:securityhub:{region}:{account}:hub/default"}

    def _DescribeOrganizationConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("DescribeOrganizationConfiguration", account, region)
        if not self.acting(account, region):
            text = f"Account {account} is not an administrator for this organization"
            raise self.failed("InvalidAccessException", text, "DescribeOrganizationConfiguration", account, region)
        return {"AutoEnable": False, "AutoEnableStandards": "DEFAULT", **self.configurations.get(region, {})}

    def _ListMembers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert parameters == {"OnlyAssociated": False}
        if account not in self.hubs.get(region, ()):
            text = "The request is rejected since no such resource found."
            raise self.failed("BadRequestException", text, "ListMembers", account, region)
        return {"Members": [{"AccountId": key, "MemberStatus": value} for key, value in self.members.get(region, {}).items()]}

    def _GetMembers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("GetMembers", account, region)
        assert 1 <= len(parameters["AccountIds"]) <= 50
        held = self.members.get(region, {})
        there = [one for one in parameters["AccountIds"] if one in held]
        unprocessed = [{"AccountId": one, "ProcessingResult": "no member"} for one in parameters["AccountIds"] if one not in held]
        return {"Members": [{"AccountId": one, "MemberStatus": held[one]} for one in there], "UnprocessedAccounts": unprocessed}

    def _GetEnabledStandards(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("GetEnabledStandards", account, region)
        return {"StandardsSubscriptions": [self._subscription(region, *each) for each in self._held(region, account).items()]}

    def _held(self, region: str, account: str) -> dict[str, str]:
        return self.standards.setdefault(region, {}).setdefault(account, {})

    def _subscription(self, region: str, item: str, text: str) -> dict[str, Any]:
        status, _, reason = text.partition(" ")
        return {
            "StandardsArn": self.standard_arn(region, item),
            "StandardsStatus": status,
            **({"StandardsStatusReason": {"StatusReasonCode": reason}} if reason else {}),
        }

    def standard_arn(self, region: str, item: str) -> str:
        name, _, version = item.partition("/")
        if item == CIS:
            return f"arn:{self.partition}:securityhub:::ruleset/{name}/v/{version}"
        return f"arn:{self.partition}:securityhub:{region}::standards/{name}/v/{version}"

    def _DescribeStandards(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("DescribeStandards", account, region)
        offered = self.offered.get(region, OFFERED)
        return {
            "Standards": [{"StandardsArn": self.standard_arn(region, item), "EnabledByDefault": on} for item, on in offered.items()]
        }

    def _ListEnabledProductsForImport(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("ListEnabledProductsForImport", account, region)
        gone = self.refused_products.get(region, {}).get(account, [])
        arn = f"arn:{self.partition}:securityhub:{region}:{account}:product-subscription/"
        return {"ProductSubscriptions": [arn + each for each in PRODUCTS if each not in gone]}

    @property
    def _arn(self) -> str:
        assert self.aggregator is not None
        return f"arn:{self.partition}:securityhub:{self.aggregator['home']}:{NAMES['delegated']}:finding-aggregator/made-up"

    def _ListFindingAggregators(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("ListFindingAggregators", account, region)
        return {"FindingAggregators": [{"FindingAggregatorArn": self._arn}] if self.aggregator else []}

    def _GetFindingAggregator(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert self.aggregator is not None
        assert (region, parameters) == (self.aggregator["home"], {"FindingAggregatorArn": self._arn})
        return {"RegionLinkingMode": self.aggregator["mode"], "Regions": self.aggregator.get("regions", [])}

    def _of_config(self, key: str, region: str, account: str) -> Any:
        return account in self.config.get(key, {}).get(region, ())

    def _DescribeConfigurationRecorderStatus(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        recording = not self._of_config("stopped", region, account)
        return {"ConfigurationRecordersStatus": [] if self._of_config("without", region, account) else [{"recording": recording}]}

    def _DescribeConfigurationAggregators(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        collects = self.config.get("aggregator", True)
        source = {"AllAwsRegions": True} if collects is True else {"AwsRegions": collects}
        there = {"ConfigurationAggregatorName": "all", "OrganizationAggregationSource": source}
        own = {"ConfigurationAggregatorName": "own", "AccountAggregationSources": [{"AccountIds": [account]}]}
        return {"ConfigurationAggregators": [own, *([there] if collects and region == REGIONS[0] else [])]}

    def _DescribeConfigurationAggregatorSourcesStatus(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert (region, parameters.pop("ConfigurationAggregatorName")) == (REGIONS[0], "all")
        assert parameters == {"UpdateStatus": ["FAILED", "OUTDATED"]}
        late = [
            {
                "SourceId": each,
                "SourceType": "ORGANIZATION" if each.startswith("o-") else "ACCOUNT",
                "AwsRegion": where,
                **dict(zip(("LastUpdateStatus", "LastErrorCode"), words.split(), strict=False)),
            }
            for where, accounts in self.config.get("late", {}).items()
            for each, words in accounts.items()
        ]
        return {"AggregatedSourceStatusList": late}

    def _SelectAggregateResourceConfig(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert (region, parameters["ConfigurationAggregatorName"]) == (REGIONS[0], "all")
        (asked,) = re.findall(r"awsRegion = '([a-z0-9-]+)'", parameters["Expression"])
        rows = [
            {"accountId": each, "awsRegion": asked, "configuration": {"Recording": not self._of_config("stopped", asked, each)}}
            for each in (*self.accounts, NAMES["gamma"])
            if not self._of_config("without", asked, each)
        ]
        return {"Results": [json.dumps(row) for row in rows]}

    def _GetFindings(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("GetFindings", account, region)
        assert {each["Value"] for each in parameters["Filters"]["ComplianceStatus"]} == {"PASSED", "FAILED"}
        shown = {each["Value"] for each in parameters["Filters"]["Region"]}
        found = [
            {"AwsAccountId": each, "Region": where, "GeneratorId": f"security-control/{control}"}
            for where, accounts in self.config.get("findings", {}).items()
            for each, control in accounts.items()
            if where in shown
        ]
        return {"Findings": found}

    def good_answer(self, action: Action) -> dict[str, Any]:
        return {"StandardsSubscriptions": [self._subscription(action.region, *each) for each in self._standing(action)]}

    def _standing(self, action: Action) -> list[tuple[str, str]]:
        return sorted(self._held(action.region, action.account).items())

    def _doEnableSecurityHub(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert request == {"EnableDefaultStandards": False, "ControlFindingGenerator": "SECURITY_CONTROL"}
        hubs = self.hubs.setdefault(action.region, set())
        assert action.account not in hubs, "a hub is enabled twice"
        hubs.add(action.account)

    def _doEnableOrganizationAdminAccount(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert request["AdminAccountId"] in self.hubs[action.region], "the hub comes before the designation"
        self.designate(action.region, request["AdminAccountId"])

    def _doUpdateOrganizationConfiguration(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert set(request) == {"AutoEnable", "AutoEnableStandards"}
        assert action.region not in self.spreading
        self.configurations[action.region] = {**self.configurations.get(action.region, {}), **request}

    def _doCreateMembers(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert [each["AccountId"] for each in request["AccountDetails"]] == list(action.targets)
        assert 1 <= len(action.targets) <= 50
        assert action.region not in self.spreading
        members = self.members.setdefault(action.region, {})
        for account in action.targets:
            assert account != NAMES["management"] or account in self.hubs[action.region], (
                "the management account enables itself first"
            )
            assert members.get(account) not in ("Enabled", "Created"), "added twice"
            members[account] = "Created"
            if account not in self.hubs[action.region]:
                self.hubs[action.region].add(account)
                default = [item for item, on in self.offered.get(action.region, OFFERED).items() if on]
                self._held(action.region, account).update(dict.fromkeys(default, "PENDING"))

    def _doBatchEnableStandards(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        held = self._held(action.region, action.account)
        assert action.account in self.hubs[action.region]
        for each in request["StandardsSubscriptionRequests"]:
            item = item_of_arn(each["StandardsArn"])
            assert each["StandardsArn"] == self.standard_arn(action.region, item)
            held[item] = held[item] if held.get(item, "DELETING") != "DELETING" else "PENDING"

    def _doCreateFindingAggregator(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert self.aggregator is None
        self.aggregator = {"home": action.region, "mode": request["RegionLinkingMode"], "regions": request.get("Regions", [])}

    def _doUpdateFindingAggregator(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert request["FindingAggregatorArn"] == self._arn
        self.aggregator = {"home": action.region, "mode": request["RegionLinkingMode"], "regions": request.get("Regions", [])}

    def settle(self) -> None:
        """Let everything asynchronous finish."""
        self.spreading.clear()
        for members in self.members.values():
            members.update({account: "Enabled" for account, status in members.items() if status == "Created"})
        for accounts in self.standards.values():
            for held in accounts.values():
                held.update({item: "READY" for item, status in held.items() if status == "PENDING"})


class Run(service_fakes.Run):
    """One observation and plan of a world, also as the plan that a person approves."""

    @property
    def plan(self) -> Plan:
        return Plan(
            "10_security_hub", "o-rehearsal001", "digest", Scope(), self.population.accounts, tuple(self.steps),
            tuple(self.no_changes), tuple(self.blockers), (), "rehearsal", "",
        )  # fmt: skip
