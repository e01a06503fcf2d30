"""Every door that does not open is told in one sentence and one next step, before there is a run; cases/doors.yaml has them all."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from botocore.credentials import SSOProvider
from botocore.tokens import SSOTokenProvider
from corporate import Corporate, certificate
from ruamel.yaml import YAML

from runbook_lib.aws import keys
from runbook_lib.cli import main

TABLE: dict[str, Any] = YAML(typ="safe").load(Path(__file__).parents[1] / "cases" / "doors.yaml")
CASES: list[dict[str, Any]] = TABLE["cases"]
SETTINGS = """
mode: live
organization: { id: o-exampleorgid, management_account: "111122223333", delegated_account: "444455556666" }
access:
  management: %s
  delegated: { role_arn: "arn:aws:iam::444455556666:role/R" }
guardduty: { regions: [us-east-1], management_account: true }
"""
PROCESS_SECONDS = 15
"""From the first byte to the prompt, on a machine of its own; here others work too."""
CROWDED = 4


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("authority"))


class Desk:
    """Where an operator sits in one case: files, variables, the network."""

    def __init__(self, case: dict[str, Any], home: Path, certificates: tuple[Path, Path]) -> None:
        self.case, self.home = case, home
        self.names = {"home": str(home), "again": TABLE["again"], "keys": TABLE["keys"]}
        for name in ("config", "credentials"):
            (home / name).write_text(self.filled(case.get(name, "")), encoding="utf-8")
        for name, text in case.get("files", {}).items():
            (home / name).write_text(text, encoding="utf-8")
            (home / name).chmod(0o700 if name.endswith("x") else 0o600)
        self.settings = home / "acme.yaml"
        self.settings.write_text(SETTINGS % json.dumps(case.get("settings", {"profile": "acme"})), encoding="utf-8")
        self.cache = home / ".aws" / "sso" / "cache"
        self.cache.mkdir(parents=True)
        self.sign_in()
        self.network: Corporate | None = None
        proxy = "http://127.0.0.1:9"
        if case.get("connect") != "dead":
            answers = [(pattern, given) for pattern, given in case.get("answers", ())]
            self.network = Corporate(answers, case.get("connect", 200))
            proxy = self.network.start(certificates[0])
        trusted = {"AWS_CA_BUNDLE": str(certificates[1])} if case.get("trusted", True) else {}
        self.environment = {
            "HOME": str(home), "AWS_CONFIG_FILE": str(home / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true", "HTTPS_PROXY": proxy.replace("http://", f"http://{case.get('user', '')}"),
            "NO_PROXY": "", "PATH": os.environ["PATH"], "RUNBOOK_RUNS": str(home / "runs"), **trusted,
            **{name: self.filled(value) for name, value in case.get("environment", {}).items()},
        }  # fmt: skip

    def filled(self, text: str) -> str:
        return Template(text).safe_substitute(self.names)

    def sign_in(self) -> None:
        """What is kept of a sign-in to IAM Identity Center."""
        if token := self.case.get("token"):
            for name in ("corp", "https://example.awsapps.com/start"):
                text = "{" if token == "broken" else json.dumps(token)
                (self.cache / f"{hashlib.sha1(name.encode()).hexdigest()}.json").write_text(text)

    def hold(self, code: Any, stdout: str, stderr: str) -> None:
        """What was printed is the sentence and the next step, nothing has begun, and nobody was told what is secret."""
        assert code == 1, stderr
        assert stdout == ""
        assert re.fullmatch(self.filled(self.case["says"]) + "\n", stderr), stderr
        assert "Traceback" not in stderr
        assert not [secret for secret in (*self.case.get("never", ()), "secretsecretsecret") if secret in stderr]
        assert not (self.home / "runs").exists()

    def close(self) -> None:
        if self.network is not None:
            self.network.stop()


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path, certificates: tuple[Path, Path]) -> Iterator[Desk]:
    made = Desk(request.param, tmp_path, certificates)
    yield made
    made.close()


def named(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("desk", cases, ids=[each["name"] for each in cases], indirect=True)


def sit_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process have what the desk's has."""
    for name in [each for each in os.environ if each.startswith("AWS_") or each.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    for provider in (SSOProvider, SSOTokenProvider):  # they looked for HOME when botocore was imported
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(desk.cache))
    if desk.case.get("slow"):
        monkeypatch.setattr(keys, "PROCESS_SECONDS", 0.2)
        desk.case = {**desk.case, "says": desk.case["says"].replace("10 seconds", "0.2 seconds")}


@named(CASES)
def test_what_the_operator_sees(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sit_down(desk, monkeypatch)
    with pytest.raises(SystemExit) as ended:
        main(["plan", "-p", str(desk.settings)])
    desk.hold(ended.value.code, *capsys.readouterr())


def ask_the_doctor(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Sentence and step are the first door's line; the other door, clock and evidence have theirs all the same."""
    sit_down(desk, monkeypatch)
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "-p", str(desk.settings)])
    out, said = capsys.readouterr()
    assert (ended.value.code, said) == (1, "")
    line = "|".join(f"fail +door +(?:{each})" for each in desk.filled(desk.case["says"]).replace("\n", "\n +").split("|"))
    assert re.match(line, out), out
    assert len(re.findall(r"^(?:pass|fail) +door ", out, re.MULTILINE)) == 2
    assert all(f"{area} " in out for area in ("clock", "permissions", "evidence"))
    assert "Traceback" not in out
    assert not [secret for secret in (*desk.case.get("never", ()), "secretsecretsecret") if secret in out]
    assert not (desk.home / "runs").exists()


@named([each for each in CASES if each.get("process")])
def test_the_doctor_says_the_same_of_that_door_and_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_the_doctor(desk, monkeypatch, capsys)


@pytest.mark.soak
@named([each for each in CASES if not each.get("process")])
def test_the_doctor_says_the_same_of_all_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_the_doctor(desk, monkeypatch, capsys)


def try_as_a_process(desk: Desk) -> None:
    began = time.monotonic()
    command = [sys.executable, "-m", "runbook_lib", "plan", "-p", str(desk.settings)]
    done = subprocess.run(command, env=desk.environment, capture_output=True, text=True, check=False, timeout=120)
    took = time.monotonic() - began
    desk.hold(done.returncode, done.stdout, done.stderr)
    assert took <= PROCESS_SECONDS * CROWDED, f"took {took:.1f} s"


@named([each for each in CASES if each.get("process")])
def test_what_the_terminal_shows(desk: Desk) -> None:
    try_as_a_process(desk)


@pytest.mark.soak
@named([each for each in CASES if not each.get("process")])
def test_what_the_terminal_shows_of_all_others(desk: Desk) -> None:
    try_as_a_process(desk)
