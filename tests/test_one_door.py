"""The two doors are two people's: each plans, approves and applies its own part and hands over the rest, until all is covered."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
from doors import PAPERMILL, ROOT, RUNBOOK, Served, served
from simulated import copied

from runbook_lib.apply.report import Tick
from runbook_lib.audit.recompute import recompute
from runbook_lib.base.clock import Stop
from runbook_lib.cli.part import part_options
from runbook_lib.cli.simulation import today
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.inventory.handover import FILES
from runbook_lib.phase_run.handing_over import ANSWERS, NotTaken, take_over
from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import managed
from runbook_lib.runbook.one_door import HAND_OVER
from runbook_lib.services.roles import needed
from runbook_lib.settings.file import load

ACCOUNTS = {"management": "111111111111", "delegated": "222222222222"}
ROLES = {"management": "RunbookManagement", "delegated": "RunbookDelegated"}
TURNS = ("management", "delegated", "management", "delegated")
"""Trusted access; what is prepared; who is designated; everything else: three hand-overs."""
DONE = {"covered", "excluded", "not applicable"}
FEW = ("00_prerequisites", "10_security_hub")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, World]]:
    with served("seven", tmp_path_factory.mktemp("one-door")) as organization:
        settings = load(organization.settings, today())
        for door, account in ACCOUNTS.items():
            policies = [json.dumps(each.policy) for each in needed(settings, door=door) if each.name == f"runbook-{door}-change"]
            assert len(policies) == 1
            organization.front.world.organization.accounts[account].roles[ROLES[door]].policies = tuple(policies)
        yield organization, copied(organization.front.world)


@pytest.fixture
def seven(made: tuple[Served, World], monkeypatch: pytest.MonkeyPatch) -> Served:
    """Each person's role may do what is printed for the holder of that door, and nothing else."""
    organization, world = made
    organization.front.adopt(copied(world))
    for name, value in organization.environment.items():
        monkeypatch.setenv(name, value)
    return organization


@dataclass
class People:
    """Whoever holds the doors, each with what the other one handed over last."""

    organization: Served
    phases: tuple[str, ...] = ()
    handed: dict[str, Path] = field(default_factory=dict)
    """Door → what its holder left."""
    plans: list[Plan] = field(default_factory=list)
    applied: int = 0

    def turn(self, door: str = "", *, killed: bool = False) -> RunFolder:
        """One run of every phase: planned, approved by itself, applied. Where it is `killed`, it dies after its first call."""
        settings = load(self.organization.settings, today())
        now = dt.datetime.now(dt.UTC)
        data = self.organization.settings.read_bytes()
        folder = RunFolder.create(
            self.organization.runs, settings.mode, now, settings=data, command=["tests"], organization=settings.organization.id
        )
        theirs = [path for other, path in self.handed.items() if other != door]
        taken = {"handover": str(theirs[0])} if theirs else {}
        scope = json.dumps({"door": door, **taken}) if door else ""
        for phase in managed(settings):
            if self.phases and phase.name not in self.phases:
                continue
            plan = self.run(phase.name, scope, folder)
            if plan.actions:
                path = folder.phase(phase.name).path / "approval.json"
                approve(plan, approver="tests", ticket="T-1", now=now, file="plan.json").write(path)
                if self.run(phase.name, scope, folder, str(path), killed=killed) and killed:
                    return folder
        if door and not killed:
            self.handed[door] = folder.path / FILES[1]
        return folder

    def run(self, phase: str, scope: str, folder: RunFolder, approval: str = "", *, killed: bool = False) -> Plan:
        run = opened(begin(phase, self.organization.settings, scope, approval, str(folder.path)))
        run.observe()
        run.plan()
        stop = Stop()

        def after_the_first(tick: Tick) -> None:
            if killed:
                stop.request("killed")

        if not approval:
            run.leave()
            run.verify()
            run.finish()
        else:
            report = run.apply(run.take_given(), stop, after_the_first)
            self.applied += report.calls
            assert killed or report.orderly, [stage.problems for _, stage in report.stages]
            if killed:
                run.runbook.access.close()
            else:
                run.verify()
                run.finish()
        plan = plan_file.load(folder.phase(phase).path / "plan.json")
        if not approval:
            self.plans.append(plan)
        return plan


