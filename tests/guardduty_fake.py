"""A small GuardDuty for tests of the runbook's side: answers reads from a description, and obeys the calls of a plan."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from runbook_lib.coverage import Cells
from runbook_lib.observation import Known
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.plan import Action, Blocker, NoChange, Scope, Step, Wait
from runbook_lib.scope import Population, population
from runbook_lib.services import CallFailed, Verdict
from runbook_lib.services.guardduty import SERVICE
from runbook_lib.services.guardduty.state import State
from runbook_lib.services.guardduty.wanted import features, items_of
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
NOT_YET = "The request failed because a delegated administrator account has not been enabled"
MALWARE = "malware-protection.guardduty.amazonaws.com"


def named(value: Any) -> Any:
    """Account names of a case as account ids, in keys and values."""
    if isinstance(value, Mapping):
        return {named(key): named(item) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item) for item in value]
    return NAMES.get(value, value) if isinstance(value, str) else value


def settings_of(section: Mapping[str, Any], **rest: Any) -> Settings:
    """Settings with this GuardDuty section."""
    part = {"regions": ["us-east-1"], "management_account": True, **section}
    organization = {"id": "o-rehearsal001", "management_account": NAMES["management"], "delegated_account": NAMES["delegated"]}
    return Settings.model_validate_json(json.dumps({"mode": "rehearsal", "organization": organization, "guardduty": part, **rest}))


def organization_of(world: "World", reverse: bool = False) -> Organization:
    accounts = sorted(world.accounts.items(), reverse=reverse)
    return Organization(
        "o-rehearsal001",
        f"arn:{world.partition}:organizations::{NAMES['management']}:organization/o-rehearsal001",
        world.partition,
        "ALL",
        NAMES["management"],
        NAMES["delegated"],
        {id_: Account(id_, f"account {id_}", AccountState(state), ("r-root",), f"{id_}@example.com") for id_, state in accounts},
        {id_: Known(dict(world.opted.get(id_, dict.fromkeys(world.regions, "ENABLED_BY_DEFAULT")))) for id_, _ in accounts},
        Known(frozenset({"guardduty.amazonaws.com", MALWARE})),
        {"guardduty.amazonaws.com": Known(frozenset(world.registered))},
    )


class World:
    """What AWS holds; also the Reader that a service gets. Detectors: Region → account → {enabled, frequency, on, governed}."""

    def __init__(self, observed: Mapping[str, Any] | None = None, partition: str = "aws") -> None:
        seen = copy.deepcopy(dict(observed or {}))
        self.partition = partition
        self.regions: list[str] = seen.pop("all_regions", list(REGIONS))
        base = {NAMES[name]: "ACTIVE" for name in ("management", "delegated", "alpha", "beta")}
        self.accounts: dict[str, str] = seen.pop("accounts", base)
        self.registered: set[str] = set(seen.pop("registered", []))
        self.administrators: dict[str, dict[str, str]] = seen.pop("administrators", {})
        self.spreading: set[str] = set(seen.pop("spreading", []))
        self.detectors: dict[str, dict[str, dict[str, Any]]] = seen.pop("detectors", {})
        self.configurations: dict[str, dict[str, Any]] = seen.pop("configurations", {})
        self.members: dict[str, dict[str, str]] = seen.pop("members", {})
        self.destinations: dict[str, dict[str, str]] = seen.pop("destinations", {})
        self.errors: list[dict[str, str]] = seen.pop("errors", [])
        self.opted: dict[str, dict[str, str]] = seen.pop("opted", {})
        self.reads: list[str] = []
        assert not seen, f"unknown keys in a case: {sorted(seen)}"

    def reaches(self, account: str) -> bool:
        return account in (NAMES["management"], NAMES["delegated"])

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        return [job() for job in jobs]

    def pages(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every list in pages of two, the first page empty."""
        answer = self.read(service, operation, account, region, **parameters)
        lists = {key: value for key, value in answer.items() if isinstance(value, list)}
        rest = {key: value for key, value in answer.items() if key not in lists}
        yield {**rest, **{key: [] for key in lists}}
        for key, entries in lists.items():
            for start in range(0, len(entries), 2):
                yield {**rest, key: entries[start : start + 2]}

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        assert f"{service}:{operation}" in SERVICE.reads
        self.reads.append(f"{operation} {account} {region}")
        for error in self.errors:
            if error["operation"] == operation and error.get("region", region) == region:
                raise self.failed(error["code"], error.get("message", "refused"), operation, account, region)
        answer: dict[str, Any] = getattr(self, f"_{operation}")(account, region, parameters)
        return answer

    def failed(self, code: str, message: str, operation: str, account: str, region: str) -> CallFailed:
        return CallFailed(code, message, service="guardduty", operation=operation, account=account, region=region, status=400)

    def _acting(self, operation: str, account: str, region: str) -> None:
        if account not in self.administrators.get(region, {}) or region in self.spreading:
            raise self.failed("BadRequestException", NOT_YET, operation, account, region)

    def _ListDelegatedAdministrators(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        return {"DelegatedAdministrators": [{"Id": each} for each in sorted(self.registered)]}

    def _ListOrganizationAdminAccounts(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
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

    def obey(self, action: Action) -> None:
        """Do what one call does at AWS; asynchronous states start and are finished by `settle`."""
        assert f"{action.service}:{action.operation}" in SERVICE.mutations
        request = action.request(self._resolved)
        getattr(self, f"_do{action.operation}")(action, request)
        outcomes = list(SERVICE.judge(action, {"UnprocessedAccounts": []}))
        assert [outcome.account for outcome in outcomes] == list(action.targets or ("",))
        assert {outcome.verdict for outcome in outcomes} == {Verdict.APPLIED}
        if action.operation != "StartMonitoringMembers":
            assert SERVICE.check(action, self).reached == frozenset(action.targets or ("",))

    def _resolved(self, reference: Any) -> str:
        return "somebody@example.com" if reference.kind == "account-email" else SERVICE.resolve(reference, self)

    def settle(self, wait: Wait) -> None:
        """Let AWS finish what a Wait waits for, and see that `check` notices."""
        before = SERVICE.check(wait, self)
        assert not before.refused
        self.spreading.discard(wait.region)
        for account in wait.targets:
            self.members[wait.region][account] = "Enabled"
            self.detectors[wait.region][account]["enabled"] = True
        if wait.condition == "export publishing":
            self.destinations[wait.region]["status"] = "PUBLISHING"
        assert SERVICE.check(wait, self).reached == frozenset(wait.targets or ("",))

    def _apply(self, held: dict[str, Any], listed: Iterable[Mapping[str, Any]]) -> None:
        for item, status in items_of(listed, "Status").items():
            (held["on"].add if status == "ENABLED" else held["on"].discard)(item)

    def _doRegisterDelegatedAdministrator(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert not self.registered
        self.registered.add(request["AccountId"])

    def _doEnableOrganizationAdminAccount(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert not self.administrators.get(action.region), "designated over somebody"
        assert request["AdminAccountId"] in self.detectors[action.region], "the detector comes before the designation"
        self.administrators[action.region] = {request["AdminAccountId"]: "ENABLED"}
        self.spreading.add(action.region)

    def _doCreateDetector(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        held = self.detectors.setdefault(action.region, {})
        assert action.account not in held, "a detector is created twice"
        assert {"EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING"} - {each["Name"] for each in request["Features"]}
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


class Run:
    """One observation, assessment and plan."""

    def __init__(self, world: World, settings: Settings, scope: Scope | None = None, reverse: bool = False) -> None:
        self.world, self.settings = world, settings
        self.organization = organization_of(world, reverse)
        self.population: Population = population(self.organization, settings, "guardduty", scope or Scope())
        self.state: State = SERVICE.observe(self.organization, settings, self.population, world)
        self.cells: Cells = SERVICE.assess(self.state, self.organization, settings, self.population)
        self.said = list(SERVICE.plan(self.cells, self.state, self.organization, settings, self.population))
        self.steps: list[Step] = [each for each in self.said if isinstance(each, Action | Wait)]
        self.actions = [each for each in self.steps if isinstance(each, Action)]
        self.blockers = [each for each in self.said if isinstance(each, Blocker)]
        self.no_changes = [each for each in self.said if isinstance(each, NoChange)]

    @property
    def units(self) -> set[tuple[str, str]]:
        return {unit for action in self.actions for unit in action.units}


STAGES = ("prepare", "management", "delegated", "lowering")


def in_order(steps: Iterable[Step]) -> list[Step]:
    """As apply takes them: stage by stage, and within a stage as planned."""
    return sorted(steps, key=lambda step: STAGES.index(step.stage))


def take(world: World, step: Step) -> None:
    if isinstance(step, Action):
        world.obey(step)
    else:
        world.settle(step)


def told(step: Step) -> str:
    """A step as one line of a case: stage, operation, caller@Region, targets."""
    back = {value: key for key, value in NAMES.items()}
    what = step.operation if isinstance(step, Action) else f'wait "{step.condition}"'
    targets = f" for {', '.join(back.get(each, each) for each in step.targets)}" if step.targets else ""
    lowers = " (lowers)" if isinstance(step, Action) and step.direction == "lowers" else ""
    return f"{step.stage}: {what} as {back.get(step.account, step.account)} in {step.region}{targets}{lowers}"
