"""Settings made from what exists: whatever organization they are made of, a plan with them calls nothing."""

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from doors import Served, served
from ruamel.yaml import YAML
from simulated import Simulated, simulated

from runbook_lib.aws.access import Access
from runbook_lib.cli import main
from runbook_lib.inventory.initial.finding import ALL_READS, find
from runbook_lib.inventory.initial.writing import text
from runbook_lib.inventory.survey.without_settings import entered_partition, settings_of_nobody
from runbook_lib.plan import Plan
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.runbook import managed
from runbook_lib.settings import Door, Settings
from runbook_lib.settings.file import parse

TODAY = dt.date(2026, 6, 1)
GOAL = re.compile(r"(?m)^# A proposal.*\n(?:#   .*\n)*((?:# .*\n)+)")


def made(one: Simulated, doors: Iterable[Door] = ()) -> str:
    """The file that init writes of a simulated organization, through the two doors of its settings or others."""
    doors = list(doors) or [one.settings.access.management, one.settings.access.delegated]
    nobody, attach = settings_of_nobody("rehearsal", entered_partition(doors[0])), InProcess(one.front).attach
    before = len(one.mutating())
    with Access(nobody, reads=ALL_READS, mutations=frozenset(), run="init", clock=one.clock, attach=attach) as access:
        found = text(find(access, doors, "rehearsal", TODAY, one.clock), one.clock.now())
    assert len(one.mutating()) == before
    return found


def planned(one: Simulated, file: str) -> list[Plan]:
    """Every plan that the file's settings make, by a look of its own."""
    one.settings = parse(file, TODAY, "acme.yaml")
    return [one.plan(phase.name) for phase in managed(one.settings) if phase.plans]


def calls_nothing(one: Simulated, file: str) -> Settings:
    """No plan has a call, and what stands in the way of one is named in the file's comments."""
    plans = planned(one, file)
    assert not [f"{action.operation}: {action.reason}" for plan in plans for action in plan.actions]
    said = " ".join(line.lstrip("# ") for line in file.splitlines() if line.startswith("#"))
    for blocker in (each for plan in plans for each in plan.blockers):
        assert " ".join(blocker.reason.split()) in said
    return one.settings


def test_what_a_rehearsal_left_is_asked_for_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = simulated("seven", tmp_path, monkeypatch)
    asked = one.settings
    assert all(each.report.ok for each in one.enable())
    found = calls_nothing(one, made(one))
    for name, section in asked.sections().items():
        left, there = (set(each.model_dump(exclude_defaults=True)) for each in (section, found.sections()[name]))
        # What was accepted on the way is no state of AWS's.
        assert left - there <= {"accept_default_standards", "auto_enable_ignores_exclusions"}
    assert found.organization == asked.organization
    assert not found.exclusions


EACH_TIME = ("foreign-administrator", "govcloud", "region-deny", "role-missing")
SAYS = {
    "centrally-configured": ["# not in us-east-1: Security Hub is configured elsewhere here (CENTRAL ENABLED)"],
    "governed": ["exist: where attached they override what is set here"],
    "foreign-administrator": [
        ".amazonaws.com: another account is registered in Organizations for ",
        "delegated_account: '222222222222'",
    ],
    "region-deny": ["# Could not be read:", ":ListDetectors as 222222222222 in us-east-2 could not be read"],
    "role-missing": ["account 222222222222 administers it, and is alone shown what members have on", "role/RunbookDelegated}"],
    "fresh": ["# - 222222222222 has a name that speaks of security"],
}
"""Seed → what its file says, for everybody to see why so little is in it."""


