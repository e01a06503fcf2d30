"""Observing the organization, against the simulated one in process and against answers made up where it cannot show a case."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from runbook_lib.aws.access import Access
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.clock import FakeClock
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.organization import AccountState
from runbook_lib.organization.reads import READS, observe_organization
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import user_credential
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.services.registry import specs
from runbook_lib.settings import Settings

T = TypeVar("T")
MANAGEMENT, DELEGATED, RUNNER, MEMBER = "111111111111", "222222222222", "333333333333", "444444444444"


def settings(regions: tuple[str, ...] = ("us-east-1", "us-east-2"), *, member_role: bool = False) -> Settings:
    partition = "aws-us-gov" if regions[0].startswith("us-gov") else "aws"
    doors: dict[str, Any] = {
        "management": {"role_arn": f"arn:{partition}:iam::{MANAGEMENT}:role/RunbookManagement"},
        "delegated": {"role_arn": f"arn:{partition}:iam::{DELEGATED}:role/RunbookDelegated"},
    }
    if member_role:
        doors["members"] = {"role_name": "RunbookMember", "via": "delegated"}
    return Settings.model_validate(
        {
            "mode": "rehearsal",
            "organization": {"id": "o-rehearsal001", "management_account": MANAGEMENT, "delegated_account": DELEGATED},
            "access": doors,
            "security_hub": {"regions": regions, "management_account": True},
        }
    )


Enter = Callable[[Front, Settings], Access]


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Enter]:
    """Access to a simulated organization as its runner; what is slept here passes there."""
    opened: list[Access] = []

    def build(front: Front, chosen: Settings) -> Access:
        credential = user_credential(front.world, RUNNER, "runner")
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", credential.key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credential.secret)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        clock = FakeClock(hook=front.world.skip)
        opened.append(Access(chosen, reads=READS, mutations=frozenset(), run="run-1", clock=clock, attach=InProcess(front).attach))
        return opened[-1]

    yield build
    for access in opened:
        access.close()


def test_all_pages_states_and_paths(enter: Enter) -> None:
    front = build_app("fresh", moto=False)
    chosen = settings()
    seen = observe_organization(chosen, enter(front, chosen))
    simulated = front.world.organization.accounts
    assert set(seen.accounts) == set(simulated)
    assert len(simulated) > 40
    assert {account.id: account.state.value for account in seen.accounts.values()} == {
        each.id: each.state for each in simulated.values()
    }
    inside = next(each for each in simulated.values() if each.parent != front.world.organization.root)
    path = seen.accounts[inside.id].organizational_units
    assert (path[0], path[-1]) == (front.world.organization.root, inside.parent)
    assert all(each.email == simulated[each.id].email for each in seen.accounts.values())


def test_facts_of_the_organization_and_its_callers(enter: Enter) -> None:
    front, chosen = build_app("seven", moto=False), settings()
    seen = observe_organization(chosen, enter(front, chosen))
    assert (seen.id, seen.feature_set, seen.management_account, seen.partition) == ("o-rehearsal001", "ALL", MANAGEMENT, "aws")
    assert seen.trusted_access == Known(frozenset(front.world.organization.trusted))
    assert seen.delegated_administrators == {
        spec.designation.principal: Known(frozenset()) for spec in specs() if spec.name in chosen.sections() and spec.designation
    }
    assert seen.callers[DELEGATED] == f"arn:aws:sts::{DELEGATED}:assumed-role/RunbookDelegated/runbook-run-1"
    assert set(seen.regions) == {MANAGEMENT, DELEGATED}
    assert not any(entry.mutating for entry in front.log.entries)


def test_who_is_registered_is_read_per_principal_of_what_is_managed(enter: Enter) -> None:
    front, chosen = build_app("seven", moto=False), settings()
    [principal] = [spec.designation.principal for spec in specs() if spec.name in chosen.sections() and spec.designation]
    front.world.organization.delegated |= {principal: {MEMBER: 0.0}, "guardduty.amazonaws.com": {MEMBER: 0.0}}
    registered = observe_organization(chosen, enter(front, chosen)).delegated_administrators
    assert registered == {principal: Known(frozenset({MEMBER}))}


def test_another_partition(enter: Enter) -> None:
    front, chosen = build_app("govcloud", moto=False), settings(("us-gov-west-1", "us-gov-east-1"))
    seen = observe_organization(chosen, enter(front, chosen))
    assert seen.partition == "aws-us-gov"
    assert seen.enabled_regions == ("us-gov-east-1", "us-gov-west-1")


def test_a_door_that_does_not_open_is_unknown_with_its_code(enter: Enter) -> None:
    front, chosen = build_app("seven", moto=False), settings()
    del front.world.organization.accounts[DELEGATED].roles["RunbookDelegated"]
    seen = observe_organization(chosen, enter(front, chosen))
    observed = seen.regions[DELEGATED]
    assert isinstance(observed, Unknown)
    assert observed.code == "AccessDenied"
    assert set(seen.callers) == {MANAGEMENT}


def test_sessions_that_end_before_their_time_are_renewed_once(enter: Enter) -> None:
    front, chosen = build_app("seven", moto=False), settings()
    access = enter(front, chosen)
    before = observe_organization(chosen, access)
    # The organization's clock runs faster than ours: its sessions end while ours still look good.
    front.world.skip(2 * 3600)
    assert observe_organization(chosen, access) == before
    assert sum(entry.operation == "AssumeRole" for entry in front.log.entries) == 4
    assert any(entry.code.startswith("ExpiredToken") for entry in front.log.entries)


# What the simulated organization does not show


class Answers:
    """A Reader whose answers are functions of (operation, account, parameters)."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {
            "DescribeOrganization": {"Organization": ORGANIZATION},
            "ListAccounts": {"Accounts": ACCOUNTS},
            "ListAWSServiceAccessForOrganization": {"EnabledServicePrincipals": [{"ServicePrincipal": "account.amazonaws.com"}]},
            "ListDelegatedAdministrators": {"DelegatedAdministrators": []},
            "ListRegions": {"Regions": REGIONS},
            **answers,
        }
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.doors = {MANAGEMENT, DELEGATED}

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        assert f"{service}:{operation}" in READS
        self.asked.append((operation, account, parameters))
        answer = self.answers[operation]
        if isinstance(answer, str):
            raise CallFailed(answer, "no", service=service, operation=operation, account=account, region=region)
        found: dict[str, Any] = answer(**parameters) if callable(answer) else answer
        return found

    def pages(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        yield self.read(service, operation, account, region, **parameters)

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        return [job() for job in jobs]

    def reaches(self, account: str) -> bool:
        return account in self.doors

    def caller(self, account: str) -> str:
        return f"arn:aws:iam::{account}:user/x"

    def regions_asked(self) -> list[tuple[str, str]]:
        """(asking account, account asked about) of each ListRegions."""
        return [(account, given.get("AccountId", "")) for operation, account, given in self.asked if operation == "ListRegions"]


ARN = f"arn:aws:organizations::{MANAGEMENT}:organization/o-1"
ORGANIZATION = {"Id": "o-1", "Arn": ARN, "FeatureSet": "ALL", "MasterAccountId": MANAGEMENT}
ACCOUNTS = [{"Id": each, "State": "ACTIVE", "Paths": [f"o-1/r-1/{each}/"]} for each in (MANAGEMENT, DELEGATED, MEMBER)]
REGIONS = [
    {"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"},
    {"RegionName": "eu-south-1", "RegionOptStatus": "ENABLED"},
]
OPT_IN = ("us-east-1", "eu-south-1")


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"State": "CLOSED", "Status": "SUSPENDED"}, AccountState.CLOSED),
        ({"Status": "SUSPENDED"}, AccountState.SUSPENDED),
        ({"State": "PENDING_ACTIVATION"}, AccountState.PENDING_ACTIVATION),
    ],
)
def test_state_comes_before_the_retired_status(said: dict[str, str], state: AccountState) -> None:
    answers = Answers(ListAccounts={"Accounts": [{"Id": MEMBER, "Paths": ["o-1/r-1/ou-1/ou-2/444444444444/"], **said}]})
    account = observe_organization(settings(), answers).accounts[MEMBER]
    assert account.state is state
    assert account.organizational_units == ("r-1", "ou-1", "ou-2")


