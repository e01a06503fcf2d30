"""`runbook lab`: what JupyterLab is started with, without starting it."""

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from runbook_lib.base import project
from runbook_lib.cli import cli
from runbook_lib.cli.lab import laid_out
from runbook_lib.cli.lab.surroundings import surroundings

PROJECT = Path(__file__).parents[1]


class Started:
    """Takes the place of JupyterLab's process."""

    def __init__(self, code: int = 0) -> None:
        self.returncode = code
        self.command: Sequence[str] = ()
        self.env: Mapping[str, str] = {}

    def __call__(self, command: Sequence[str], env: Mapping[str, str], **_: Any) -> "Started":
        self.command, self.env = command, env
        return self

    def wait(self) -> None:
        pass


@pytest.fixture
def live(tmp_path: Path) -> Path:
    file = tmp_path / "acme.yaml"
    text = (PROJECT / "parameters" / "rehearsal.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("mode: rehearsal", "mode: live"), encoding="utf-8")
    return file


def test_loopback_token_and_what_kernels_are_told(live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = Started()
    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("JUPYTER_TOKEN", "known")
    options = ["-p", str(live), "--ticket", "CHG-1", "--no-browser", "--runs", str(tmp_path), "--", "--allow-root"]
    assert CliRunner().invoke(cli, ["lab", *options], catch_exceptions=False, standalone_mode=False).return_value == 0
    assert started.command[1:] == ["-m", "runbook_lib.cli.lab", "--port", "8888", "--no-browser", "--allow-root"]
    assert re.fullmatch("[0-9a-f]{48}", started.env["JUPYTER_TOKEN"])
    told = {name: started.env[name] for name in ("RUNBOOK_PARAMETERS", "RUNBOOK_TICKET", "RUNBOOK_RUNS", "AWS_PROFILE")}
    assert told == {
        "RUNBOOK_PARAMETERS": str(live),
        "RUNBOOK_TICKET": "CHG-1",
        "RUNBOOK_RUNS": str(tmp_path),
        "AWS_PROFILE": "mine",
    }


def test_jupyterlab_s_failure_is_ours(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", Started(3))
    assert CliRunner().invoke(cli, ["lab", "-p", str(live)], catch_exceptions=False, standalone_mode=False).return_value == 1


UNDOING = [
    "--ServerApp.token=", "--IdentityProvider.token=x", "--NotebookApp.token=", "--ServerApp.password=x", "--ip=0.0.0.0",
    "--ServerApp.ip=*", "--sock=/tmp/s", "--ServerApp.allow_origin=*", "--ServerApp.allow_origin_pat=.*",
    "--ServerApp.disable_check_xsrf=True", "--ServerApp.allow_remote_access=True", "--ServerApp.allow_unauthenticated_access=1",
    "--ServerApp.terminals_enabled=True", "--ServerApp.base_url=/x", "--ServerApp.jpserver_extensions={}", "--config=mine.py",
    "--ServerApp.config_file=mine.py", "--notebook-dir=/", "--ServerApp.root_dir=/", "--ContentsManager.allow_hidden=True",
    "--FileContentsManager.root_dir=/", "--ServerApp.contents_manager_class=x", "--ServerApp.identity_provider_class=x",
    "--ServerApp.tornado_settings={}", "--ServerApp.extra_static_paths=/", "--gateway-url=http://x", "--GatewayClient.url=http://x",
    "--transport=tcp", "--KernelManager.transport=tcp", "--LabApp.news_url=http://x", "--LabApp.extension_manager=pypi",
    "--LabServerApp.blocked_extensions_uris=http://x", "--ServerApp.use_redirect_file=False", "--generate-config", "--dev-mode",
    "-y", "list", "notebooks/start.ipynb", "--allow-root=1", "--Kernels.sockets=/tmp", "--Files.runs=/tmp",
]  # fmt: skip


@pytest.mark.parametrize("argument", UNDOING)
@pytest.mark.parametrize("before", [(), ("--allow-root", "--debug"), ("--ServerApp.port_retries", "3", "--log-level=DEBUG")])
def test_arguments_that_undo_the_promises_are_refused_by_name(
    live: Path, monkeypatch: pytest.MonkeyPatch, argument: str, before: tuple[str, ...]
) -> None:
    started = Started()
    monkeypatch.setattr(subprocess, "Popen", started)
    refused = CliRunner().invoke(cli, ["lab", "-p", str(live), "--", *before, argument], standalone_mode=False).exception
    assert isinstance(refused, click.UsageError)
    assert str(refused).startswith(f"{argument.partition('=')[0]}: not taken")
    assert not started.command


def test_other_arguments_are_taken(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = Started()
    monkeypatch.setattr(subprocess, "Popen", started)
    given = ["--allow-root", "--MappingKernelManager.cull_idle_timeout=600", "--browser", "firefox %s", "--debug", "--browser"]
    CliRunner().invoke(cli, ["lab", "-p", str(live), "--", *given], catch_exceptions=False, standalone_mode=False)
    assert list(started.command[-6:]) == given


def test_no_variable_of_jupyter_s_that_opens_it_reaches_the_lab() -> None:
    opening = (
        "JUPYTER_TOKEN_FILE",
        "JUPYTER_GATEWAY_URL",
        "JUPYTERLAB_DIR",
        "JUPYTER_CONFIG_PATH",
        "JPY_SESSION_NAME",
        "JUPYTERHUB_USER",
    )
    given = {
        **dict.fromkeys(opening, "x"),
        "JUPYTER_DATA_DIR": "mine",
        "AWS_PROFILE": "mine",
        "HOME": "/h",
        "JUPYTER_TOKEN": "known",
    }
    ours = {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_TOKEN": "new"}
    assert surroundings(given, "new") == {"JUPYTER_DATA_DIR": "mine", "AWS_PROFILE": "mine", "HOME": "/h", **ours}


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library as if it came as a wheel, with two notebooks."""
    carried = tmp_path / "carried"
    (carried / "notebooks").mkdir(parents=True)
    for name in ("start", "90_coverage"):
        (carried / "notebooks" / f"{name}.ipynb").write_bytes((PROJECT / "notebooks" / f"{name}.ipynb").read_bytes())
    for module in (project, laid_out):
        monkeypatch.setattr(module, "CARRIED", carried)
    return carried / "notebooks"


def test_a_wheel_s_notebooks_are_laid_out_once_and_kernels_are_told_where(
    wheel: Path, live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty := tmp_path / "empty").mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setattr(project, "__file__", str(tmp_path / "site-packages" / "runbook_lib" / "base" / "project.py"))
    started = Started()
    monkeypatch.setattr(subprocess, "Popen", started)
    done = CliRunner().invoke(cli, ["lab", "-p", str(live)], catch_exceptions=False, standalone_mode=False)
    assert done.return_value == 0
    assert f"Laid out 2 notebooks in {empty / 'notebooks'}" in done.output
    assert (empty / "notebooks" / "start.ipynb").read_bytes() == (wheel / "start.ipynb").read_bytes()
    assert started.env["RUNBOOK_PROJECT"] == str(empty)
    again = CliRunner().invoke(cli, ["lab", "-p", str(live)], catch_exceptions=False, standalone_mode=False)
    assert "notebooks" not in again.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace('"outputs": []', '"outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}]'),
            False,
        ),
        (lambda text: text.replace("empty for those of runbook lab", "ours"), False),
        (lambda text: text.replace("open_start", "open_other"), True),
        (lambda text: text[:100], True),
        (lambda text: "{}", True),
    ],
)
def test_a_notebook_of_another_version_is_said_and_stays(
    wheel: Path, tmp_path: Path, change: Callable[[str], str], said: bool
) -> None:
    theirs = tmp_path / "notebooks" / "start.ipynb"
    theirs.parent.mkdir()
    text = change((wheel / "start.ipynb").read_text(encoding="utf-8"))
    assert text != (wheel / "start.ipynb").read_text(encoding="utf-8")
    theirs.write_text(text, encoding="utf-8")
    lines = list(laid_out.lay_out(tmp_path))
    assert lines[0] == f"Laid out 1 notebook in {theirs.parent}"
    assert [line for line in lines[1:] if "not as this version has them: start.ipynb." in line] == lines[1:]
    assert bool(lines[1:]) == said
    assert theirs.read_text(encoding="utf-8") == text


def test_a_checkout_opens_its_own(tmp_path: Path) -> None:
    assert list(laid_out.lay_out(tmp_path)) == []
    assert not (tmp_path / "notebooks").exists()