def coverage(folder: RunFolder) -> dict[str, Any]:
    """What was covered in the end, phase by phase."""
    found = {}
    for phase in folder.phases():
        files = [phase.coverage(which, "json") for which in ("after", "before")]
        said = json.loads(next(file for file in files if file.exists()).read_text(encoding="utf-8"))
        sets = said["account_sets"]
        cells = [each for each in said["cells"] if each["aspect"] != "caller"]  # as whom, in the own account alone
        rows = [(each["region"], each["service"], each["aspect"], each["item"], each) for each in cells]
        found[phase.name] = sorted((*row, each["status"], tuple(sets[each["account_set"]])) for *row, each in rows)
    return found


def asked(organization: Served, since: int) -> set[str]:
    """The accounts that were asked anything since then, but for who one is."""
    entries = list(organization.front.log.entries)[since:]
    return {each.account for each in entries if each.service != "sts"}


def test_two_people_with_one_door_each_end_where_one_with_both_does(seven: Served) -> None:
    people = People(seven)
    folders = []
    for door in TURNS:
        before = len(seven.front.log.entries)
        folders.append(people.turn(door))
        assert asked(seven, before) == {ACCOUNTS[door]}, "the other door stays shut"
    together = coverage(People(seven).turn())
    assert people.applied
    assert {plan.scope.door for plan in people.plans} == {*ACCOUNTS}
    for plan in people.plans:
        assert {step.account for step in plan.steps} <= {ACCOUNTS[plan.scope.door]}, plan.phase
    for phase, cells in together.items():
        assert {status for *_, status, _ in cells} <= DONE, phase
    last = People(seven, handed=dict(people.handed))
    seen = coverage(last.turn("management"))
    differing = {phase: sorted({*seen[phase]} ^ {*cells}) for phase, cells in together.items() if seen[phase] != cells}
    assert differing == {}, "with what the other handed over, either sees the whole"
    assert not [plan.phase for plan in last.plans if plan.actions or plan.blockers]
    for folder in folders:
        assert not [name for name, differences in recompute(folder) if differences]


def test_what_is_handed_over_says_who_goes_on_with_what(seven: Served) -> None:
    people = People(seven, FEW)
    first = people.turn("management")
    said = json.loads((first.path / "handover.json").read_text(encoding="utf-8"))
    assert (said["run"]["run"], said["run"]["door"], said["mode"]) == (first.name, "management", "rehearsal")
    assert said["run"]["phases"]["10_security_hub"]["other"], "the delegated account has to be prepared before it is designated"
    management, delegated = said["accounts"]
    assert (management["open"], delegated["open"]) == (True, False)
    assert (delegated["account"], delegated["changing"]) == (ACCOUNTS["delegated"], "runbook-delegated-change")
    assert all("--door delegated" in line for line in delegated["commands"])
    second = people.turn("delegated")
    page = (second.path / "handover.md").read_text(encoding="utf-8")
    assert "securityhub:EnableOrganizationAdminAccount" in page
    assert "then the delegated account's" in page
    blockers = [each for plan in people.plans if plan.scope.door == "delegated" for each in plan.blockers]
    assert {each.who for each in blockers if each.aspect == HAND_OVER} == {"whoever holds the management account's door"}
    text = "".join(path.read_text(encoding="utf-8") for path in (first.path / FILES[0], second.path / FILES[1]))
    assert "@" not in text


@pytest.mark.parametrize("dies", [*(pytest.param(number, marks=pytest.mark.soak) for number in (0, 1, 3)), 2])
def test_one_who_is_killed_leaves_nothing_that_the_next_turns_do_not_mend(seven: Served, dies: int) -> None:
    """Killed after the first call of a turn, and nothing is handed over: both go on taking turns, with what they had."""
    people, before = People(seven, FEW), len(seven.changes)
    for number, door in enumerate((*TURNS[: dies + 1], *TURNS[dies % 2 :], *TURNS)):
        people.turn(door, killed=number == dies)
    done = coverage(People(seven, FEW).turn())
    assert {status for cells in done.values() for *_, status, _ in cells} <= DONE
    changes = [(each.service, each.operation, each.account, each.region) for each in seven.changes[before:] if not each.code]
    designations = [each for each in changes if "Admin" in each[1]]
    assert len(designations) == len(set(designations)), "nothing that AWS had done is sent again"


