"""The faults that other tools of this kind have, each held against this one.

 1 only the first page is read                        test_traffic: a list was longer than a page; here: everybody listed is covered
 2 more than the batch limit is sent                  test_traffic: a batch was full and none was larger
 3 unprocessed accounts dropped, one aborts all       test_one_bad_account
 4 an error becomes an empty list, and so "fine"      here, for every read
 5 success is said before the work is done            here
 6 a regional client kept from the previous turn      test_enablement: every mutating call was approved (Region by Region); here
 7 a count compared where a set was meant             here
 8 truthiness of strings                              here
 9 a conflict read as "already done"                  test_seeds_outcomes: another administrator; test_changed_meanwhile
10 a read-only command that writes                    test_enablement: looking calls nothing that changes
11 teardown in one Region that acts on all            here: there is no teardown
12 a poll without sleep or end                        here
13 exit code 0 whatever happened                      test_one_bad_account, test_cli, notebooks/test_papermill
14 arn:aws written out                                here, and test_seeds_outcomes: govcloud
15 suspended accounts, the management account         here
16 the second run differs from the first              test_enablement: a second pass; here: nothing is enabled on an empty list
17 opt-in Regions, scan types that a Region lacks     test_enablement on "default", whose third Region has both
18 settings sent while central configuration rules    test_seeds_outcomes: central configuration is left in charge
19 an identifier that changes between invocations     here: the same plan has the same ids in another process
20 a time limit shorter than the work, secrets logged here: a run needs no limit, and its journal holds no secret or address
21 standards that nobody chose                        here
22 credentials never refreshed, assumed per client    test_traffic: 900 seconds; test_seeds_outcomes: once per account
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from simulated import ENABLING, Simulated, copied, open_cells, settings_for, simulated

from runbook_lib.aws.errors import CallFailed
from runbook_lib.coverage import Cell, Gap, Status
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook.phases import phase_named
from runbook_lib.services.implementations import SERVICES
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings.file import SettingsError

LIBRARY = Path(__file__).parents[1] / "runbook_lib"
MANAGEMENT, DELEGATED = "111111111111", "222222222222"
ROLES = ((MANAGEMENT, "RunbookManagement"), (DELEGATED, "RunbookDelegated"))
READS = sorted(
    {name for service in SERVICES for name in service.reads}
    | {"organizations:ListAccounts", "organizations:DescribeOrganization", "account:ListRegions"}
)


@pytest.fixture(scope="module")
def worlds(
    tmp_path_factory: pytest.TempPathFactory, seven_before: Callable[[str], World]
) -> Iterator[tuple[Simulated, World, World]]:
    """An organization as it is bare, and as it is when all is on."""
    with pytest.MonkeyPatch.context() as patch:
        yield simulated("seven", tmp_path_factory.mktemp("faults"), patch), seven_before(ENABLING[0]), seven_before("90_coverage")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    return simulated("seven", tmp_path, monkeypatch)


def deny(world: World, name: str) -> None:
    for account, role in ROLES:
        world.organization.accounts[account].roles[role].denied = (name,)


def covered(cells: tuple[Cell, ...]) -> set[tuple[str, ...]]:
    """What is said to be covered, account by account."""
    good = [cell for cell in cells if cell.status is Status.COVERED]
    return {(cell.service, cell.region, cell.aspect, cell.item, account) for cell in good for account in cell.accounts}


@pytest.fixture(scope="module")
def covered_when_bare(worlds: tuple[Simulated, World, World]) -> set[tuple[str, ...]]:
    made, bare, _ = worlds
    made.front.adopt(copied(bare))
    return covered(made.cells())


@pytest.mark.parametrize("name", READS)
def test_4_a_read_that_is_refused_covers_nothing_and_leads_to_no_call(
    name: str, worlds: tuple[Simulated, World, World], covered_when_bare: set[tuple[str, ...]]
) -> None:
    """Where not even the organization can be read there is no coverage and no plan at all."""
    reading = {service.name for service in SERVICES if name in service.reads}
    phases = [phase for phase in ENABLING if phase_named(phase).service in reading] or ENABLING
    made, bare, full = worlds
    made.front.adopt(copied(bare))
    deny(made.front.world, name)
    with suppress(CallFailed, PreconditionsFailed):
        assert covered(made.cells()) <= covered_when_bare
    made.front.adopt(copied(full))
    deny(made.front.world, name)
    with suppress(CallFailed, PreconditionsFailed):
        plans = [made.plan(phase) for phase in phases]
        assert [action.operation for plan in plans for action in plan.actions] == []
        assert all(each.next_step and each.who for plan in plans for each in plan.blockers)


def test_5_12_13_what_never_settles_is_never_called_done_and_the_waiting_ends(
    made: Simulated, seven_before: Callable[[str], World]
) -> None:
    made.front.adopt(seven_before("20_guardduty"))
    made.front.world.settle_polls, made.front.world.settle_seconds = None, None
    plan = made.plan("20_guardduty")
    began, requests = made.clock.monotonic(), len(made.front.log.entries)
    report = made.apply("20_guardduty", plan, made.approve(plan))
    assert not report.ok
    deadlines = sum(wait.deadline for wait in plan.waits)
    assert 0 < made.clock.monotonic() - began <= deadlines + 600
    assert len(made.front.log.entries) - requests < 1000
    assert open_cells(made.phase_cells("20_guardduty")) != []


def test_5_what_aws_is_still_doing_is_in_progress_and_not_covered(made: Simulated, seven_before: Callable[[str], World]) -> None:
    made.front.adopt(seven_before("20_guardduty"))
    made.front.world.settle_polls, made.front.world.settle_seconds = None, None
    plan = made.plan("30_inspector")
    made.apply("30_inspector", plan, made.approve(plan))
    left = [cell for cell in open_cells(made.phase_cells("30_inspector")) if cell.aspect == "membership"]
    assert left
    assert {cell.gap for cell in left} <= {Gap.IN_PROGRESS, Gap.TO_DO}
    assert Gap.IN_PROGRESS in {cell.gap for cell in left}


def test_6_features_are_set_in_every_region(worlds: tuple[Simulated, World, World]) -> None:
    made, _, full = worlds
    made.front.adopt(copied(full))
    regions = {cell.region for cell in made.phase_cells("20_guardduty") if cell.aspect == "features" and cell.in_scope}
    assert regions == {"us-east-1", "us-east-2"}


def test_7_another_set_of_the_same_size_is_another_set(made: Simulated) -> None:
    inspector = made.settings.inspector
    assert inspector is not None
    wanted = {"existing_accounts": ("EC2", "ECR"), "new_accounts": ("EC2", "ECR")}
    made.settings = made.settings.model_copy(update={"inspector": inspector.model_copy(update=wanted)})
    made.enable()
    other = {"existing_accounts": ("EC2", "LAMBDA"), "new_accounts": ("EC2", "ECR")}
    made.settings = made.settings.model_copy(update={"inspector": inspector.model_copy(update=other)})
    plan = made.plan("30_inspector")
    kinds = {tuple(action.parameters["resourceTypes"]) for action in plan.actions if action.operation == "Enable"}
    assert kinds == {("LAMBDA",)}
    assert {blocker.aspect for blocker in plan.blockers} == {"scan types"}


@pytest.mark.parametrize("word", ['"false"', '"no"', "0", '""', "off_"])
def test_8_a_word_is_no_truth_value(made: Simulated, word: str) -> None:
    text = (Path(__file__).parents[1] / "parameters" / "rehearsal.yaml").read_text(encoding="utf-8")
    changed = text.replace("management_account: true", f"management_account: {word}", 1)
    assert changed != text
    with pytest.raises(SettingsError, match="management_account"):
        settings_for(made.front, changed)


def test_11_no_enabling_service_may_call_anything_that_takes_away() -> None:
    destructive = re.compile(r":(BatchDisable|Delete|Disable|Disassociate|Deregister|Stop|Leave|Close|Remove)")
    names = [name for service in SERVICES for name in service.mutations]
    assert names
    assert [name for name in names if destructive.search(name)] == []


def test_14_no_partition_is_written_out() -> None:
    ours = [path for path in LIBRARY.rglob("*.py") if "rehearsal" not in path.parts]
    assert len(ours) > 50
    written = [f"{path.name}: {line}" for path in ours for line in path.read_text().splitlines() if "arn:aws:" in line]
    assert [line for line in written if ".replace(" not in line] == []


@pytest.mark.parametrize("phase", ENABLING[1:])
def test_15_the_management_account_is_a_member_too_and_a_suspended_one_stops_nobody(
    phase: str, worlds: tuple[Simulated, World, World]
) -> None:
    made, _, full = worlds
    made.front.adopt(copied(full))
    members = [cell for cell in made.phase_cells(phase) if cell.aspect == "membership" and cell.in_scope]
    for region in ("us-east-1", "us-east-2"):
        status = {account: cell.status for cell in members if cell.region == region for account in cell.accounts}
        assert status[MANAGEMENT] is Status.COVERED
        assert status["777777777777"] is Status.NOT_APPLICABLE
        assert len(status) == 7


def test_15_the_management_account_has_a_hub_before_it_becomes_a_member(made: Simulated) -> None:
    made.enable(ENABLING[:2])
    intents = [line for line in made.journaled("intent") if line["region"] == "us-east-1"]
    own = next(line["seq"] for line in intents if line["operation"] == "EnableSecurityHub" and line["account"] == MANAGEMENT)
    member = next(line["seq"] for line in intents if line["operation"] == "CreateMembers" and MANAGEMENT in line["target_accounts"])
    assert own < member


def test_16_inspector_is_never_enabled_on_an_empty_list(worlds: tuple[Simulated, World, World]) -> None:
    made, bare, _ = worlds
    made.front.adopt(copied(bare))
    enabling = [action for action in made.plan("30_inspector").actions if action.operation == "Enable"]
    assert enabling
    assert all(action.parameters["resourceTypes"] for action in enabling)
    assert all(action.targets or not action.parameters.get("accountIds") for action in enabling)


PLANNING = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import pytest
from simulated import ENABLING, simulated
with pytest.MonkeyPatch.context() as patch:
    made = simulated("seven", Path(sys.argv[2]), patch)
    plans = [made.plan(phase) for phase in ENABLING]
    print(json.dumps([[plan.fingerprint, [step.id for step in plan.steps]] for plan in plans]))
"""


