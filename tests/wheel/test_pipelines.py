"""The pipelines that `runbook new` lays out, step by step as a runner runs them, on the simulated organization."""

import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest
from installed_wheel import Installed, bare_environment
from ruamel.yaml import YAML


class Tokens(http.server.BaseHTTPRequestHandler):
    """Gives out tokens of a job, as GitHub does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"value": self.headers["Authorization"].partition(" ")[2].upper()}).encode())

    def log_message(self, *_: Any) -> None:
        """Nothing is said."""


@contextmanager
def tokens() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token?job=1"
        server.shutdown()


def step(repository: Path, name: str, around: Mapping[str, str]) -> tuple[int, str]:
    """Run the step of a workflow that has its name; its exit code, and all it said."""
    jobs = YAML(typ="safe").load(repository / f".github/workflows/runbook-{name.lower()}.yaml")["jobs"].values()
    (script,) = (step["run"] for job in jobs for step in job["steps"] if step.get("name") == name)
    log = repository.parent / f"{name}.log"
    with log.open("wb") as file:
        shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=repository, env=dict(around), stdout=file,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        code = shell.wait()
    # A runner ends what a job leaves behind: here, what keeps the token fresh.
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGTERM)
    return code, log.read_text(encoding="utf-8")


@pytest.mark.soak
def test_github_s_jobs_plan_apply_what_was_signed_and_watch(installed: Installed, tmp_path: Path) -> None:
    assert installed.run("runbook", "new", "acme", at=tmp_path).returncode == 0
    acme, temporary = tmp_path / "acme", tmp_path / "temporary"
    temporary.mkdir()
    started = installed.run("runbook", "simulate", "--organization", "seven", at=acme)
    assert started.returncode == 0, started.stdout
    try:
        settings = (acme / "runs" / "simulated-organization" / "settings.yaml").read_text(encoding="utf-8")
        (acme / "parameters" / "acme.yaml").write_text(settings, encoding="utf-8")
        with tokens() as url:
            around = {
                **bare_environment(), "PATH": f"{installed.folder / 'bin'}:{os.environ['PATH']}", "NO_PROXY": "*",
                "RUNNER_TEMP": str(temporary), "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"), "CHANGE": "CHG-1",
                "ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
            }  # fmt: skip
            code, said = step(acme, "Plan", around)
            assert code == 0, said
            assert (temporary / "token").read_text(encoding="utf-8") == "SECRET"
            assert "runbook-delegated-read" in (temporary / "aws").read_text(encoding="utf-8")
            assert "secret" not in said.lower()
            (run,) = (acme / "runs").glob("2*")
            key = str(tmp_path / "second.pem")
            assert installed.run("runbook", "evidence", "key", key, at=acme).returncode == 0
            signing = ["approve", run.name, "--ticket", "CHG-1", "--key", key, "--out", "approvals/CHG-1"]
            signed = installed.run("runbook", *signing, at=acme)
            assert signed.returncode == 0, signed.stdout
            assert step(acme, "Apply", {**around, "CHANGE": "../CHG-1"})[0] == 1
            code, said = step(acme, "Apply", around)
            assert code == 0, said
            assert "runbook-delegated-change" in (temporary / "aws").read_text(encoding="utf-8")
            code, said = step(acme, "Coverage", around)
            assert code == 0, said
            assert "100.0 %" in (temporary / "summary.md").read_text(encoding="utf-8")
    finally:
        installed.run("runbook", "simulate", "--stop", at=acme)


ARTIFACTS = "artifacts.zip"


class Artifacts(http.server.BaseHTTPRequestHandler):
    """Gives out the artifacts of one job, as GitLab does to a job of the same project."""

    folder: Path
    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["JOB-TOKEN"] or ""))
        found = self.path == "/api/v4/projects/7/jobs/41/artifacts"
        self.send_response(200 if found else 404)
        self.end_headers()
        if found:
            self.wfile.write((self.folder / ARTIFACTS).read_bytes())

    def log_message(self, *_: Any) -> None:
        """Nothing is said."""


def gitlab_job(repository: Path, name: str, around: Mapping[str, str]) -> tuple[int, str]:
    """Run a job's scripts as GitLab's runner does: one shell, that ends at the first line that fails. Its artifacts are kept.

    What it installs is there already: no registry is asked.
    """
    jobs = YAML(typ="safe").load(repository / ".gitlab-ci.yml")
    job = {**jobs[jobs[name]["extends"]], **jobs[name]}
    lines = [line for line in (*job["before_script"], *job["script"]) if "pip install" not in line]
    token = dict.fromkeys(job["id_tokens"], "job-token")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", "\n".join(lines)], cwd=repository, env={**around, **token},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    with zipfile.ZipFile(repository.parent / ARTIFACTS, "w") as kept:
        for path in (each for pattern in job["artifacts"]["paths"] for each in repository.glob(f"{pattern}/**/*")):
            kept.write(path, path.relative_to(repository))
    return done.returncode, done.stdout


@pytest.mark.soak
def test_gitlab_s_jobs_plan_apply_what_was_signed_and_watch(installed: Installed, tmp_path: Path) -> None:
    """The applying job has a checkout of its own, as with a runner: the plans come to it as the planning job's artifact."""
    assert installed.run("runbook", "new", "acme", "--ci", "gitlab", at=tmp_path).returncode == 0
    acme = tmp_path / "acme"
    started = installed.run("runbook", "simulate", "--organization", "seven", at=acme)
    assert started.returncode == 0, started.stdout
    try:
        settings = (acme / "runs" / "simulated-organization" / "settings.yaml").read_text(encoding="utf-8")
        (acme / "parameters" / "acme.yaml").write_text(settings, encoding="utf-8")
        Artifacts.folder = tmp_path
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Artifacts) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            around = {
                **bare_environment(), "PATH": f"{installed.folder / 'bin'}:{os.environ['PATH']}", "NO_PROXY": "*",
                "CI_PROJECT_DIR": str(acme), "CI_JOB_ID": "41", "CI_PROJECT_ID": "7", "CI_JOB_TOKEN": "secret",
                "CI_API_V4_URL": f"http://127.0.0.1:{server.server_port}/api/v4", "PLAN_JOB": "41", "CHANGE": "CHG-1",
            }  # fmt: skip
            code, said = gitlab_job(acme, "plan", around)
            assert code == 2, said
            assert "runbook-delegated-read" in (tmp_path / "acme.tmp" / "aws").read_text(encoding="utf-8")
            (run,) = (acme / "runs").glob("2*")
            key = str(tmp_path / "second.pem")
            assert installed.run("runbook", "evidence", "key", key, at=acme).returncode == 0
            signing = ["approve", run.name, "--ticket", "CHG-1", "--key", key, "--out", "approvals/CHG-1"]
            signed = installed.run("runbook", *signing, at=acme)
            assert signed.returncode == 0, signed.stdout
            shutil.rmtree(run)
            artifact = (tmp_path / ARTIFACTS).read_bytes()
            for wrong in ({"CHANGE": "../CHG-1"}, {"PLAN_JOB": "41/../42"}, {"PLAN_JOB": "42"}):
                assert gitlab_job(acme, "apply", {**around, **wrong})[0] not in (0, 2), wrong
                (tmp_path / ARTIFACTS).write_bytes(artifact)
            code, said = gitlab_job(acme, "apply", around)
            assert code == 0, said
            assert "secret" not in said
            assert ("/api/v4/projects/7/jobs/41/artifacts", "secret") in Artifacts.asked
            assert "runbook-delegated-change" in (tmp_path / "acme.tmp" / "aws").read_text(encoding="utf-8")
            code, said = gitlab_job(acme, "coverage", around)
            assert code == 0, said
            assert "100.0 %" in said
            server.shutdown()
    finally:
        installed.run("runbook", "simulate", "--stop", at=acme)
