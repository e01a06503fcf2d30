"""Every seed ends as it must: covered, or blocked with a next step, and then without a single call where there must be none.

The same for each variant of what AWS's documentation leaves open, and for runs with a role in member accounts.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import twins
from simulated import ENABLING, Simulated, open_cells, simulated

from runbook_lib.coverage import Cell, Gap, Status
from runbook_lib.plan import Blocker
from runbook_lib.rehearsal.operations.storage import provide
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook.phases import PHASES
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.services.spec import INTEGRATION
from runbook_lib.settings import MemberDoor
from runbook_lib.settings.sections.guardduty import ExportDestination
from runbook_lib.settings.sections.securityhub import Standard

DELEGATED = "222222222222"
FSBP = Standard(name="aws-foundational-security-best-practices", version="1.0.0")
ITEM = "aws-foundational-security-best-practices/1.0.0"
VARIANTS = [
    ("empty page", "once"),
    ("account status", "retired"),
    ("designation without trusted access", "refused"),
    *(tuple(row) for _, row in twins.rows("runbook", "variants")),
]


def tried(made: Simulated, phases: Sequence[str] = ENABLING) -> tuple[dict[str, PreconditionsFailed | bool], list[Blocker]]:
    """Plan, approve and apply each phase, also after one was refused: how each ended, and every Blocker."""
    ends: dict[str, PreconditionsFailed | bool] = {}
    blockers: list[Blocker] = []
    for phase in phases:
        plan = made.plan(phase)
        blockers += plan.blockers
        try:
            ends[phase] = made.apply(phase, plan, made.approve(plan)).ok
        except PreconditionsFailed as refused:
            ends[phase] = refused
    assert all(each.reason and each.next_step and each.who for each in blockers)
    return ends, blockers


def about(cells: list[Cell]) -> set[tuple[str, str]]:
    return {(cell.service, cell.region) for cell in cells}


@pytest.mark.parametrize("seed", ["fresh", "half-done", "govcloud"])
def test_the_seed_is_covered_at_the_end_and_nothing_is_left_to_do(
    seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated(seed, tmp_path, monkeypatch)
    ends, blockers = tried(made)
    assert set(ends.values()) == {True}
    assert blockers == []
    assert open_cells(made.cells()) == []
    for phase in ENABLING:
        again = made.plan(phase)
        assert (again.steps, again.blockers) == ((), ())
    assert {entry.region for entry in made.front.log.entries} <= made.front.world.regions
    assert not made.front.log.unhandled


def test_a_half_done_organization_needs_fewer_calls_and_none_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("half-done", tmp_path, monkeypatch)
    plan = made.plan("10_security_hub")
    assert not any(action.operation == "EnableOrganizationAdminAccount" and action.region == "us-east-1" for action in plan.actions)
    home = [action for action in plan.actions if (action.operation, action.region) == ("CreateMembers", "us-east-1")]
    elsewhere = [action for action in plan.actions if (action.operation, action.region) == ("CreateMembers", "eu-south-1")]
    assert 0 < sum(len(action.targets) for action in home) < sum(len(action.targets) for action in elsewhere)


def test_another_administrator_blocks_its_service_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("foreign-administrator", tmp_path, monkeypatch)
    ends, blockers = tried(made)
    assert set(ends.values()) == {True}
    assert {each.service for each in blockers} == {"organizations", "guardduty"}
    left = open_cells(made.cells())
    assert {cell.service for cell in left} == {"guardduty"}
    assert {cell.gap for cell in left} == {Gap.BLOCKED}
    assert all("444444444444" in cell.reason for cell in left)
    assert not [entry for entry in made.mutating() if entry.service == "guardduty"]


def test_without_the_delegated_accounts_role_nothing_is_designated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("role-missing", tmp_path, monkeypatch)
    ends, blockers = tried(made)
    assert isinstance(ends["20_guardduty"], PreconditionsFailed)
    assert isinstance(ends["30_inspector"], PreconditionsFailed)
    assert any("sts:AssumeRole" in each.reason for each in blockers)
    assert {entry.operation for entry in made.mutating()} <= {"EnableAWSServiceAccess"}
    assert any(cell.status is Status.UNKNOWN for cell in open_cells(made.cells()))


def test_a_denied_region_is_unknown_and_the_management_account_designates_nobody_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The management account is exempt from the policy: it could designate where the administrator may do nothing."""
    made = simulated("region-deny", tmp_path, monkeypatch)
    ends, blockers = tried(made)
    assert ends["00_prerequisites"] is True
    assert any(each.region == "us-east-2" and "AccessDenied" in each.reason for each in blockers)
    assert not [entry for entry in made.mutating() if entry.region == "us-east-2"]
    left = [cell for cell in open_cells(made.cells()) if cell.service == "securityhub"]
    assert about(left) == {("securityhub", "us-east-2")}
    assert Status.UNKNOWN in {cell.status for cell in left}


