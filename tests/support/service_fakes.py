"""What the small GuardDuty, Inspector and Security Hub of tests share: names, an organization, a Reader, and one run over them."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.plan import Action, Blocker, NoChange, Reference, Scope, Step, Wait
from runbook_lib.plan.outcome import Verdict
from runbook_lib.services.protocol import Service
from runbook_lib.services.view import view_of
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
STAGES = ("prepare", "management", "delegated", "workloads", "lowering")


def named(value: Any) -> Any:
    """Account names of a case as account ids, in keys and values; `via` of a member role is a word of the settings."""
    if isinstance(value, Mapping):
        return {named(key): item if key == "via" else named(item) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item) for item in value]
    return NAMES.get(value, value) if isinstance(value, str) else value


def settings_with(section: str, part: Mapping[str, Any], rest: Mapping[str, Any]) -> Settings:
    """Settings of the small organization with one service's section."""
    organization = {"id": "o-rehearsal001", "management_account": NAMES["management"], "delegated_account": NAMES["delegated"]}
    return Settings.model_validate_json(json.dumps({"mode": "rehearsal", "organization": organization, section: part, **rest}))


class ServiceWorld:
    """What AWS holds of one service; also the Reader that the service gets.

    A subclass answers each reading operation in `_<Operation>` and does each mutating one in `_do<Operation>`.
    """

    service: Service
    default_regions: tuple[str, ...] = ("us-east-1", "us-east-2")
    refusal_status = 400
    seen_later: tuple[str, ...] = ()
    """Operations whose effect no read shows until AWS has gone on."""

    def __init__(self, observed: Mapping[str, Any] | None = None, partition: str = "aws") -> None:
        seen = copy.deepcopy(dict(observed or {}))
        self.partition = partition
        self.regions: list[str] = seen.pop("all_regions", list(self.default_regions))
        base = {NAMES[name]: "ACTIVE" for name in ("management", "delegated", "alpha", "beta")}
        self.accounts: dict[str, str] = seen.pop("accounts", base)
        self.registered: set[str] = set(seen.pop("registered", []))
        self.administrators: dict[str, dict[str, str]] = seen.pop("administrators", {})
        self.spreading: set[str] = set(seen.pop("spreading", []))
        self.members: dict[str, dict[str, str]] = seen.pop("members", {})
        self.errors: list[dict[str, str]] = seen.pop("errors", [])
        self.opted: dict[str, dict[str, str]] = seen.pop("opted", {})
        self.calls: list[str] = []
        self.hold(seen)
        assert not seen, f"unknown keys in a case: {sorted(seen)}"

    def hold(self, seen: dict[str, Any]) -> None:
        """Take out of a description what only this service has."""

    def organization(self, states: Mapping[str, str]) -> Organization:
        """The accounts in these states, in this order."""
        return Organization(
            "o-rehearsal001",
            f"arn:{self.partition}:organizations::{NAMES['management']}:organization/o-rehearsal001",
            self.partition,
            "ALL",
            NAMES["management"],
            NAMES["delegated"],
            {
                id_: Account(id_, f"account {id_}", AccountState(state), ("r-root",), f"{id_}@example.com")
                for id_, state in states.items()
            },
            {each: Known(dict(self.opted.get(each, dict.fromkeys(self.regions, "ENABLED_BY_DEFAULT")))) for each in states},
            Known(frozenset(self.service.principals)),
            {self.service.principals[0]: Known(frozenset(self.registered))},
        )

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
        assert f"{service}:{operation}" in self.service.reads
        self.calls.append(f"{operation} {account} {region}")
        for error in self.errors:
            place = (error.get("region", region), error.get("account", account))
            if error["operation"] in (operation, "*") and place == (region, account):
                raise self.failed(error["code"], error.get("message", "refused"), operation, account, region)
        answer: dict[str, Any] = getattr(self, f"_{operation}")(account, region, parameters)
        return answer

    def failed(self, code: str, message: str, operation: str, account: str, region: str) -> CallFailed:
        name, status = self.service.name, self.refusal_status
        return CallFailed(code, message, service=name, operation=operation, account=account, region=region, status=status)

    def acting(self, account: str, region: str) -> bool:
        """Whether the account is the administrator there, and AWS has spread that."""
        return account in self.administrators.get(region, {}) and region not in self.spreading

    def _ListDelegatedAdministrators(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        return {"DelegatedAdministrators": [{"Id": each} for each in sorted(self.registered)]}

    def obey(self, action: Action) -> None:
        """Do what one call does at AWS; asynchronous states start and are finished by `settle`."""
        assert f"{action.service}:{action.operation}" in self.service.mutations
        getattr(self, f"_do{action.operation}")(action, action.request(self.resolved))
        outcomes = list(self.service.judge(action, self.good_answer(action)))
        assert [outcome.account for outcome in outcomes] == list(action.targets or ("",))
        assert {outcome.verdict for outcome in outcomes} == {Verdict.APPLIED}
        if action.operation not in self.seen_later:
            assert self.service.check(action, self).reached == frozenset(action.targets or ("",))

    def good_answer(self, action: Action) -> dict[str, Any]:
        """What AWS answers when it has done all of it."""
        return {}

    def resolved(self, reference: Reference) -> str:
        return self.service.resolve(reference, self)

    def _doRegisterDelegatedAdministrator(self, action: Action, request: Mapping[str, Any]) -> None:  # noqa: N802
        assert not self.registered
        self.registered.add(request["AccountId"])

    def designate(self, region: str, account: str) -> None:
        """The service lists the administrator at once; its own calls are still refused."""
        assert not self.administrators.get(region), "designated over somebody"
        self.administrators[region] = {account: "ENABLED"}
        self.spreading.add(region)


class SettlingWorld(ServiceWorld):
    """A world that finishes one Wait at a time."""

    refused_at_first: tuple[str, ...] = ()
    """Conditions that a read takes for refused until AWS has gone on."""

    def settle(self, wait: Wait) -> None:
        """Let AWS finish what a Wait waits for, and see that `check` notices."""
        refused = self.service.check(wait, self).refused
        assert not refused or str(wait.condition) in self.refused_at_first, refused
        self.spreading.discard(wait.region)
        self.finish(wait)
        assert self.service.check(wait, self).reached == frozenset(wait.targets or ("",)), wait

    def finish(self, wait: Wait) -> None:
        """Do what AWS does meanwhile with the service's own states."""


class Run:
    """One observation, assessment and plan of a world; `accounts` (id → state) instead of the world's own, in that order."""

    def __init__(
        self, world: ServiceWorld, settings: Settings, scope: Scope | None = None,
        accounts: Mapping[str, str] | None = None, reverse: bool = False,
    ) -> None:  # fmt: skip
        self.world, self.settings = world, settings
        service = world.service
        self.organization = world.organization(accounts or dict(sorted(world.accounts.items(), reverse=reverse)))
        self.view = view_of(self.organization, settings, service.name, scope or Scope())
        self.population = self.view.population
        self.state = service.observe(self.view, world)
        self.cells: Cells = service.assess(self.state, self.view)
        self.said = list(service.plan(self.cells, self.state, self.view))
        self.steps: list[Step] = [each for each in self.said if isinstance(each, Action | Wait)]
        self.actions = [each for each in self.said if isinstance(each, Action)]
        self.waits = [each for each in self.said if isinstance(each, Wait)]
        self.blockers = [each for each in self.said if isinstance(each, Blocker)]
        self.no_changes = [each for each in self.said if isinstance(each, NoChange)]

    @property
    def units(self) -> frozenset[tuple[str, str]]:
        return frozenset(unit for action in self.actions for unit in action.units)


def in_order(steps: Iterable[Step]) -> list[Step]:
    """As apply takes them: stage by stage, and within a stage as planned."""
    return sorted(steps, key=lambda step: STAGES.index(step.stage))


def take(world: SettlingWorld, step: Step) -> None:
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
