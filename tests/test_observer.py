"""Services are read while the accounts are still being listed: what comes out is what one after the other would have shown."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from simulated import Simulated, simulated

from runbook_lib.aws.errors import CallFailed
from runbook_lib.organization.reads import observe_organization, outline_organization
from runbook_lib.plan import Scope
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.observer import MOMENT, Observer
from runbook_lib.services.implementations import SERVICES
from runbook_lib.services.remarks import Contradicted
from runbook_lib.services.view import reads_depend_on
from runbook_lib.settings import Exclusion, Settings

MANAGEMENT = "111111111111"
ROOT_UNIT = "ou-reh1-platform1"
ADMINISTRATORS = "ListOrganizationAdminAccounts"


def calls(made: Simulated, look: Callable[[], Any]) -> Counter[str]:
    before = len(made.front.log.entries)
    look()
    return Counter(entry.operation for entry in list(made.front.log.entries)[before:])


def excluding(settings: Settings, **what: str) -> Settings:
    one = Exclusion.model_validate({"reason": "test", "owner": "test", "expires": dt.date(2030, 1, 1), **what})
    return settings.model_copy(update={"exclusions": (*settings.exclusions, one)})


@pytest.mark.parametrize("seed", ["fresh", "seven", "half-done", "foreign-administrator", "role-missing", "centrally-configured"])
def test_no_service_needs_the_accounts_to_know_what_to_ask(seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated(seed, tmp_path, monkeypatch)
    runbook = made.runbook("90_coverage")
    with runbook.access:
        observer = Observer(made.settings, runbook.access, made.clock, Scope())
        outline = outline_organization(made.settings, runbook.access)
        whole = observe_organization(made.settings, runbook.access, with_member_regions=False)
        assert len(whole.accounts) > len(outline.accounts)
        for service in SERVICES:
            known, supposed = observer.view(service, whole), observer.view(service, outline)
            assert reads_depend_on(known) == reads_depend_on(supposed)
            seen = service.observe(known, runbook.access)
            assert service.observe(supposed, runbook.access) == seen


def test_the_first_look_reads_each_thing_once_and_no_more_than_later_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    runbook = made.runbook("90_coverage")
    with runbook.access:
        first = calls(made, runbook.survey)
        assert {name: first[name] for name in ("DescribeOrganization", "ListAccounts", ADMINISTRATORS)} == {
            "DescribeOrganization": 1, "ListAccounts": 1, ADMINISTRATORS: 4,
        }  # fmt: skip
        once = ("AssumeRole", "GetCallerIdentity", "ListOrganizationalUnitsForParent")
        assert calls(made, runbook.survey) == Counter({name: number for name, number in first.items() if name not in once})


@pytest.mark.parametrize("seed", ["seven", "half-done", "no-config", "centrally-configured"])
@pytest.mark.parametrize("phase", ["00_prerequisites", "10_security_hub"])
def test_a_look_before_a_stage_decides_the_same_with_fewer_reads(
    seed: str, phase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where AWS Config records, and whose findings are accepted, is only told: no call and no blocker comes of it."""
    made = simulated(seed, tmp_path, monkeypatch)
    runbook = made.runbook(phase)
    with runbook.access:
        runbook.observe()
        whole = runbook.plan(runbook.observe())
        reads = calls(made, runbook.observe)
        decided = runbook.plan(runbook.observe(told=False))
        fewer = calls(made, lambda: runbook.observe(told=False))
    assert (decided.fingerprint, decided.steps, decided.blockers) == (whole.fingerprint, whole.steps, whole.blockers)
    assert fewer < reads
    assert fewer["SelectAggregateResourceConfig"] == 0 < reads["DescribeConfigurationAggregators"]


def test_where_the_accounts_show_that_other_things_are_asked_the_service_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    made.settings = excluding(made.settings, organizational_unit=unit_of(made, MANAGEMENT))
    one, other = made.runbook("90_coverage"), made.runbook("90_coverage")
    with one.access, other.access:
        reads = calls(made, one.survey)
        assert reads[ADMINISTRATORS] == 8, "the outline does not tell that both accounts are excluded by their unit"
        other.organization()
        assert other.survey()[1] == one.survey()[1]


def unit_of(made: Simulated, account: str) -> str:
    runbook = made.runbook("90_coverage")
    with runbook.access:
        return runbook.organization().accounts[account].organizational_units[0]


@pytest.mark.parametrize(
    "scope", [Scope(accounts=("333333333333",)), Scope(organizational_units=(ROOT_UNIT,)), Scope(regions=("us-east-1",))]
)
def test_for_a_part_the_accounts_are_read_first(scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    runbook = made.runbook("90_coverage", scope)
    with runbook.access:
        runbook.survey()
    order = [entry.operation for entry in made.front.log.entries]
    assert order.index("ListAccounts") < order.index(ADMINISTRATORS)


def test_of_another_organization_than_the_one_in_settings_no_service_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    other = made.settings.organization.model_copy(update={"id": "o-another0000"})
    made.settings = made.settings.model_copy(update={"organization": other})
    runbook: Runbook = made.runbook("90_coverage")
    with runbook.access, pytest.raises(Contradicted, match=r"organization\.id"):
        runbook.survey()
    assert {entry.service for entry in made.front.log.entries} <= {"organizations", "account", "sts"}


@pytest.mark.parametrize(("passed", "again"), [(MOMENT - 1, 0), (MOMENT, 1)])
def test_accounts_listed_ahead_serve_the_next_look_for_a_minute(
    passed: float, again: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    runbook = made.runbook("20_guardduty")
    with runbook.access:
        first = runbook.observe()

        def list_ahead() -> None:
            runbook.observer.list_ahead()
            assert runbook.observer._listing is not None
            runbook.observer._listing()  # it has ended before time goes by

        ahead = calls(made, list_ahead)
        assert ahead == {"ListAccounts": 1}
        made.clock.sleep(passed)
        reads = calls(made, lambda: runbook.observe().organization == first.organization or pytest.fail("another organization"))
        assert (reads["ListAccounts"], reads["DescribeOrganization"]) == (again, 1), "all but the accounts is read in the look"
        assert calls(made, runbook.observe)["ListAccounts"] == 1, "a list serves one look"


def test_what_kept_accounts_from_being_listed_ahead_comes_out_of_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    runbook = made.runbook("20_guardduty")
    with runbook.access:
        runbook.observe()
        roles = made.front.world.organization.accounts[MANAGEMENT].roles
        roles["RunbookManagement"].denied = ("organizations:ListAccounts",)
        runbook.observer.list_ahead()
        with pytest.raises(CallFailed, match="AccessDenied"):
            runbook.observe()


def test_a_phase_lists_its_accounts_once_for_each_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    made.enable(("00_prerequisites", "10_security_hub"))
    reads = calls(made, lambda: made.enable(("20_guardduty",)))
    looks = reads["DescribeOrganization"]
    assert (looks, reads["ListAccounts"]) == (5, 5), "the plan, the first stage with its preconditions, and three more"