def test_with_roles_that_may_only_read_every_attempt_is_refused_and_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated("read-only", tmp_path, monkeypatch)
    before = made.cells()
    ends, _ = tried(made)
    assert ends.pop("00_prerequisites") is False
    assert all(isinstance(end, PreconditionsFailed) for end in ends.values())
    assert {entry.code for entry in made.mutating()} <= {"AccessDeniedException", "TooManyRequestsException"}
    assert {entry.operation for entry in made.mutating()} == {"EnableAWSServiceAccess"}
    assert made.cells() == before


def test_central_configuration_is_left_in_charge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("centrally-configured", tmp_path, monkeypatch)
    ends, blockers = tried(made)
    assert isinstance(ends["20_guardduty"], PreconditionsFailed)
    assert any("central configuration" in each.reason for each in blockers if each.service == "securityhub")
    governed = {"CreateMembers", "UpdateOrganizationConfiguration", "BatchEnableStandards", "UpdateFindingAggregator"}
    assert not [entry for entry in made.mutating() if entry.operation in governed]
    left = [cell for cell in open_cells(made.cells()) if cell.service == "securityhub"]
    assert {cell.gap for cell in left} == {Gap.BLOCKED}
    assert all(cell.next_step and cell.who for cell in left)


@pytest.mark.fact(
    "GD-5.2-32",
    "SH-4.2-03",
    "SH-4.3-07",
    "UV-13-01",
    "UV-13-02",
    "UV-13-03",
    "UV-13-04",
    "UV-13-05",
    "UV-13-06",
    "UV-13-07",
    "UV-13-08",
    "UV-13-11",
)
@pytest.mark.parametrize(("variant", "choice"), VARIANTS, ids=[f"{name}: {choice}" for name, choice in VARIANTS])
def test_either_behaviour_that_is_not_documented_ends_in_full_coverage(
    variant: str, choice: str, seven_before: Callable[[str], World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is one service's own shows in its phase alone; all else in every phase."""
    phases = tuple(phase.name for phase in PHASES if variant.split(maxsplit=1)[0] == phase.service) or ENABLING
    made = simulated("seven", tmp_path, monkeypatch)
    made.front.adopt(seven_before(phases[0]))
    made.front.world.variants[variant] = choice
    ends, blockers = tried(made, phases)
    assert (set(ends.values()), blockers) == ({True}, [])
    assert [cell for phase in phases for cell in open_cells(made.phase_cells(phase))] == []
    assert not any(made.plan(phase).steps for phase in phases)


@pytest.mark.fact("UV-13-09")
def test_a_full_administrator_takes_no_more_and_the_rest_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number is at AWS: those who found no place are said, the others are members."""
    made = simulated("seven", tmp_path, monkeypatch)
    made.front.world.variants["securityhub member limit"] = "3"
    *_, applied = made.enable(ENABLING[:2])
    left = {result.account for _, stage in applied.report.stages for _, result in stage.problems if result.account}
    members = {account for cell in made.phase_cells("10_security_hub") if cell.aspect == "membership" for account in cell.accounts}
    opened = [cell for cell in open_cells(made.phase_cells("10_security_hub")) if cell.aspect == "membership"]
    assert left
    assert {account for cell in opened for account in cell.accounts} == left < members


@pytest.fixture
def with_member_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    """Settings that reach members through the delegated account and want a standard in each, where AWS Config records."""
    made = simulated("seven", tmp_path, monkeypatch)
    for account in made.front.world.organization.accounts.values():
        account.config_recorders = {"us-east-1", "us-east-2"}
    settings = made.settings
    assert settings.security_hub is not None
    made.settings = settings.model_copy(
        update={
            "access": settings.access.model_copy(update={"members": MemberDoor(role_name="RunbookMember", via="delegated")}),
            "security_hub": settings.security_hub.model_copy(update={"existing_account_standards": (FSBP,)}),
        }
    )
    return made


def active(made: Simulated) -> set[str]:
    return {each.id for each in made.front.world.organization.accounts.values() if each.state == "ACTIVE"}


def standards(cells: tuple[Cell, ...]) -> dict[str, set[str]]:
    """Status → accounts, of the standard in existing members."""
    found: dict[str, set[str]] = {}
    for cell in cells:
        if (cell.aspect, cell.item, cell.in_scope) == ("standards", ITEM, True):
            found.setdefault(str(cell.status), set()).update(cell.accounts - {DELEGATED})
    return found


def test_with_a_member_role_the_standard_is_on_in_every_member(with_member_role: Simulated) -> None:
    made = with_member_role
    approved = made.approved_plans(ENABLING[:2])
    applied = made.enable_as_approved(approved)
    assert [each.report.ok for each in applied] == [True, True]
    assert standards(made.phase_cells("10_security_hub")) == {"covered": active(made) - {DELEGATED}}
    assert made.plan("10_security_hub").steps == ()


def test_a_role_is_assumed_once_per_account_and_run(with_member_role: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_member_role
    assumed: Counter[tuple[str, str]] = Counter()
    inner = HANDLERS["sts", "AssumeRole"]

    def counting(call: Any, **parameters: Any) -> Any:
        assumed[parameters["RoleSessionName"], parameters["RoleArn"]] += 1
        return inner(call, **parameters)

    monkeypatch.setitem(HANDLERS, ("sts", "AssumeRole"), counting)
    made.enable(ENABLING[:2])
    assert set(assumed.values()) == {1}
    assert len({session for session, _ in assumed}) == made.runs
    assert {arn.split(":")[4] for _, arn in assumed} == active(made)


def test_a_role_that_is_missing_in_some_members_leaves_only_those_unknown(with_member_role: Simulated) -> None:
    made = with_member_role
    without = {"100000000001", "444444444444"}
    for account in without:
        del made.front.world.organization.accounts[account].roles["RunbookMember"]
    made.enable(["00_prerequisites"])
    plan = made.plan("10_security_hub")
    made.apply("10_security_hub", plan, made.approve(plan))
    found = standards(made.phase_cells("10_security_hub"))
    assert found.pop("covered").isdisjoint(without)
    assert set().union(*found.values()) == without
    rest = made.plan("10_security_hub")
    assert rest.actions == ()
    assert {account for each in rest.blockers for account in each.accounts} == without
    others = [cell for cell in open_cells(made.phase_cells("10_security_hub")) if cell.aspect != "standards"]
    assert {(cell.aspect, cell.status) for cell in others} == {(INTEGRATION, Status.UNKNOWN)}
    assert {account for cell in others for account in cell.accounts} == without


def test_designation_that_switches_on_more_than_asked_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's guide says that designation activates all scan types in the administrator; settings here ask for EC2 only."""
    sim = simulated("seven", tmp_path, monkeypatch)
    sim.front.world.variants["inspector2 designation activates"] = "yes"
    assert sim.settings.inspector is not None
    part = sim.settings.inspector.model_copy(update={"existing_accounts": ("EC2",), "new_accounts": ("EC2",)})
    sim.settings = sim.settings.model_copy(update={"inspector": part})
    for applied in sim.enable():
        assert applied.report.ok, applied.report.refused
    left = {(cell.service, cell.aspect, cell.gap) for cell in sim.cells() if cell.in_scope and cell.gap}
    assert left <= {("inspector2", "scan types", Gap.NOT_ASKED_FOR)}


def test_findings_are_exported_where_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sim = simulated("seven", tmp_path, monkeypatch)
    assert sim.settings.guardduty is not None
    export = {
        region: ExportDestination(
            bucket_arn=f"arn:aws:s3:::findings-of-the-rehearsal-{region}",
            kms_key_arn=f"arn:aws:kms:{region}:222222222222:key/findings",
        )
        for region in sim.settings.guardduty.regions
    }
    for each in export.values():
        provide(sim.front.world, each.bucket_arn.removeprefix("arn:aws:s3:::"), each.kms_key_arn)
    part = sim.settings.guardduty.model_copy(update={"export": export})
    sim.settings = sim.settings.model_copy(update={"guardduty": part})
    assert all(applied.report.ok for applied in sim.enable())
    cells = [cell for cell in sim.cells() if cell.aspect == "export"]
    assert {(cell.region, cell.status) for cell in cells} == {(region, Status.COVERED) for region in export}
    assert not sim.plan("20_guardduty").actions
