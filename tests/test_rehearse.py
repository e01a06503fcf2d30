"""`runbook rehearse` as a new user types it: its own server, every notebook executed, the run folder whole."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import ROOT, Decoy, leading_away, outputs, states
from ruamel.yaml import YAML
from simulated import ENABLING, PARAMETERS

from runbook_lib import cli
from runbook_lib.apply.journal import read
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.plan import file as plan_file
from runbook_lib.rehearsal import environment
from runbook_lib.services.macie2.membership import LEFT_SUSPENDED
from runbook_lib.services.registry import by_section

LEFT = {
    "plan.json", "plan.md", "plan.html", "change.html", "approval.json", "journal.jsonl",
    "notebook.ipynb", "notebook.html", "notebook-plan.ipynb", "notebook-plan.html",
    *(f"coverage-{which}.{ending}" for which in ("before", "after") for ending in ("csv", "json", "html")),
}  # fmt: skip


@dataclass
class Rehearsed:
    """How one rehearsal ended and what it said."""

    code: int
    out: str
    err: str
    run: RunFolder


Rehearse = Callable[..., Rehearsed]


@pytest.fixture
def rehearse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Rehearse]:
    runs = tmp_path / "runs"

    def run(*arguments: str) -> Rehearsed:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(["rehearse", "--runs", str(runs), *arguments])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Rehearsed(ended.value.code, said.out, said.err, find_runs(runs)[-1])

    yield run
    environment.stop(runs / "simulated-organization")


def only(folder: Path, *services: str) -> str:
    """The rehearsal's settings with these services alone, to be quick."""
    yaml = YAML()
    document = yaml.load(PARAMETERS)
    for name in (by_section().keys() & document.keys()) - set(services):
        del document[name]
    file = folder / "settings.yaml"
    yaml.dump(document, file)
    return str(file)


def whole(result: Rehearsed) -> None:
    """Exit 0, no gap, nothing unknown, and every file of every phase there."""
    assert result.code == 0, result.out + result.err
    assert re.search(r"^in scope +[\d,]+ +0 +0 ", result.out, re.MULTILINE), result.out
    assert "100.0 %" in result.out
    assert f"Run folder: {result.run.path}" in result.out
    record = result.run.record()
    assert (record["status"], record["exit_code"]) == ("done", 0)
    assert {phase["status"] for phase in record["phases"].values()} == {"done"}
    for phase in [folder for folder in result.run.phases() if folder.name in ENABLING]:
        assert {path.name for path in phase.path.iterdir()} >= LEFT
        assert set(states(phase.notebook()) + states(phase.notebook("plan"))) == {"completed"}
        assert read(phase.journal)