def test_what_does_not_fit_is_not_taken_over(seven: Served, tmp_path: Path) -> None:
    people = People(seven, FEW[:1])
    folder = people.turn("management")
    settings, now = load(seven.settings, today()), dt.datetime.now(dt.UTC)
    path = folder.path / FILES[1]
    assert take_over(path, settings, "delegated", now).answers
    said = json.loads(path.read_text(encoding="utf-8"))
    wrong = {
        "which is this run's own": ("management", said, now),
        "more than 7 days ago": ("delegated", said, now + dt.timedelta(days=8)),
        "it is about organization o-other": ("delegated", {**said, "organization": "o-other"}, now),
        "it was made with other settings": ("delegated", {**said, "digest": "0" * 64}, now),
        "it is of mode live": ("delegated", {**said, "mode": "live"}, now),
        "version 1": ("delegated", {**said, "version": 1}, now),
        "is another file than": ("delegated", {**said, "run": {**said["run"], "sha256": "0" * 64}}, now),
        "is not what a run with one door leaves": ("delegated", {"version": 2}, now),
        "do not lie beside": ("delegated", {**said, "run": {**said["run"], "answers": "../answers"}}, now),
    }
    (tmp_path / ANSWERS).write_bytes((folder.path / ANSWERS).read_bytes())
    for words, (door, text, at) in wrong.items():
        (tmp_path / FILES[1]).write_text(json.dumps(text), encoding="utf-8")
        with pytest.raises(NotTaken, match=words):
            take_over(tmp_path / FILES[1], settings, door, at)
    with pytest.raises(NotTaken, match=r"nothing\.json"):
        take_over(tmp_path / "nothing.json", settings, "delegated", now)


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        (["--door", "management"], {"door": "management"}),
        (["--door", "delegated", "--wave", "first"], {"wave": "first", "door": "delegated"}),
        (["--door", "delegated", "--scope", '{"regions": ["us-east-1"]}'], {"regions": ["us-east-1"], "door": "delegated"}),
    ],
)
def test_the_command_line_names_a_door_in_the_scope(words: list[str], scope: dict[str, Any]) -> None:
    seen: list[str] = []

    def work(scope: str) -> int:
        seen.append(scope)
        return 0

    command = click.command()(part_options(work))
    command.main(words, standalone_mode=False)
    assert json.loads(seen[0]) == scope
    with pytest.raises(click.UsageError, match="--door"):
        command.main(["--handover", "handover.json"], standalone_mode=False)


def test_at_the_command_line_and_by_papermill_a_run_with_one_door_ends_in_a_hand_over(seven: Served) -> None:
    phase = FEW[0]
    done = seven.run(
        [*RUNBOOK, "plan", "-p", str(seven.settings), "--runs", str(seven.runs), "--door", "management", "--phase", phase]
    )
    assert done.returncode == 2, done.stdout + done.stderr
    run = _latest(seven)
    assert {*FILES, ANSWERS} <= {path.name for path in run.iterdir()}
    scope = json.dumps({"door": "delegated", "handover": str(run / FILES[1])})
    notebook, output = ROOT / "notebooks" / f"{phase}.ipynb", seven.runs / "executed.ipynb"
    given = ["-p", "parameters_file", str(seven.settings), "-p", "scope", scope]
    ended = seven.run([*PAPERMILL, str(notebook), str(output), *given])
    assert ended.returncode == 0, ended.stderr[-2000:]
    later = _latest(seven)
    assert later != run
    assert json.loads((later / "taken-over.json").read_text(encoding="utf-8"))["run"]["run"] == run.name
    assert "the management account's: 4 calls (organizations:EnableAWSServiceAccess)" in (later / FILES[0]).read_text(
        encoding="utf-8"
    )


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_whole_way_by_commands(seven: Served) -> None:
    given = ["-p", str(seven.settings), "--runs", str(seven.runs)]
    handed: dict[str, Path] = {}
    for door in TURNS:
        taken = [word for other, path in handed.items() if other != door for word in ("--handover", str(path))]
        phases = [word for phase in FEW for word in ("--phase", phase)]
        planned = seven.run([*RUNBOOK, "plan", *given, *phases, "--door", door, *taken])
        assert planned.returncode == 2, planned.stdout + planned.stderr
        plans = [plan_file.load(path) for path in _latest(seven).glob("*/plan.json")]
        approvals = [word for plan in plans if plan.actions for word in ("--approval", plan.fingerprint)]
        applied = seven.run([*RUNBOOK, "apply", *given, "--door", door, *taken, *approvals])
        assert applied.returncode in (0, 2), applied.stdout + applied.stderr
        handed[door] = _latest(seven) / FILES[1]
    looked = seven.run([*RUNBOOK, "plan", *given, *phases])
    assert looked.returncode == 0, looked.stdout[-2000:] + looked.stderr
    verified = seven.run([*RUNBOOK, "evidence", "verify", "--runs", str(seven.runs)])
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _latest(organization: Served) -> Path:
    return max(organization.runs.glob("2*"), key=lambda path: path.stat().st_mtime)
