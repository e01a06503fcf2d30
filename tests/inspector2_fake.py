"""A small Inspector for tests of the runbook's side: answers reads from a description, and obeys the calls of a plan."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from runbook_lib.capabilities import offered
from runbook_lib.coverage import Cells
from runbook_lib.observation import Known
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.plan import Action, Blocker, NoChange, Scope, Step, Wait
from runbook_lib.scope import Population, population
from runbook_lib.services import CallFailed, Verdict
from runbook_lib.services.inspector2 import SERVICE
from runbook_lib.services.inspector2.state import SCAN_TYPES, State
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
STAGES = ("prepare", "management", "delegated", "lowering")
NO_ACCESS = "Invoking account does not have access to describe the organization configuration."


def named(value: Any) -> Any:
    """Account names of a case as account ids, in keys and values."""
    if isinstance(value, Mapping):
        return {named(key): named(item) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item) for item in value]
    return NAMES.get(value, value) if isinstance(value, str) else value


def settings_of(section: Mapping[str, Any], **rest: Any) -> Settings:
    part = {"regions": ["us-east-1"], "management_account": True, **section}
    organization = {"id": "o-rehearsal001", "management_account": NAMES["management"], "delegated_account": NAMES["delegated"]}
    return Settings.model_validate_json(json.dumps({"mode": "rehearsal", "organization": organization, "inspector": part, **rest}))


def organization_of(world: "World", reverse: bool = False) -> Organization:
    accounts = sorted(world.accounts.items(), reverse=reverse)
    return Organization(
        "o-rehearsal001",
        f"arn:aws:organizations::{NAMES['management']}:organization/o-rehearsal001",
        "aws",
        "ALL",
        NAMES["management"],
        NAMES["delegated"],
        {id_: Account(id_, f"account {id_}", AccountState(state), ("r-root",)) for id_, state in accounts},
        {id_: Known(dict.fromkeys(world.regions, "ENABLED_BY_DEFAULT")) for id_, _ in accounts},
        Known(frozenset({"inspector2.amazonaws.com"})),
        {"inspector2.amazonaws.com": Known(frozenset(world.registered))},
    )


class World:
    """What AWS holds; also the Reader that a service gets. Scans: Region → account → scan type → status."""

    def __init__(self, observed: Mapping[str, Any] | None = None) -> None:
        seen = copy.deepcopy(dict(observed or {}))
        self.regions: list[str] = seen.pop("all_regions", ["us-east-1", "eu-south-1"])
        base = {NAMES[name]: "ACTIVE" for name in ("management", "delegated", "alpha", "beta")}
        self.accounts: dict[str, str] = seen.pop("accounts", base)
        self.registered: set[str] = set(seen.pop("registered", []))
        self.administrators: dict[str, dict[str, str]] = seen.pop("administrators", {})
        self.spreading: set[str] = set(seen.pop("spreading", []))
        self.scans: dict[str, dict[str, dict[str, str]]] = seen.pop("scans", {})
        self.flags: dict[str, dict[str, bool]] = seen.pop("flags", {})
        self.members: dict[str, dict[str, str]] = seen.pop("members", {})
        self.configuration: dict[str, dict[str, str]] = seen.pop("configuration", {})
        self.policy: list[str] = seen.pop("policy", [])
        self.errors: list[dict[str, str]] = seen.pop("errors", [])
        assert not seen, f"unknown keys in a case: {sorted(seen)}"

    def reaches(self, account: str) -> bool:
        return account in (NAMES["management"], NAMES["delegated"])

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
        for error in self.errors:
            if error["operation"] == operation and error.get("region", region) == region:
                raise self.failed(error["code"], "refused", operation, account, region)
        if operation not in ("ListDelegatedAdminAccounts", "ListDelegatedAdministrators", "BatchGetAccountStatus"):
            acting = account in self.administrators.get(region, {}) and region not in self.spreading
            if not acting:
                raise self.failed("AccessDeniedException", NO_ACCESS, operation, account, region)
        answer: dict[str, Any] = getattr(self, f"_{operation}")(account, region, parameters)
        return answer

    def failed(self, code: str, message: str, operation: str, account: str, region: str) -> CallFailed:
        return CallFailed(code, message, service="inspector2", operation=operation, account=account, region=region, status=403)

    def _ListDelegatedAdministrators(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        return {"DelegatedAdministrators": [{"Id": each} for each in sorted(self.registered)]}

    def _ListDelegatedAdminAccounts(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        listed = self.administrators.get(region, {})
        return {"delegatedAdminAccounts": [{"accountId": key, "status": value} for key, value in listed.items()]}

    def _DescribeOrganizationConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        return {"autoEnable": {"ec2": False, "ecr": False, **self.flags.get(region, {})}, "maxAccountLimitReached": False}

    def _ListMembers(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        assert parameters == {"onlyAssociated": False}
        return {"members": [{"accountId": key, "relationshipStatus": value} for key, value in self.members.get(region, {}).items()]}

    def _GetConfiguration(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
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
        return {"accountId": account, "state": {"status": "ENABLED" if held else "DISABLED"}, "resourceState": resources}

    def obey(self, action: Action) -> None:
        """Do what one call does at AWS; asynchronous states start and are finished by `settle`."""
        assert f"{action.service}:{action.operation}" in SERVICE.mutations
        request = action.request(lambda reference: SERVICE.resolve(reference, self))
        getattr(self, f"_do{action.operation}")(action, request)
        outcomes = list(SERVICE.judge(action, {"accounts": [{"accountId": target} for target in action.targets]}))
        assert [outcome.account for outcome in outcomes] == list(action.targets or ("",))
        assert {outcome.verdict for outcome in outcomes} == {Verdict.APPLIED}
        assert SERVICE.check(action, self).reached == frozenset(action.targets or ("",))

    def settle(self, wait: Wait) -> None:
        """Let AWS finish what a Wait waits for, and see that `check` notices."""
        assert not SERVICE.check(wait, self).refused or wait.condition == "members associated"
        self.spreading.discard(wait.region)
        for account in wait.targets:
            if wait.condition == "members associated":
                self.members[wait.region][account] = "ENABLED"
            held = self.scans.get(wait.region, {}).get(account, {})
            held.update({each: "ENABLED" for each, status in held.items() if status == "ENABLING"})
        if wait.region in self.configuration:
            self.configuration[wait.region]["status"] = "SUCCESS"
        assert SERVICE.check(wait, self).reached == frozenset(wait.targets or ("",)), wait

    def _doRegisterDelegatedAdministrator(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert not self.registered
        self.registered.add(request["AccountId"])

    def _doEnableDelegatedAdminAccount(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        """Switches everything on in an account where nothing is on: so the wanted types come first."""
        assert not self.administrators.get(action.region), "designated over somebody"
        account = request["delegatedAdminAccountId"]
        self.scans.setdefault(action.region, {}).setdefault(account, dict.fromkeys(SCAN_TYPES, "ENABLING"))
        self.administrators[action.region] = {account: "ENABLED"}
        self.spreading.add(action.region)

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


class Run:
    """One observation, assessment and plan."""

    def __init__(self, world: World, settings: Settings, scope: Scope | None = None, reverse: bool = False) -> None:
        self.world, self.settings = world, settings
        self.organization = organization_of(world, reverse)
        self.population: Population = population(self.organization, settings, "inspector2", scope or Scope())
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
