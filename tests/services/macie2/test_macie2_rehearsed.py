"""Macie on the simulated organization: from bare to covered, with no address in any file, killed, with a bad account, throttled."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from simulated import Simulated, home, open_cells, simulated, throttle
from test_inventory import inventory, replica
from test_killed import begun, killed_and_restarted
from test_permissions import Asked, Rehearsal, without_each_action

from runbook_lib.apply.report import AFTER_NEXT_PLAN, NEXT_PLAN, Final
from runbook_lib.coverage import Status
from runbook_lib.plan import file as plan_file
from runbook_lib.rehearsal import permissions as simulation
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.operations.macie2 import discovery
from runbook_lib.rehearsal.operations.macie2.state import state_of
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.services.macie2.membership import LEFT_SUSPENDED
from runbook_lib.services.permissions import Names, statements
from runbook_lib.services.registry import by_section
from runbook_lib.settings import Settings

PHASE, PREREQUISITES = "40_macie", "00_prerequisites"
DELEGATED, BAD = "222222222222", "333333333333"
SECTION = {
    "management_account": True,
    "auto_enable": True,
    "auto_enable_ignores_exclusions": True,
    "publishing_frequency": "ONE_HOUR",
    "publication": {"policy": True, "sensitive_data": True},
    "automated_discovery": {"members": "NEW", "existing_accounts": True},
}


def alone(made: Simulated, **changes: Any) -> Settings:
    """The rehearsal's settings with Macie and nothing else."""
    regions = next(iter(made.settings.sections().values())).regions
    read = made.settings.model_dump(mode="json", exclude_none=True)
    kept = {key: value for key, value in read.items() if key not in {*by_section(), "prices"}}
    return Settings.model_validate_json(json.dumps(kept | {"macie": {"regions": regions, **SECTION, **changes}}))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    """Seven accounts, and trusted access on."""
    seven = simulated("seven", tmp_path, monkeypatch)
    region = home(seven.front)
    key = f"arn:aws:kms:{region}:{DELEGATED}:key/00000000-0000-0000-0000-000000000001"
    seven.settings = alone(seven, export={region: {"bucket_name": "acme-results", "key_prefix": "macie", "kms_key_arn": key}})
    seven.front.world.tell("bucket and key exist", bucket="acme-results", key=key)
    assert all(each.report.ok for each in seven.enable((PREREQUISITES,)))
    return seven


def calls(made: Simulated) -> Counter[str]:
    return Counter(entry.operation for entry in made.mutating() if entry.service == "macie2")


def test_from_bare_to_covered_and_then_nothing(made: Simulated) -> None:
    plan = made.plan(PHASE)
    assert plan.blockers == ()
    approval = made.approve(plan)
    assert made.apply(PHASE, plan, approval).ok
    assert open_cells(made.cells()) == []
    again = made.plan(PHASE)
    assert (again.steps, again.blockers) == ((), ())
    first = calls(made)
    assert (first["CreateMember"], first["EnableMacie"], first["BatchUpdateAutomatedDiscoveryAccounts"]) == (10, 4, 2)
    approval.write(made.folder / "approval.json")
    written = [plan_file.dumps(plan), *(path.read_text() for path in made.folder.rglob("*.json*") if path.is_file())]
    addresses = [account.email for account in made.front.world.organization.accounts.values()]
    assert len(written) > 3
    assert all(addresses)
    assert [address for address in addresses for text in written if address in text] == []


NOT_REPEATED = ("EnableMacie", "EnableOrganizationAdminAccount", "CreateMember", "BatchUpdateAutomatedDiscoveryAccounts")
"""What a repeat gets is not documented, or a refusal; the others set what is set already. Every call: `make soak`."""


@pytest.mark.slow
def test_killed_while_a_call_that_is_not_simply_repeated_is_in_flight(made: Simulated, tmp_path: Path) -> None:
    plan = made.plan(PHASE)
    start = begun(made, plan, made.approve(plan))
    assert set(start.calls) == {action.operation for action in plan.actions}
    for operation in NOT_REPEATED:
        killed_and_restarted(start, start.calls.index(operation) + 1, "in flight", tmp_path / f"runs-{operation}")


