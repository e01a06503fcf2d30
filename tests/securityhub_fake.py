"""A small Security Hub for tests of the runbook's side: answers reads from a description, and obeys the calls of a plan."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from runbook_lib.observation import Known
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.plan import Action, Blocker, NoChange, Plan, Scope, Step, Wait
from runbook_lib.scope import Population, population
from runbook_lib.services import CallFailed, Verdict
from runbook_lib.services.securityhub import SERVICE
from runbook_lib.services.securityhub.state import item_of_arn
from runbook_lib.settings import Settings

T = TypeVar("T")
NAMES = {
    "management": "111111111111",
    "delegated": "222222222222",
    "alpha": "444444444444",
    "beta": "555555555555",
    "gamma": "666666666666",
    "other": "999999999999",
}
REGIONS = ("us-east-1", "us-east-2")
FSBP = "aws-foundational-security-best-practices/1.0.0"
CIS = "cis-aws-foundations-benchmark/1.2.0"
OFFERED = {FSBP: True, CIS: True, "nist-800-53/5.0.0": False, "pci-dss/4.0.1": False}


def named(value: Any) -> Any:
    """Account names of a case as account ids, in keys, values and sentences."""
    if isinstance(value, Mapping):
        return {named(key): item if key == "via" else named(item) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item) for item in value]
    return NAMES.get(value, value) if isinstance(value, str) else value


def settings_of(hub: Mapping[str, Any], **rest: Any) -> Settings:
    """Settings with this Security Hub section; the standards AWS switches on are accepted unless it says otherwise."""
    accepted = [{"name": item.split("/")[0], "version": item.split("/")[1]} for item in (FSBP, CIS)]
    section = {"regions": list(REGIONS), "management_account": True, "accept_default_standards": accepted, **hub}
    organization = {"id": "o-rehearsal001", "management_account": NAMES["management"], "delegated_account": NAMES["delegated"]}
    return Settings.model_validate_json(
        json.dumps({"mode": "rehearsal", "organization": organization, "security_hub": section, **rest})
    )


def organization_of(world: "World", accounts: Mapping[str, str] | None = None, partition: str = "aws") -> Organization:
    """Management, delegated, alpha and beta, all active, unless `accounts` (id → state) says otherwise."""
    states = accounts or {NAMES[name]: "ACTIVE" for name in ("management", "delegated", "alpha", "beta")}
    return Organization(
        "o-rehearsal001",
        f"arn:{partition}:organizations::{NAMES['management']}:organization/o-rehearsal001",
        partition,
        "ALL",
        NAMES["management"],
        NAMES["delegated"],
        {id_: Account(id_, f"account {id_}", AccountState(state), ("r-root",)) for id_, state in states.items()},
        {id_: Known(dict(world.opted.get(id_, dict.fromkeys(world.regions, "ENABLED_BY_DEFAULT")))) for id_ in states},
        Known(frozenset({"securityhub.amazonaws.com"})),
        {"securityhub.amazonaws.com": Known(frozenset(world.registered))},
    )


class World:
    """What AWS holds; also the Reader that a service gets."""

    def __init__(self, observed: Mapping[str, Any] | None = None, partition: str = "aws") -> None:
        seen = copy.deepcopy(dict(observed or {}))
        self.partition = partition
        self.regions: list[str] = seen.pop("all_regions", list(REGIONS))
        self.registered: set[str] = set(seen.pop("registered", []))
        self.administrators: dict[str, dict[str, str]] = seen.pop("administrators", {})
        self.spreading: set[str] = set(seen.pop("spreading", []))
        self.hubs: dict[str, set[str]] = {region: set(accounts) for region, accounts in seen.pop("hubs", {}).items()}
        self.configurations: dict[str, dict[str, Any]] = seen.pop("configurations", {})
        self.members: dict[str, dict[str, str]] = seen.pop("members", {})
        self.standards: dict[str, dict[str, dict[str, str]]] = seen.pop("standards", {})
        self.offered: dict[str, dict[str, bool]] = seen.pop("offered", {})
        self.aggregator: dict[str, Any] | None = seen.pop("aggregator", None)
        self.errors: list[dict[str, str]] = seen.pop("errors", [])
        self.opted: dict[str, dict[str, str]] = seen.pop("opted", {})
        self.doors: bool = seen.pop("doors", True)
        self.calls: list[str] = []
        assert not seen, f"unknown keys in a case: {sorted(seen)}"

    def reaches(self, account: str) -> bool:
        return self.doors or account in (NAMES["management"], NAMES["delegated"])

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        return [job() for job in jobs]

    def pages(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every list in pages of two, the first page empty."""
        for key, entries in self.read(service, operation, account, region, **parameters).items():
            yield {key: []}
            for start in range(0, len(entries), 2):
                yield {key: entries[start : start + 2]}

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        assert f"{service}:{operation}" in SERVICE.reads
        self.calls.append(f"{operation} {account} {region}")
        for error in self.errors:
            if (
                error["operation"] in (operation, "*")
                and error.get("region", region) == region
                and error.get("account", account) == account
            ):
                raise self.failed(error["code"], error.get("message", "refused"), operation, account, region)
        answer: dict[str, Any] = getattr(self, f"_{operation}")(account, region, parameters)
        return answer

    def failed(self, code: str, message: str, operation: str, account: str, region: str) -> CallFailed:
        return CallFailed(code, message, service="securityhub", operation=operation, account=account, region=region, status=400)

    def _hub(self, operation: str, account: str, region: str) -> None:
        if account not in self.hubs.get(region, ()):
            text = f"Account {account} is not subscribed to AWS Security Hub"
            raise self.failed("InvalidAccessException", text, operation, account, region)

    def _ListDelegatedAdministrators(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        return {"DelegatedAdministrators": [{"Id": each} for each in sorted(self.registered)]}

    def _ListOrganizationAdminAccounts(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert account == NAMES["management"]
        return {
            "AdminAccounts": [{"AccountId": key, "Status": value} for key, value in self.administrators.get(region, {}).items()]
        }

    def _DescribeHub(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("DescribeHub", account, region)
        return {"HubArn": f"arn:{self.partition}:securityhub:{region}:{account}:hub/default"}

    def _DescribeOrganizationConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self._hub("DescribeOrganizationConfiguration", account, region)
        if account not in self.administrators.get(region, {}) or region in self.spreading:
            text = f"Account {account} is not an administrator for this organization"
            raise self.failed("InvalidAccessException", text, "DescribeOrganizationConfiguration", account, region)
        return {"AutoEnable": False, "AutoEnableStandards": "DEFAULT", **self.configurations.get(region, {})}

    def _ListMembers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert parameters == {"OnlyAssociated": False}
        if account not in self.hubs.get(region, ()):
            text = "The request is rejected since no such resource found."
            raise self.failed("BadRequestException", text, "ListMembers", account, region)
        return {"Members": [{"AccountId": key, "MemberStatus": value} for key, value in self.members.get(region, {}).items()]}

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

    def obey(self, action: Action) -> None:
        """Do what one call does at AWS; asynchronous states start and are finished by `settle`."""
        request = action.request(lambda reference: SERVICE.resolve(reference, self))
        getattr(self, f"_do{action.operation}")(action, request)
        answer = {"StandardsSubscriptions": [self._subscription(action.region, *each) for each in self._standing(action)]}
        outcomes = list(SERVICE.judge(action, answer))
        assert [outcome.account for outcome in outcomes] == list(action.targets or ("",))
        assert {outcome.verdict for outcome in outcomes} == {Verdict.APPLIED}
        assert SERVICE.check(action, self).reached == frozenset(action.targets or ("",))

    def _standing(self, action: Action) -> list[tuple[str, str]]:
        return sorted(self._held(action.region, action.account).items())

    def _doEnableSecurityHub(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert request == {"EnableDefaultStandards": False, "ControlFindingGenerator": "SECURITY_CONTROL"}
        hubs = self.hubs.setdefault(action.region, set())
        assert action.account not in hubs, "a hub is enabled twice"
        hubs.add(action.account)

    def _doRegisterDelegatedAdministrator(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert not self.registered
        self.registered.add(request["AccountId"])

    def _doEnableOrganizationAdminAccount(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert not self.administrators.get(action.region), "designated over somebody"
        assert request["AdminAccountId"] in self.hubs[action.region], "the hub comes before the designation"
        self.administrators[action.region] = {request["AdminAccountId"]: "ENABLED"}
        self.spreading.add(action.region)

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


class Run:
    """One observation and plan of a world."""

    def __init__(self, world: World, settings: Settings, scope: Scope = Scope(), accounts: Mapping[str, str] | None = None) -> None:  # noqa: B008
        self.world, self.settings = world, settings
        self.organization = organization_of(world, accounts, world.partition)
        self.population: Population = population(self.organization, settings, "securityhub", scope)
        self.state = SERVICE.observe(self.organization, settings, self.population, world)
        self.cells = SERVICE.assess(self.state, self.organization, settings, self.population)
        self.said = SERVICE.plan(self.cells, self.state, self.organization, settings, self.population)
        self.steps: list[Step] = [each for each in self.said if isinstance(each, Action | Wait)]
        self.actions = [each for each in self.said if isinstance(each, Action)]
        self.waits = [each for each in self.said if isinstance(each, Wait)]
        self.blockers = [each for each in self.said if isinstance(each, Blocker)]
        self.no_changes = [each for each in self.said if isinstance(each, NoChange)]

    @property
    def units(self) -> frozenset[tuple[str, str]]:
        return frozenset(unit for action in self.actions for unit in action.units)

    @property
    def plan(self) -> Plan:
        return Plan(
            "10_security_hub", "o-rehearsal001", "digest", Scope(), self.population.accounts, tuple(self.steps),
            tuple(self.no_changes), tuple(self.blockers), (), "rehearsal", "",
        )  # fmt: skip


def told(step: Step) -> str:
    """A step as one line of a case: stage, operation, caller@Region, targets."""
    back = {value: key for key, value in NAMES.items()}
    what = step.operation if isinstance(step, Action) else f'wait "{step.condition}"'
    targets = f" for {', '.join(back.get(each, each) for each in step.targets)}" if step.targets else ""
    lowers = " (lowers)" if isinstance(step, Action) and step.direction == "lowers" else ""
    return f"{step.stage}: {what} as {back.get(step.account, step.account)} in {step.region}{targets}{lowers}"
