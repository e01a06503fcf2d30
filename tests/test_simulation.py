"""`rehearse` and `simulate` with settings of one's own: never live, no more changed than is said, left where commands find them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from doors import Decoy, Served, served
from ruamel.yaml import YAML
from simulated import PARAMETERS
from test_fitting import LIVE, SPELLED

from runbook_lib import cli
from runbook_lib.cli import commands, simulation
from runbook_lib.cli.in_turn import Course
from runbook_lib.cli.surroundings import entered
from runbook_lib.evidence.run.folder import find_runs
from runbook_lib.evidence.seal.chain import StoreFailed
from runbook_lib.evidence.store.desk import desk_for
from runbook_lib.rehearsal import environment
from runbook_lib.services.registry import by_section
from runbook_lib.settings.file import parse

KEY = 'evidence: { signing_key: "arn:aws:kms:us-east-1:222222222222:alias/runbook" }\n'


@dataclass
class Rehearsed:
    """What a command would have rehearsed: its settings, and the AWS variables of its kernels and of its own process meanwhile."""

    code: int = 0
    settings: Any = None
    file: Path = Path()
    kernels: Mapping[str, str] = field(default_factory=dict)
    process: Mapping[str, str] = field(default_factory=dict)
    out: str = ""
    err: str = ""


@dataclass
class Line:
    """The command line on a served organization, without its notebooks."""

    served: Served
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str, newly: bool = True) -> Rehearsed:
        """Run a command; `newly` as if it had started the organization itself."""
        seen = Rehearsed()

        def rehearse(command: commands.Command, **_: object) -> int:
            seen.settings, seen.file, seen.kernels = command.settings, command.given or Path(), command.kernels.environment
            seen.process = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
            return commands.finish(command, Course())

        found = environment.find(self.served.runs / "simulated-organization")
        with self.monkeypatch.context() as patch:
            patch.setattr(commands, "rehearse", rehearse)
            patch.setattr(commands, "forecast", lambda command: [])
            patch.setattr(environment, "stop", lambda folder: True)
            if newly:
                patch.setattr(simulation, "_simulated", lambda asked, seed, say: (found, False))
            self.capture.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main([*arguments, "--runs", str(self.served.runs)])
        said = self.capture.readouterr()
        assert isinstance(ended.value.code, int)
        seen.code, seen.out, seen.err = ended.value.code, said.out, said.err
        return seen


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("seven", tmp_path_factory.mktemp("seven")) as made:
        yield made


@pytest.fixture
def line(seven: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(seven, capsys, monkeypatch)


@pytest.fixture(scope="module")
def inventory(seven: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was observed of the organization, as a file."""
    file = tmp_path_factory.mktemp("inventory") / "acme-inventory.yaml"
    with pytest.raises(SystemExit) as ended:
        cli.main(["inventory", "-p", str(seven.settings), "--output", str(file), "--runs", str(seven.runs)])
    assert ended.value.code == 0
    return file


@contextmanager
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoy]:
    """The shell of somebody who works with a real account: whatever leaves this process comes by the proxy, which notes it."""
    decoy = Decoy()
    real = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_CONFIG_FILE": "/nowhere"}
    with monkeypatch.context() as patch:
        # In lower case they come before those in upper case, and a list of hosts that need no proxy before both.
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), decoy.url)
        for name, value in {**real, **proxies, "NO_PROXY": "", "no_proxy": ""}.items():
            patch.setenv(name, value)
        yield decoy
    decoy.close()


def sealed_by_kms(text: str) -> str:
    """Settings with the key that signs live evidence: a run that is live by mistake asks AWS for it, before any notebook."""
    return text.replace("{", "{" + KEY.strip() + ", ", 1) if text.startswith("{") else text + KEY