def test_without_paths_the_tree_is_read_by_unit() -> None:
    units = {"r-1": ["ou-1"], "ou-1": ["ou-2"], "ou-2": []}
    inside = {"r-1": [MANAGEMENT], "ou-1": [], "ou-2": [DELEGATED, MEMBER]}
    answers = Answers(
        ListAccounts={"Accounts": [{"Id": each, "State": "ACTIVE"} for each in (MANAGEMENT, DELEGATED, MEMBER)]},
        ListRoots={"Roots": [{"Id": "r-1"}]},
        ListOrganizationalUnitsForParent=lambda **of: {"OrganizationalUnits": [{"Id": each} for each in units[of["ParentId"]]]},
        ListAccountsForParent=lambda **of: {"Accounts": [{"Id": each} for each in inside[of["ParentId"]]]},
    )
    accounts = observe_organization(settings(), answers).accounts
    assert accounts[MANAGEMENT].organizational_units == ("r-1",)
    assert accounts[MEMBER].organizational_units == ("r-1", "ou-1", "ou-2")


@pytest.mark.parametrize("operation", ["ListAWSServiceAccessForOrganization", "ListDelegatedAdministrators", "ListRegions"])
def test_a_list_that_cannot_be_read_is_unknown_and_never_empty(operation: str) -> None:
    seen = observe_organization(settings(), Answers(**{operation: "AccessDeniedException"}))
    observed: list[Any] = {
        "ListAWSServiceAccessForOrganization": [seen.trusted_access],
        "ListDelegatedAdministrators": [*seen.delegated_administrators.values()],
        "ListRegions": [*seen.regions.values()],
    }[operation]  # type: ignore[assignment] # three kinds of observation
    assert observed
    assert all(isinstance(each, Unknown) and each.code == "AccessDeniedException" for each in observed)


