"""The command line as people and pipelines use it: exit codes, words, files, with good and bad input."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import value_samples as samples
from doors import ROOT, RUNBOOK, Served, served
from simulated import ENABLING

from runbook_lib import cli
from runbook_lib.base.clock import Clock
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.rehearsal.world import World


@dataclass
class Said:
    """How one command ended, and what it said where."""

    code: int
    out: str
    err: str
    run: RunFolder | None = field(default=None)


@dataclass
class Line:
    """The command line in this process, on a served organization."""

    served: Served
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Said:
        before = {run.name for run in find_runs(self.served.runs)}
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([*arguments, *self._runs(arguments)])
        said = self.capture.readouterr()
        made = [run for run in find_runs(self.served.runs) if run.name not in before]
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err, made[-1] if made else None)

    def _runs(self, arguments: tuple[str, ...]) -> list[str]:
        return (
            ["--runs", str(self.served.runs)] if arguments and arguments[0] not in ("schema", "--help", "-h", "--version") else []
        )


@pytest.fixture(scope="module")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("seven", tmp_path_factory.mktemp("cli")) as made:
        yield made


@pytest.fixture
def line(organization: Served, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(organization, capsys)


class TestUsage:
    def test_help_names_every_command_in_one_whole_sentence(self, line: Line) -> None:
        said = line("--help")
        assert said.code == 0
        for name in ("plan", "apply", "coverage", "rehearse", "simulate", "schema"):
            assert re.search(rf"^  {name} +\S.*\.$", said.out, re.MULTILINE), name
        assert "..." not in said.out.partition("Commands:")[2]

    @pytest.mark.parametrize(
        "arguments",
        [
            ["plan"], ["plan", "--nonsense"], ["nonsense"], ["apply", "-p", "x.yaml"],
            ["coverage", "-p", "x.yaml", "--format", "pdf"], ["rehearse", "--accounts", "one"],
            ["plan", "-p", "x.yaml", "--cell-timeout", "0"],
        ],
        ids=" ".join,
    )  # fmt: skip
    def test_bad_usage_is_1_never_2(self, line: Line, arguments: list[str]) -> None:
        said = line(*arguments)
        assert said.code == 1
        assert "Error: " in said.err
        assert "Traceback" not in said.err

    def test_the_module_is_the_command(self, tmp_path: Path) -> None:
        done = subprocess.run([*RUNBOOK, "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert re.fullmatch(r"runbook, version \d+\.\d+\.\d+\n", done.stdout)

    def test_the_schema_is_json(self, line: Line) -> None:
        said = line("schema")
        assert said.code == 0
        assert json.loads(said.out)["properties"]["mode"]


class TestRefusedBeforeAnyCall:
    """Nothing of this reaches the organization, and no run is left behind."""

    @pytest.fixture(autouse=True)
    def untouched(self, organization: Served) -> Iterator[None]:
        calls, runs = len(organization.front.log.entries), len(find_runs(organization.runs))
        yield
        assert len(organization.front.log.entries) == calls
        assert len(find_runs(organization.runs)) == runs

    def test_bad_settings_say_everything_at_once(self, line: Line, tmp_path: Path) -> None:
        text = line.served.settings.read_text(encoding="utf-8")
        bad = tmp_path / "bad.yaml"
        wrong = text.replace("mode: rehearsal", "mode: rehearsl")
        wrong = re.sub(r"""management_account: (["'])111111111111\1""", "management_account: 111111111111", wrong)
        bad.write_text(wrong.replace("publishing_frequency: FIFTEEN_MINUTES", "publishing_frequenzy: FIFTEEN_MINUTES"))
        said = line("plan", "-p", str(bad))
        assert said.code == 1
        assert said.out == ""
        assert "3 things to correct" in said.err
        for named in ("rehearsl", "quote", "publishing_frequenzy", "publishing_frequency", "bad.yaml, line "):
            assert named in said.err

    def test_no_such_file(self, line: Line) -> None:
        said = line("plan", "-p", "nowhere.yaml")
        assert said.code == 1
        assert "nowhere.yaml" in said.err
        assert "no such file" in said.err

    def test_unknown_phase(self, line: Line) -> None:
        said = line("plan", "-p", str(line.served.settings), "--phase", "77")
        assert said.code == 1
        assert "'77'" in said.err
        assert all(phase in said.err for phase in ENABLING)

    def test_a_phase_that_plans_nothing(self, line: Line) -> None:
        said = line("plan", "-p", str(line.served.settings), "--phase", "90_coverage")
        assert said.code == 1
        assert "90_coverage: nothing is planned there" in said.err

    @pytest.mark.parametrize("scope", ["us-east-1", '{"region": ["us-east-1"]}', '{"accounts": [111111111111]}', '{"regions": []}'])
    def test_bad_scope(self, line: Line, scope: str) -> None:
        said = line("plan", "-p", str(line.served.settings), "--scope", scope)
        assert said.code == 1
        assert said.err.startswith("scope")

    def test_settings_of_a_real_organization_are_not_rehearsed(self, line: Line) -> None:
        said = line("rehearse", "-p", str(ROOT / "parameters" / "example.yaml"))
        assert said.code == 1
        assert "mode is live" in said.err

    def test_another_organization_than_the_one_that_runs(self, line: Line) -> None:
        said = line("rehearse", "--organization", "fresh")
        assert said.code == 1
        assert "running already" in said.err
        assert "--organization" in said.err


def test_without_a_simulated_organization(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: Line) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan", "-p", str(line.served.settings), "--runs", str(runs)])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert f"no simulated organization is running; start one with: runbook simulate --runs {runs}" in said
    assert not find_runs(runs)


def test_an_unknown_seed_is_named_with_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["simulate", "--organization", "eight", "--runs", str(tmp_path)])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "'eight'" in said
    assert "seven" in said


