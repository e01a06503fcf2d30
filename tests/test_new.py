"""`runbook new`: what it lays out works as it lies there, and every pipeline in it says what the command line takes."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import click
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from runbook_lib import __version__
from runbook_lib.cli import cli
from runbook_lib.cli.new import GITHUB, GITLAB, SAMPLES, laid_out
from runbook_lib.cli.simulation import today
from runbook_lib.evidence.people.trust import read_policy
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.settings.file import load

WORKFLOWS = [path for path in GITHUB if path.startswith(".github/")]
PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40}")


def new(*words: str) -> Result:
    return CliRunner().invoke(cli, ["new", *words], catch_exceptions=False, standalone_mode=False)


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "acme"
    assert new(str(folder)).return_value == 0
    return folder


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def test_the_settings_are_valid_and_are_the_same_for_roles_that_read_and_that_change(acme: Path) -> None:
    file = acme / "parameters" / "acme.yaml"
    settings = load(file, today())
    assert (settings.access.management.profile, settings.access.delegated.profile) == ("management", "delegated")
    assert settings.network is None, "nobody's endpoint, certificates and proxy"
    assert "role_arn" not in file.read_text(encoding="utf-8").split("access:")[1].split("names:")[0]
    (schema,) = re.findall(r"^# yaml-language-server: \$schema=(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert "security_hub" in json.loads((file.parent / schema).read_text(encoding="utf-8"))["properties"]


def test_the_workflows_answer_for_nothing_until_somebody_says_so(acme: Path) -> None:
    done = CliRunner().invoke(cli, ["workflows", "-p", str(acme / "parameters" / "acme.yaml")], standalone_mode=False)
    assert done.return_value == 2
    assert "0 of " in done.output
    assert "settings have no" not in done.output


def test_the_trust_policy_is_one_once_keys_are_in_it(acme: Path, tmp_path: Path) -> None:
    text = (acme / "trust" / "acme.policy.json").read_text(encoding="utf-8")
    policy = json.loads(text)
    for kind in ("runners", "people"):
        policy[kind][0]["key"] = pem(local_signer(tmp_path, kind).public_key)
    local_signer(tmp_path, "owner")
    filled, made = tmp_path / "policy.json", tmp_path / "acme.json"
    filled.write_text(json.dumps(policy), encoding="utf-8")
    words = ["evidence", "trust", str(filled), str(made), "--key", str(tmp_path / "owner.pem")]
    assert CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False).return_value == 0
    assert read_policy(made).needed("live") == 1
    untouched = ["evidence", "trust", str(acme / "trust" / "acme.policy.json"), str(made), "--key", str(tmp_path / "owner.pem")]
    assert CliRunner().invoke(cli, untouched, standalone_mode=False).exit_code == 1


def test_nothing_is_overwritten_and_what_was_kept_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "README.md").write_text("ours\n", encoding="utf-8")
    (folder / ".gitignore").symlink_to(tmp_path / "elsewhere")
    first = new(str(folder))
    assert first.return_value == 2
    assert f"{folder / 'README.md'}: is there already, and is left as it is" in first.output
    assert f"{folder / '.gitignore'}: is there already, and is left as it is" in first.output
    assert (folder / "README.md").read_text(encoding="utf-8") == "ours\n"
    assert not (tmp_path / "elsewhere").exists()
    there = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    (folder / "README.md").write_text(laid_out("acme", "both")["README.md"], encoding="utf-8")
    (folder / ".gitignore").unlink()
    again = new(str(folder))
    assert again.return_value == 0
    assert str(folder / ".gitignore") in again.output
    assert all(path.stat().st_mtime_ns == when for path, when in there.items() if path.name not in ("README.md", ".gitignore"))


@pytest.mark.parametrize(("folder", "words"), [("a b", "names the settings too"), ("file", "is a file; a folder is expected")])
def test_what_can_be_no_repository_is_refused(tmp_path: Path, folder: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(click.BadParameter, match=words):
        new(str(tmp_path / folder))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("ci", SAMPLES)
def test_whose_pipelines_are_laid_out(ci: str) -> None:
    there = set(laid_out("acme", ci))
    assert there.intersection(GITHUB | GITLAB) == set(SAMPLES[ci]) - {"ci/doors.sh", "ci/README.md"}
    assert f"incident-detection-runbook=={__version__}\n" in laid_out("acme", ci)["requirements.txt"]
    assert not any(re.search(r"@[a-z]+@", text) for path, text in laid_out("acme", ci).items() if "schema" not in path)


# What the pipelines say.


def scripts(acme: Path) -> Iterator[tuple[str, str]]:
    """Every script of every pipeline, by where it stands."""
    for path in WORKFLOWS:
        for job in read(acme / path)["jobs"].values():
            yield from ((f"{path}: {step.get('name', 'run')}", step["run"]) for step in job["steps"] if "run" in step)
    for name, job in read(acme / ".gitlab-ci.yml").items():
        if isinstance(job, dict):
            yield f".gitlab-ci.yml: {name}", "\n".join([*job.get("before_script", ()), *job.get("script", ())])


def runbook_lines(text: str) -> list[list[str]]:
    """The words of each command line of ours in a text; what a shell puts in their place stands for one approval."""
    found = re.findall(r"(?:^|`)runbook ([^`\n]+)", text, re.MULTILINE)
    ends = re.compile(r"\s+(?:\|\||&&|\||>|#).*|>\S.*")
    return [shlex.split(ends.sub("", line).replace('"$@"', "--approval approvals/CHG-1/a.json")) for line in found]


def parsed(words: list[str]) -> str:
    """The name of the command that takes these words, as click reads them; fails where it does not."""
    group: click.Group = cli
    context = click.Context(cli)
    for number, word in enumerate(words):
        command = group.get_command(context, word)
        assert command is not None, words
        context = click.Context(command, info_name=word, parent=context)
        if not isinstance(command, click.Group):
            command.parse_args(context, words[number + 1 :])
            return command.name or ""
        group = command
    raise AssertionError(words)


def test_every_line_in_the_pipelines_is_one_that_the_command_line_takes(acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(acme)
    found = {where: [parsed(words) for words in runbook_lines(text)] for where, text in scripts(acme)}
    assert {where: names for where, names in found.items() if names} == {
        ".github/workflows/runbook-plan.yaml: Plan": ["plan"],
        ".github/workflows/runbook-apply.yaml: Apply": ["apply"],
        ".github/workflows/runbook-coverage.yaml: Coverage": ["coverage"],
        ".gitlab-ci.yml: plan": ["plan"],
        ".gitlab-ci.yml: apply": ["apply"],
        ".gitlab-ci.yml: coverage": ["coverage"],
    }


@pytest.mark.parametrize("page", ["README.md", "ci/README.md"])
def test_every_line_in_the_pages_is_one_that_the_command_line_takes(
    acme: Path, page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(acme)
    text = (acme / page).read_text(encoding="utf-8")
    for key in ("KEY.pem", "OWNER.pem"):
        (tmp_path / key).touch()
        text = text.replace(key, str(tmp_path / key))
    assert [parsed(words) for words in runbook_lines(text)]


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_shells_read_every_script(acme: Path, ci: str) -> None:
    files = [(path.name, path.read_text(encoding="utf-8")) for path in (acme / "ci").glob("*.sh")]
    for where, text in [*files, *((where, text) for where, text in scripts(acme) if ci in where)]:
        done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), where


def test_github_runs_nothing_that_somebody_else_may_change_and_gives_jobs_what_they_need(acme: Path) -> None:
    for path in WORKFLOWS:
        workflow = read(acme / path)
        assert workflow["permissions"] == {}
        assert "pull_request_target" not in workflow.get("on", workflow.get(True))
        for job in workflow["jobs"].values():
            assert set(job["permissions"]) <= {"actions", "contents", "id-token"}
            assert all(right == "read" for name, right in job["permissions"].items() if name != "id-token")
            for step in job["steps"]:
                assert "uses" not in step or PINNED.fullmatch(step["uses"])
                assert "${{" not in step.get("run", ""), "what somebody typed would be run as a script"
                assert "checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] is False


def test_nobody_changes_anything_at_the_same_time_or_is_cut_short(acme: Path) -> None:
    apply = read(acme / ".github/workflows/runbook-apply.yaml")
    assert apply["concurrency"] == {"group": "runbook-apply", "cancel-in-progress": False}
    assert apply["jobs"]["apply"]["timeout-minutes"] > 300
    gitlab = read(acme / ".gitlab-ci.yml")
    assert gitlab["apply"]["resource_group"]
    assert gitlab[".runbook"]["interruptible"] is False
    assert {job["extends"] for name, job in gitlab.items() if isinstance(job, dict) and name != ".runbook"} == {".runbook"}


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_only_the_environment_of_changes_may_change(acme: Path, ci: str) -> None:
    change = json.loads((acme / "ci" / f"{ci}-trust-change.json").read_text(encoding="utf-8"))["Statement"][0]["Condition"]
    claims = {name.partition(":")[2]: value for name, value in change["StringEquals"].items()}
    assert set(change) == {"StringEquals"}, "no pattern lets another in"
    if ci == "github":
        environment = read(acme / ".github/workflows/runbook-apply.yaml")["jobs"]["apply"]["environment"]
        assert re.fullmatch(rf"repo:[a-z]+-\d+/[a-z]+-\d+:environment:{environment}", claims["sub"])
        assert claims["job_workflow_ref"].partition("@")[0].removeprefix("acme/security/") in WORKFLOWS
    else:
        assert claims["sub"].endswith(":ref_type:branch:ref:main")


@pytest.mark.parametrize("kind", ["read", "change"])
def test_the_doors_are_profiles_that_assume_each_role_by_the_token(acme: Path, tmp_path: Path, kind: str) -> None:
    around = {"PATH": os.environ["PATH"], "OIDC_TOKEN_FILE": str(tmp_path / "token"), "AWS_CONFIG_FILE": str(tmp_path / "aws")}
    subprocess.run(["bash", "ci/doors.sh", kind], cwd=acme, env=around, check=True)
    assert (tmp_path / "aws").stat().st_mode & 0o077 == 0
    session = botocore.session.Session()
    session.set_config_variable("config_file", str(tmp_path / "aws"))
    profiles: Mapping[str, Mapping[str, str]] = session.full_config["profiles"]
    assert {name: each["role_arn"].partition("/")[2] for name, each in profiles.items()} == {
        "management": f"runbook-management-{kind}",
        "delegated": f"runbook-delegated-{kind}",
        "evidence": "runbook-evidence",
    }
    assert {each["web_identity_token_file"] for each in profiles.values()} == {str(tmp_path / "token")}
    settings = load(acme / "parameters" / "acme.yaml", today())
    assert settings.evidence is not None
    assert {settings.access.management.profile, settings.access.delegated.profile, settings.evidence.profile} == set(profiles)
    refused = subprocess.run(["bash", "ci/doors.sh", "all"], cwd=acme, env=around, check=False, capture_output=True)
    assert refused.returncode == 1


def test_the_roles_are_those_that_requirements_prints(acme: Path) -> None:
    words = ["requirements", "-p", str(acme / "parameters" / "acme.yaml")]
    printed = CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False).output
    named = set(re.findall(r"runbook-(?:management|delegated|evidence)(?:-(?:read|change))?(?=[`, \n])", printed))
    page = set(
        re.findall(r"`(runbook-(?:management|delegated|evidence)[a-z-]*)`", (acme / "ci/README.md").read_text(encoding="utf-8"))
    )
    assert page
    assert page <= named


def test_a_token_that_cannot_be_fetched_ends_the_job_and_leaves_nothing(acme: Path, tmp_path: Path) -> None:
    """Nobody listens on the discard port of this machine."""
    around = {
        "PATH": os.environ["PATH"], "OIDC_TOKEN_FILE": str(tmp_path / "token"), "NO_PROXY": "*",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9/?a=b", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
    }  # fmt: skip
    done = subprocess.run(["bash", "ci/github-token.sh"], cwd=acme, env=around, check=False, capture_output=True)
    assert done.returncode != 0
    assert not (tmp_path / "token").exists()


# Judged by others.


def judged(program: str, *words: str, at: Path) -> subprocess.CompletedProcess[str]:
    file = Path(sys.executable).with_name(program)
    return subprocess.run([str(file), *words], cwd=at, check=False, capture_output=True, text=True)


def test_github_s_and_gitlab_s_schemas_hold(acme: Path) -> None:
    for schema, files in (("github-workflows", WORKFLOWS), ("gitlab-ci", [".gitlab-ci.yml"])):
        done = judged("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files, at=acme)
        assert done.returncode == 0, done.stdout


def test_zizmor_finds_nothing_unsafe(acme: Path, tmp_path: Path) -> None:
    done = judged("zizmor", "--offline", "--pedantic", *WORKFLOWS, at=acme)
    assert done.returncode == 0, done.stdout
    loose = tmp_path / "loose.yaml"
    text = (acme / WORKFLOWS[0]).read_text(encoding="utf-8")
    loose.write_text(re.sub(r"@[0-9a-f]{40}", "@v6", text), encoding="utf-8")
    assert judged("zizmor", "--offline", str(loose), at=tmp_path).returncode != 0