@pytest.mark.parametrize("operation", ["DescribeOrganization", "ListAccounts"])
def test_without_the_accounts_nothing_can_be_said(operation: str) -> None:
    with pytest.raises(CallFailed):
        observe_organization(settings(), Answers(**{operation: "AccessDeniedException"}))


def test_members_are_asked_only_where_a_region_needs_opting_in() -> None:
    by_default, opt_in = Answers(), Answers()
    observe_organization(settings(("us-east-1",)), by_default)
    seen = observe_organization(settings(OPT_IN), opt_in)
    # The management account may not name itself.
    assert by_default.regions_asked() == [(MANAGEMENT, ""), (DELEGATED, "")]
    assert opt_in.regions_asked() == [(MANAGEMENT, ""), (DELEGATED, ""), (MANAGEMENT, MEMBER)]
    assert seen.regions[MEMBER] == Known({"us-east-1": "ENABLED_BY_DEFAULT", "eu-south-1": "ENABLED"})


def test_what_an_earlier_observation_knows_is_not_asked_again() -> None:
    answers = Answers()
    before = observe_organization(settings(OPT_IN), answers)
    answers.asked.clear()
    assert observe_organization(settings(OPT_IN), answers, before=before).regions == before.regions
    assert answers.regions_asked() == [(MANAGEMENT, ""), (DELEGATED, "")]


@pytest.mark.parametrize("reachable", [True, False])
def test_without_trusted_access_members_are_asked_by_their_role_or_stay_unknown(reachable: bool) -> None:
    answers = Answers(ListAWSServiceAccessForOrganization={"EnabledServicePrincipals": []})
    if reachable:
        answers.doors.add(MEMBER)
    observed = observe_organization(settings(OPT_IN), answers).regions[MEMBER]
    assert isinstance(observed, Known if reachable else Unknown)
    assert ((MEMBER, "") in answers.regions_asked()) is reachable