class TestFlow:
    """Plan, apply by fingerprint, look: what a person does, in the order of this class."""

    plans: list[tuple[str, str]] = []  # noqa: RUF012 what the first test leaves for the next ones

    def test_plan_says_calls_fingerprint_and_where(self, line: Line) -> None:
        said = line("plan", "-p", str(line.served.settings), "--phase", "00", "--phase", "10")
        assert said.code == 2
        assert said.run is not None
        assert said.run.status == "left-over"
        assert said.err == ""
        assert said.out.startswith(f"REHEARSAL: organization o-rehearsal001, run {said.run.name}\n")
        assert "organizations:EnableAWSServiceAccess" in said.out
        assert not line.served.changes
        for phase in ENABLING[:2]:
            made = plan_file.load(said.run.phase(phase).plan_json)
            assert f"fingerprint: {made.fingerprint}" in said.out
            assert "may cost: " in said.out
            assert str(said.run.phase(phase).plan_document) in said.out
            self.plans.append((phase, made.fingerprint))
        logged = [json.loads(each) for each in said.run.log.read_text(encoding="utf-8").splitlines()]
        assert {"command begins", "notebook executed", "command ends"} <= {each["event"] for each in logged}

    def test_unknown_fingerprint(self, line: Line) -> None:
        said = line("apply", "-p", str(line.served.settings), "--approval", "0" * 64)
        assert said.code == 1
        assert "no plan with fingerprint 000" in said.err
        assert said.run is None
        assert not line.served.changes

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ("zzz", "there is no such file, and it is not a fingerprint"),
            ("empty.json", "empty.json: id: "),
            ("bytes.json", "bytes.json"),
            ("strange.json", "no phase is called '99_nothing'"),
            ("without-plan.json", "the plan that the approval names"),
        ],
    )
    def test_no_run_is_begun_for_what_is_no_approval(self, line: Line, tmp_path: Path, given: str, words: str) -> None:
        (tmp_path / "empty.json").write_text("{}")
        (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
        for name, phase in (("strange.json", "99_nothing"), ("without-plan.json", ENABLING[0])):
            made = samples.plan(phase=phase, mode="rehearsal")
            approve(made, approver="tests", ticket="T-1", now=Clock().now(), file=f"plan-{phase}.json").write(tmp_path / name)
        (tmp_path / "plan-99_nothing.json").write_text(plan_file.dumps(samples.plan(phase="99_nothing", mode="rehearsal")))
        chains = sorted(line.served.runs.glob("chain/*/*/*"))
        said = line("apply", "-p", str(line.served.settings), "--approval", str(tmp_path / given))
        assert (said.code, said.run, said.out) == (1, None, "")
        assert words in said.err
        assert sorted(line.served.runs.glob("chain/*/*/*")) == chains

    def test_a_changed_plan_is_refused(self, line: Line) -> None:
        run = find_runs(line.served.runs)[0]
        folder = run.phase(ENABLING[0])
        whole = folder.plan_json.read_text(encoding="utf-8")
        approval = approve(plan_file.load(folder.plan_json), approver="tests", ticket="T-1", now=Clock().now())
        approval.write(folder.approval)
        folder.plan_json.write_text(whole.replace("guardduty.amazonaws.com", "example.amazonaws.com"), encoding="utf-8")
        try:
            by_file = line("apply", "-p", str(line.served.settings), "--approval", str(folder.approval))
            by_fingerprint = line("apply", "-p", str(line.served.settings), "--approval", self.plans[0][1])
        finally:
            folder.plan_json.write_text(whole, encoding="utf-8")
        assert (by_file.code, by_fingerprint.code) == (1, 1)
        assert "approval refused" in by_file.err
        assert by_file.run is by_fingerprint.run is None
        assert str(folder.plan_json) in by_fingerprint.err
        assert not line.served.changes

    def test_apply_takes_several_fingerprints_in_any_order(self, line: Line) -> None:
        given = [part for _, fingerprint in reversed(self.plans) for part in ("--approval", fingerprint)]
        said = line("apply", "-p", str(line.served.settings), "--ticket", "CHG-1", *given)
        assert said.code == 0, said.out + said.err
        assert said.run is not None
        assert said.run.status == "done"
        assert list(said.run.record()["phases"]) == list(ENABLING[:2])
        kept = json.loads(said.run.phase(ENABLING[1]).approval.read_text(encoding="utf-8"))
        assert kept["ticket"] == "CHG-1"
        assert "changes applied" in said.out
        assert len(line.served.changes) > 4

    def test_a_part_of_the_organization(self, line: Line) -> None:
        said = line("plan", "-p", str(line.served.settings), "--phase", "20", "--scope", '{"regions": ["us-east-2"]}')
        assert said.code == 2
        assert said.run is not None
        made = plan_file.load(said.run.phase("20_guardduty").plan_json)
        assert {action.region for action in made.actions if action.service == "guardduty"} == {"us-east-2"}
        before = len(line.served.changes)
        elsewhere = line("apply", "-p", str(line.served.settings), "--approval", made.fingerprint)
        assert elsewhere.code == 1
        assert "the scope is another one" in elsewhere.out
        assert len(line.served.changes) == before

    def test_coverage_as_a_table(self, line: Line) -> None:
        said = line("coverage", "-p", str(line.served.settings))
        assert said.code == 2, "not every service is there yet"
        assert "90_coverage: read" in said.err
        assert re.search(r"^in scope +\d", said.out, re.MULTILINE)

    def test_coverage_for_machines_and_for_the_browser(self, line: Line) -> None:
        said = line("coverage", "-p", str(line.served.settings), "--format", "csv")
        assert said.code == 2
        assert {"covered", "gap"} <= {row["status"] for row in csv.DictReader(io.StringIO(said.out))}
        assert said.run is not None
        folder = said.run.phase("90_coverage")
        assert json.loads(folder.coverage("after", "json").read_text(encoding="utf-8"))
        page = folder.coverage("after", "html").read_text(encoding="utf-8")
        assert page.lstrip().startswith("<!DOCTYPE html>")
        assert "http:" not in page
        assert "https:" not in page


def test_names_that_only_aws_knows_are_refused_before_any_plan_at_once(line: Line, tmp_path: Path) -> None:
    """In the words of the file as the user named it, though the run reads a copy of its own."""
    text = line.served.settings.read_text(encoding="utf-8")
    bad = tmp_path / "bad.yaml"
    bad.write_text(text.replace("best-practices", "best-practises"), encoding="utf-8")
    changes = len(line.served.changes)
    said = line("plan", "-p", str(bad), "--phase", "20", "--scope", '{"accounts": ["999999999999"]}')
    assert said.code == 1
    assert f"{bad}: 3 things that AWS contradicts" in said.out
    number = next(n for n, each in enumerate(bad.read_text().splitlines(), start=1) if "best-practises" in each)
    assert f"{bad}, line {number}: security_hub.accept_default_standards[0].name" in said.out
    assert "Did you mean aws-foundational-security-best-practices?" in said.out
    assert "scope.accounts[0]\n    value:  999999999999" in said.out
    assert said.run is not None
    assert said.run.record()["phases"]["20_guardduty"]["results"]["state"] == "refused"
    assert not said.run.phase("20_guardduty").plan_json.exists()
    assert len(line.served.changes) == changes


def test_unknown_is_never_0(line: Line, seven_before: Callable[[str], World]) -> None:
    """Who Security Hub's members are is hidden from the delegated account: that is no gap, and not covered either."""
    front = line.served.front
    before, world = front.world, seven_before("20_guardduty")
    role = world.organization.accounts["222222222222"].roles["RunbookDelegated"]
    role.denied = (*role.denied, "securityhub:ListMembers")
    front.adopt(world)
    try:
        said = line("plan", "-p", str(line.served.settings), "--phase", "10")
    finally:
        front.adopt(before)
    assert said.code == 2, said.out
    assert " unknown" in said.out
    assert "blocked: " in said.out
    assert "next step: " in said.out


BASE = """
import sys
sys.argv = ["runbook", "plan", "-p", {file!r}, "--phase", "00", "--runs", {runs!r}]
from runbook_lib import cli
try:
    cli.main()
except SystemExit as ended:
    print("ended", ended.code)
extras = {{"moto", "flask", "jupyterlab", "ipywidgets", "cheroot", "rfc3987_syntax", "lark"}}
print("imported", sorted(extras & {{name.partition(".")[0] for name in sys.modules}}))
"""


def test_the_base_install_plans_a_live_organization(line: Line, tmp_path: Path) -> None:
    """No library of an extra is imported, nor its grammar; without credentials the plan ends in two lines that say so."""
    live = tmp_path / "live.yaml"
    text = line.served.settings.read_text(encoding="utf-8")
    live.write_text(text.replace("mode: rehearsal", "mode: live"))
    code = BASE.format(file=str(live), runs=str(tmp_path / "runs"))
    hidden = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**hidden, **nowhere}, capture_output=True, text=True, timeout=60, check=False
    )
    assert "imported []" in done.stdout, done.stdout + done.stderr
    assert "ended 1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "rehearsal-runner" in done.stderr