def test_seven_end_to_end_in_a_shell_that_leads_elsewhere(
    rehearse: Rehearse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy, profile, endpoints and credentials of the shell around it all lead to a decoy, which nobody visits."""
    decoy = Decoy()
    for name, value in leading_away(decoy, tmp_path).items():
        monkeypatch.setenv(name, value)
    result = rehearse("--organization", "seven")
    decoy.close()
    assert decoy.visitors == []
    whole(result)
    assert result.err == ""
    assert sorted(result.run.record()["phases"]) == [*ENABLING, "90_coverage"]
    assert set(result.run.record()["callers"]) == {"111111111111", "222222222222"}
    assert environment.find(result.run.path.parent / "simulated-organization") is None, "the server ended with the rehearsal"


@pytest.mark.soak
def test_every_service_on_the_default_organization_and_no_call_the_second_time(rehearse: Rehearse) -> None:
    """In make test the same without notebooks, on seven: tests/test_every_service.py."""
    settings = str(PARAMETERS.with_name("rehearsal-all.yaml"))
    first = rehearse("--organization", "default", "-p", settings, "--keep")
    # One account has suspended Macie by itself, which no plan can know before the account is a member. All else is done.
    phases = first.run.record()["phases"]
    assert {phase for phase, found in phases.items() if found["status"] != "done"} == {"40_macie", "90_coverage"}
    assert (first.code, phases["40_macie"]["results"]["failed"]) == (2, 0), first.out + first.err
    for page in (first.run.phase(name).notebook_html().read_text(encoding="utf-8") for name in ("20_guardduty", "90_coverage")):
        assert "Security tooling (222222222222)" in page
        assert "Workloads/Production (ou-reh1-product01)" in page
    assert f"left to the next plan: 666666666666 in us-east-2: {LEFT_SUSPENDED}" in first.out
    assert LEFT_SUSPENDED in first.run.phase("40_macie").notebook().read_text(encoding="utf-8")
    second = rehearse("-p", settings, "--keep")
    assert second.code == 0, second.out + second.err
    assert re.search(r"40_macie: plan.*\n(?:  .*\n)*?  planned: 2 calls to make", second.out), second.out
    third = rehearse("-p", settings)
    assert third.code == 0, third.out + third.err
    assert third.out.count("planned: 0 calls to make") == len(third.run.record()["phases"]) - 1


class TestOthers:
    def test_a_seed_file_with_size_and_regions_and_the_same_again(self, rehearse: Rehearse, tmp_path: Path) -> None:
        """Inspector alone, to be quick. The organization is kept: the second time there is nothing to do, and it says why."""
        seed, settings = tmp_path / "mine.yaml", only(tmp_path, "inspector")
        seed.write_text("extends: seven\n", encoding="utf-8")
        first = rehearse(
            "--organization", str(seed), "--accounts", "12", "--regions", "us-east-2,us-east-1", "-p", settings, "--keep"
        )
        whole(first)
        plan = plan_file.load(first.run.phase("30_inspector").plan_json)
        assert len(plan.population) == 12 - 1, "one of the twelve is suspended"
        assert {action.region for action in plan.actions if action.service == "inspector2"} == {"us-east-1", "us-east-2"}
        assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in first.out
        server = environment.find(first.run.path.parent / "simulated-organization")
        assert server is not None
        log = [entry for entry in server.control("GET", "log") if not entry["mutating"] and entry["service"] != "sts"]
        assert f" and reads about {len(log):,} times." in first.out
        again = rehearse("-p", settings)
        assert again.code == 0, again.out + again.err
        assert "Using the simulated organization that is running" in again.out
        assert again.out.count("planned: 0 calls to make") == 2
        for phase in ("00_prerequisites", "30_inspector"):
            folder = again.run.phase(phase)
            plan = plan_file.load(folder.plan_json)
            assert not plan.actions
            assert plan.no_changes
            assert all(each.reason for each in plan.no_changes)
            assert not read(folder.journal)
            assert "There is nothing to apply" in outputs(folder.notebook("plan"))[7]

    @pytest.mark.soak
    def test_a_phase_that_fails_keeps_no_other_from_being_applied(self, rehearse: Rehearse, tmp_path: Path) -> None:
        scenario = tmp_path / "refused.yaml"
        scenario.write_text("faults: [{ kind: deny, by: role, on: { service: guardduty, operation: CreateMembers } }]\n")
        settings = only(tmp_path, "guardduty", "inspector")
        result = rehearse("--organization", "seven", "--scenario", str(scenario), "-p", settings)
        assert result.code == 1
        phases = result.run.record()["phases"]
        assert [phase["status"] for name, phase in sorted(phases.items()) if name in ENABLING] == ["done", "failed", "done"]
        assert read(result.run.phase("30_inspector").journal)
        assert "not attempted:" not in result.out

    @pytest.mark.soak
    def test_another_partition(self, rehearse: Rehearse) -> None:
        result = rehearse("--organization", "govcloud", "--accounts", "12")
        whole(result)
        assert "arn:aws-us-gov:" in result.run.settings.read_text(encoding="utf-8")
        assert "us-gov-west-1" in result.out

    def test_a_missing_notebook_fails_at_once_with_its_name(
        self, rehearse: Rehearse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project = tmp_path / "project"
        for folder in ("notebooks", "parameters"):
            shutil.copytree(ROOT / folder, project / folder)
        (project / "notebooks" / "30_inspector.ipynb").unlink()
        monkeypatch.chdir(project)
        result = rehearse("--organization", "seven")
        assert result.code == 1
        assert "30_inspector.ipynb: the notebook of phase 30_inspector is not there" in result.err
        assert result.run.record()["status"] == "failed"
        assert not result.run.phases()