def test_19_a_plan_has_the_same_ids_and_order_in_every_process(tmp_path: Path) -> None:
    said = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", PLANNING, str(Path(__file__).parent / "support"), str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        said.append(json.loads(done.stdout))
    assert said[0] == said[1]


def test_20_a_journal_holds_no_address_key_or_token(made: Simulated) -> None:
    made.enable()
    written = "".join(path.read_text(encoding="utf-8") for path in made.folder.glob("*.jsonl"))
    assert written.count("\n") > 100
    assert "@" not in written
    assert re.search(r"\b(AKIA|ASIA)[A-Z0-9]{12,}", written) is None
    assert "Token" not in written.replace("ExpiredToken", "")


def test_21_no_standard_comes_on_that_settings_do_not_name(made: Simulated) -> None:
    hub = made.settings.security_hub
    assert hub is not None
    made.enable(ENABLING[:1])
    assert {
        action.parameters["EnableDefaultStandards"]
        for action in made.plan("10_security_hub").actions
        if action.operation == "EnableSecurityHub"
    } == {False}
    made.settings = made.settings.model_copy(update={"security_hub": hub.model_copy(update={"accept_default_standards": ()})})
    plan = made.plan("10_security_hub")
    assert any("standard" in blocker.reason for blocker in plan.blockers)
    without_hub = {account for action in plan.actions if action.operation == "CreateMembers" for account in action.targets}
    assert without_hub <= {MANAGEMENT, "444444444444"}