def test_the_proxy_notes_who_asks_for_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test below could not fail."""
    live = parse(LIVE + KEY, simulation.today(), "acme.yaml")
    with shell(monkeypatch) as decoy, ExitStack() as resources, pytest.raises(StoreFailed) as failed:
        desk_for(tmp_path, live, os.environ, resources)
    assert decoy.visitors, failed.value
    assert decoy.visitors[0].startswith("CONNECT kms.us-east-1.amazonaws.com:443")


def test_no_variable_says_where_the_key_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = parse(LIVE + KEY, simulation.today(), "acme.yaml")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com")
    said = (
        r"kms in us-east-1 would be called at .*execute-api.*, as the variable AWS_ENDPOINT_URL_KMS says.*network\.endpoints\.kms"
    )
    with shell(monkeypatch) as decoy, ExitStack() as resources, pytest.raises(StoreFailed, match=said):
        desk_for(tmp_path, live, os.environ, resources)
    assert decoy.visitors == []


@pytest.mark.parametrize("text", SPELLED.values(), ids=SPELLED)
def test_live_settings_on_an_inventory_are_rehearsed_and_nobody_else_is_asked(
    line: Line, inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "acme.yaml"
    file.write_bytes(sealed_by_kms(text).encode())
    before = {run.name for run in find_runs(line.served.runs)}
    with shell(monkeypatch) as decoy:
        done = line("rehearse", "--organization", str(inventory), "-p", str(file))
        assert os.environ["AWS_ACCESS_KEY_ID"] == "AKIDEXAMPLE", "the shell's own variables are back"
    assert decoy.visitors == []
    assert done.code == 0, done.out + done.err
    assert done.settings.mode == "rehearsal"
    assert done.settings.evidence is not None
    made = [run for run in find_runs(line.served.runs) if run.name not in before]
    assert [run.record()["mode"] for run in made] == ["rehearsal"]
    assert "AKIDEXAMPLE" not in (*done.kernels.values(), *done.process.values())
    assert done.process["AWS_ENDPOINT_URL"] == done.kernels["AWS_ENDPOINT_URL"] == line.served.url
    assert "LIVE" not in done.out
    assert "Evidence: number" in done.out
    assert ", verified" in done.out


@pytest.mark.parametrize("command", ["rehearse", "simulate"])
@pytest.mark.parametrize("text", SPELLED.values(), ids=SPELLED)
def test_live_settings_on_a_seed_are_refused(line: Line, tmp_path: Path, text: str, command: str) -> None:
    file, runs = tmp_path / "acme.yaml", find_runs(line.served.runs)
    file.write_bytes(text.encode())
    done = line(command, "-p", str(file))
    assert done.code == 1
    assert "acme.yaml: mode is live; only settings of mode rehearsal can be rehearsed" in done.err
    assert find_runs(line.served.runs) == runs


def test_an_inventory_needs_the_settings_of_its_organization(line: Line, inventory: Path) -> None:
    done = line("rehearse", "--organization", str(inventory))
    assert done.code == 1
    assert "acme-inventory.yaml: is an inventory of an organization; name the settings of that organization with -p" in done.err


def own(folder: Path, **regions: list[str]) -> Path:
    """The rehearsal's settings with other Regions for some services, as somebody wrote them."""
    yaml = YAML()
    document = yaml.load(PARAMETERS)
    del document["security_hub"]["aggregation"], document["exclusions"]
    for section in by_section().keys() & document.keys():
        if section in regions:
            document[section]["regions"] = regions[section]
        else:
            del document[section]
    file = folder / "own.yaml"
    yaml.dump(document, file)
    return file


def test_own_settings_keep_their_regions(line: Line, tmp_path: Path) -> None:
    file = own(tmp_path, guardduty=["us-east-1", "us-east-2"], inspector=["us-east-2"])
    done = line("rehearse", "-p", str(file))
    assert done.code == 0, done.err
    assert done.settings.inspector.regions == ("us-east-2",)
    assert done.file == file
    assert "changed to fit" not in done.out