@pytest.mark.soak
@pytest.mark.parametrize("moment", ["before", "in flight", "after"])
def test_killed_at_every_call(moment: str, made: Simulated, tmp_path: Path) -> None:
    plan = made.plan(PHASE)
    start = begun(made, plan, made.approve(plan))
    for number in range(1, len(start.calls) + 1):
        killed_and_restarted(start, number, moment, tmp_path / f"runs-{number}")


def test_one_bad_account_holds_up_nobody_else(made: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = HANDLERS["macie2", "CreateMember"]

    def refusing(call: Any, account: Any, **rest: Any) -> Any:
        if account["accountId"] == BAD:
            raise ApiError("ValidationException", f"The address {account['email']} is refused in this test.")
        return inner(call, account=account, **rest)

    monkeypatch.setitem(HANDLERS, ("macie2", "CreateMember"), refusing)
    plan = made.plan(PHASE)
    report = made.apply(PHASE, plan, made.approve(plan))
    assert not report.ok
    left = open_cells(made.cells())
    assert {account for cell in left for account in cell.accounts} == {BAD}
    assert {cell.aspect for cell in left} == {"membership", "automated discovery"}
    failed = [line for line in made.journaled("outcome") if "refused in this test" in str(line)]
    assert failed
    assert "@" not in json.dumps(failed), "an address in AWS's words is masked"


def test_who_had_suspended_macie_is_named_at_once_and_resumed_by_the_next_plan(made: Simulated) -> None:
    """AWS shows it only of members: nothing that the first plan could have known."""
    region = home(made.front)
    run(made.front.world, "macie2", "EnableMacie", BAD, region, {"status": "PAUSED"})
    plan = made.plan(PHASE)
    began = made.clock.monotonic()
    report = made.apply(PHASE, plan, made.approve(plan))
    assert made.clock.monotonic() - began < 120, "nobody waits until a deadline for what no call of this plan brings"
    assert (report.ok, report.orderly) == (False, True), "nothing was refused, and not all came as planned"
    problems = [result for _, stage in report.stages for _, result in stage.problems]
    assert {(each.account, each.final, each.code) for each in problems} == {
        (BAD, Final.NOT_ATTEMPTED, NEXT_PLAN),
        (BAD, Final.NOT_ATTEMPTED, AFTER_NEXT_PLAN),
    }
    assert report.later_words == [f"{BAD} in {region}: {LEFT_SUSPENDED}"]
    left = open_cells(made.cells())
    assert {(cell.aspect, cell.region, *cell.accounts) for cell in left} == {
        ("membership", region, BAD),
        ("automated discovery", region, BAD),
    }
    again = made.plan(PHASE)
    assert [(action.operation, action.region, *action.affects) for action in again.actions] == [
        ("UpdateMemberSession", region, BAD),
        ("BatchUpdateAutomatedDiscoveryAccounts", region, BAD),
    ]
    assert made.apply(PHASE, again, made.approve(again)).ok
    assert open_cells(made.cells()) == []


def test_throttled_now_and_then_everything_is_done_once(made: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    throttle(monkeypatch, "macie2", every=5)
    plan = made.plan(PHASE)
    assert made.apply(PHASE, plan, made.approve(plan)).ok
    assert open_cells(made.cells()) == []
    done = Counter(entry.operation for entry in made.mutating() if entry.service == "macie2" and entry.status == 200)
    assert (done["CreateMember"], done["EnableMacie"], done["EnableOrganizationAdminAccount"]) == (10, 4, 2)


@pytest.mark.parametrize("again", ["ok", "refused"])
@pytest.mark.parametrize("activates", ["yes", "no"])
def test_whatever_is_not_documented_leads_to_the_same_coverage(again: str, activates: str, made: Simulated) -> None:
    """Variants of the simulation: what repeats get, and whether designation switches Macie on."""
    made.front.world.variants |= {
        "macie2 designation again": again, "macie2 create member again": again, "macie2 designation activates": activates,
    }  # fmt: skip
    plan = made.plan(PHASE)
    assert made.apply(PHASE, plan, made.approve(plan)).ok
    assert open_cells(made.cells()) == []


def test_an_inventory_is_an_organization_with_the_same_plan(made: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(each.report.ok for each in made.enable((PHASE,)))
    region = home(made.front)
    state_of(made.front.world).members_of(region).pop(BAD)
    state_of(made.front.world).organization(region).auto_enable = False
    plan = made.plan(PHASE)
    assert {action.operation for action in plan.actions} >= {"CreateMember", "UpdateOrganizationConfiguration"}
    assert replica(made, inventory(made), monkeypatch).plan(PHASE).fingerprint == plan.fingerprint


def test_a_partition_without_macie_is_shown_and_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gov = simulated("govcloud", tmp_path, monkeypatch)
    gov.settings = alone(gov)
    applied = gov.enable((PREREQUISITES, PHASE))
    assert all(each.report.ok and not each.plan.actions and not each.plan.blockers for each in applied)
    cells = gov.cells()
    assert {cell.status for cell in cells if cell.service == "macie2"} == {Status.NOT_APPLICABLE}
    assert {cell.region for cell in cells if cell.service == "macie2"} == set(gov.settings.sections()["macie2"].regions)
    assert [entry for entry in gov.front.log.entries if entry.service == "macie2"] == []


def test_what_it_costs_is_counted_priced_or_unknown_and_trials_are_read(made: Simulated) -> None:
    assert all(each.report.ok for each in made.enable((PHASE,)))
    world, region = made.front.world, home(made.front)
    world.skip(10 * 86400)
    made.clock.sleep(10 * 86400)
    discovery.switch(world, BAD, region, on=False)
    state_of(world).members_of(region).pop("444444444444")
    price = {"price": 0.1, "unit": "bucket", "quantity": 20}
    prices = {"prices": {"currency": "EUR", "macie": {"DATA_INVENTORY_EVALUATION": price}}}
    made.settings = Settings.model_validate_json(json.dumps(made.settings.model_dump(mode="json", exclude_none=True) | prices))
    runbook = made.runbook(PHASE)
    with runbook.access:
        seen = runbook.observe()
        plan = runbook.plan(seen)
        found = runbook.costs(seen, plan, runbook.trials(seen, plan))
    assert {line.feature.split()[1]: (line.accounts, line.monthly) for line in found.lines} == {
        "DATA_INVENTORY_EVALUATION": (1, 2.0),
        "AUTOMATED_OBJECT_MONITORING": (2, None),
        "AUTOMATED_SENSITIVE_DATA_DISCOVERY": (2, None),
    }
    assert any("days left" in line.trial for line in found.lines), [line.trial for line in found.lines]
    assert any("jobs" in sentence for sentence in found.not_estimated)


UNASKED = {
    "GetMember delegated": "asked only where an answer left open whether an account is a member",
    "GetUsageStatistics delegated": "nothing is charged where settings have no prices and everything is new",
    "UpdateMacieSession delegated": "nothing is suspended, and the frequency is set from the start",
    "UpdateMacieSession management": "nothing is suspended",
    "UpdateMemberSession delegated": "nothing is suspended",
}
"""What no call of this rehearsal needs, and why it stands in the table all the same."""


def test_the_roles_may_do_all_that_is_called_and_hardly_more(made: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal = Rehearsal(made, statements(Names.of(made.settings)), Asked())
    monkeypatch.setattr(simulation, "decide", rehearsal.asked.decide)
    rehearsal.as_role("read")
    plan = made.plan(PHASE)
    rehearsal.as_role("change")
    assert made.apply(PHASE, plan, made.approve(plan)).ok
    rehearsal.as_role("read")
    assert open_cells(made.cells()) == []
    assert rehearsal.asked.denied == []
    needless = [each.partition("macie2:")[2] for each, missed in without_each_action(rehearsal) if not missed]
    assert sorted({each for each in needless if each}) == sorted(UNASKED)