@pytest.mark.parametrize("finished", [True, False])
def test_the_administrator_alone_sees_what_its_members_have_on(
    finished: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only the management account is shown is left out and said; with a door into it, a plan calls nothing all the same."""
    one = simulated("seven" if finished else "half-done", tmp_path, monkeypatch)
    if finished:
        assert all(each.report.ok for each in one.enable())
    both = parse(made(one), TODAY, "acme.yaml")
    file = made(one, [one.settings.access.delegated])
    assert "# access.management: name the way into account 111111111111" in file
    management = "access:\n  management: {role_arn: arn:aws:iam::111111111111:role/RunbookManagement, profile: rehearsal-runner}\n"
    found = calls_nothing(one, file.replace("access:\n", management, 1))
    assert set(found.sections()) == set(both.sections())
    for name, section in both.sections().items():
        apart = {"management_account"}
        assert found.sections()[name].model_dump(exclude=apart) == section.model_dump(exclude=apart)


SEEDS = [
    "centrally-configured", "default", "foreign-administrator", "fresh", "govcloud", "governed", "half-done", "no-config",
    "read-only", "region-deny", "role-missing",
]  # fmt: skip


@pytest.mark.parametrize("seed", [pytest.param(each, marks=[] if each in EACH_TIME else [pytest.mark.soak]) for each in SEEDS])
def test_whatever_there_is_a_plan_of_it_calls_nothing(seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = simulated(seed, tmp_path, monkeypatch)
    file = made(one)
    calls_nothing(one, file)
    for says in SAYS.get(seed, ()):
        assert says in file


def uncommented(file: str) -> str:
    """The file with all its proposals taken up."""
    return GOAL.sub(lambda found: re.sub(r"(?m)^# ", "", found[1]), file).replace("manages: nothing\n", "")


@pytest.mark.parametrize("seed", ["seven", "half-done"])
def test_what_is_off_is_proposed_and_a_proposal_is_a_valid_section(
    seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = simulated(seed, tmp_path, monkeypatch)
    file = made(one)
    before = calls_nothing(one, file)
    proposed = uncommented(file)
    assert set(YAML(typ="safe").load(proposed)) > set(YAML(typ="safe").load(file)) - {"manages"}
    if before.sections():
        return
    assert [plan.phase for plan in planned(one, proposed) if plan.actions]


def command(organization: Served, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["init", "--rehearsal", "--runs", str(organization.runs), *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


MANAGEMENT, DELEGATED = (
    ("--role", "arn:aws:iam::111111111111:role/RunbookManagement"),
    ("--role", "arn:aws:iam::222222222222:role/RunbookDelegated"),
)


def test_the_command_writes_a_file_of_ones_own_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "acme.yaml"
    with served("half-done", tmp_path) as organization:
        monkeypatch.setattr("runbook_lib.cli.init.kernel_environment", lambda settings, runs: organization.environment)
        assert command(organization, *MANAGEMENT) == 2
        half = capsys.readouterr().out
        assert "# access.delegated: name the way into account 222222222222" in half
        assert "with --role arn:aws:iam::222222222222:role/NAME besides" in " ".join(half.replace("#", " ").split())
        assert command(organization, *MANAGEMENT, *DELEGATED, "--output", str(file)) == 0
        said = capsys.readouterr()
        assert f"runbook plan -p {file}" in said.err
        assert (said.out, file.stat().st_mode & 0o777) == ("", 0o600)
        written = file.read_text()
        entries = len(organization.front.log.entries)
        assert command(organization, *MANAGEMENT, *DELEGATED, "--output", str(file)) == 1
        assert "this file exists, and nothing is ever written over" in capsys.readouterr().err
        assert (file.read_text(), len(organization.front.log.entries)) == (written, entries)
        assert not organization.changes
        assert command(organization, "--profile", "rehearsal-runner") == 1
        assert "account 333333333333 is a plain member account" in capsys.readouterr().err
    found = parse(written, dt.date.today(), "acme.yaml")  # noqa: DTZ011 as the command itself
    assert {"securityhub"} == set(found.sections())
    assert {exclusion.account for exclusion in found.exclusions} >= {"333333333333", "100000000048"}
    assert all(exclusion.reason.startswith("As found by init: Security Hub in us-east-1: ") for exclusion in found.exclusions)
    assert not re.search(r"@|Self-made security", written)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give a profile or a role to look with"),
        (["--profile", "a", "--profile", "b", "--role", "arn:aws:iam::111111111111:role/R"], "give one --profile at most"),
    ],
)
def test_what_is_asked_for_wrongly_is_said(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["init", *arguments])
    assert ended.value.code == 1
    assert says in capsys.readouterr().err