def test_what_is_changed_is_said_in_one_line_and_lies_beside_the_state(line: Line, tmp_path: Path) -> None:
    file = own(tmp_path, guardduty=["us-east-1", "eu-west-1"], inspector=["eu-west-1", "ap-south-1"])
    done = line("rehearse", "-p", str(file))
    kept = line.served.runs / "simulated-organization" / "settings.yaml"
    assert done.code == 0, done.err
    assert done.settings.guardduty.regions == ("us-east-1", "us-east-2")
    assert done.settings.inspector.regions == ("us-east-2",)
    assert done.file == kept
    said = [each for each in done.out.splitlines() if "changed to fit" in each]
    changes = "us-east-2 in the place of eu-west-1; ap-south-1 left out"
    there = f"there are {len(line.served.front.world.organization.accounts)} accounts, us-east-1, us-east-2"
    assert said == [f"{file} is changed to fit the simulated organization: {changes} ({there}). As used: {kept}"]
    assert YAML(typ="safe").load(kept)["inspector"]["regions"] == ["us-east-2"]


def test_a_mistake_in_settings_is_said_with_the_lines_of_the_file_given(line: Line, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    text = PARAMETERS.read_text(encoding="utf-8").replace("ec2_scan_mode: EC2_HYBRID", "ec2_scan_mode: EC2_HYBRYD")
    file.write_text(text, encoding="utf-8")
    number = next(n for n, each in enumerate(text.splitlines(), 1) if "HYBRYD" in each)
    done = line("rehearse", "-p", str(file))
    assert done.code == 1
    assert f"own.yaml, line {number}: inspector.ec2_scan_mode" in done.err


def test_looking_again_leaves_the_settings_that_lie_there(line: Line, tmp_path: Path) -> None:
    line("rehearse", "-p", str(own(tmp_path, inspector=["us-east-2"])))
    kept = line.served.runs / "simulated-organization" / "settings.yaml"
    before = kept.read_bytes()
    done = line("simulate", newly=False)
    assert done.code == 0, done.err
    assert kept.read_bytes() == before
    assert f"Settings that fit it: {kept}. Try: runbook plan -p {kept} --runs {line.served.runs}" in done.out
    line("rehearse", newly=False)
    assert sorted(YAML(typ="safe").load(kept)) != sorted(YAML(typ="safe").load(before)), "a rehearsal takes what it is given"


SEEDS = {
    "seven": "extends: seven\n",
    "fresh": "extends: fresh\n",
    "another partition": "extends: fresh\npartition: aws-eusc\nregions: [eusc-de-east-1]\nopt_in: []\n",
    "another name and size": "extends: seven\norganization: o-somebodyelse1\nsize: 130\nregions: [us-east-1]\nby_hand: []\n",
}


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_a_simulation_leaves_settings_that_its_organization_bears_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: str
) -> None:
    """What the README says to try next is not refused: the settings name nobody and no Region that is not there."""
    (tmp_path / "mine.yaml").write_text(seed, encoding="utf-8")

    def runbook(*arguments: str) -> Any:
        with pytest.raises(SystemExit) as ended:
            cli.main([*arguments, "--runs", str(tmp_path / "runs")])
        return ended.value.code

    try:
        assert runbook("simulate", "--organization", str(tmp_path / "mine.yaml")) == 0
        out = capsys.readouterr().out
        settings = tmp_path / "runs" / "simulated-organization" / "settings.yaml"
        assert f"Settings that fit it: {settings}." in out
        assert runbook("inventory", "-p", str(settings), "--output", str(tmp_path / "inventory.yaml")) == 0, capsys.readouterr().err
        assert "accounts" in capsys.readouterr().out
    finally:
        assert runbook("simulate", "--stop") == 0


def test_a_command_s_process_has_its_environment_and_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_PROFILE": "real", "https_proxy": "http://proxy.example", "NO_PROXY": "x", "OTHER": "stays"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    before, names = dict(os.environ), ("AWS_PROFILE", "https_proxy", "NO_PROXY", "AWS_ENDPOINT_URL", "OTHER")
    url = "http://127.0.0.1:1"
    with entered({"AWS_ENDPOINT_URL": url, "NO_PROXY": "127.0.0.1", "OTHER": "y"}):
        assert [os.environ.get(name) for name in names] == [None, None, "127.0.0.1", url, "stays"]
    assert dict(os.environ) == before
