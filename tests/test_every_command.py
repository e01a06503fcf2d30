"""Every command with every option of `--help`, on the run that `make rehearse` leaves; cases/commands.yaml has the lines."""

import datetime as dt
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import click
import pytest
from tables import table

from runbook_lib.base.identity import user
from runbook_lib.cli import cli, main
from runbook_lib.cli.simulation import FITTING, today
from runbook_lib.evidence.run.folder import find_runs
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.rehearsal import environment, seed_file
from runbook_lib.settings.file import load

TESTS = Path(__file__).parent
TABLE: dict[str, Any] = table(TESTS / "cases" / "commands.yaml")
KEY = "arn:aws:kms:us-east-1:222222222222:alias/evidence"
"""Named as settings must name one, and asked for by nobody in a rehearsal."""
LINES: list[dict[str, Any]] = TABLE["lines"]
EVERYWHERE = {"help", "version"}


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name, command


COMMANDS = dict(commands(cli))


def parts(command: click.Command) -> Iterator[tuple[str, str]]:
    """Each parameter of a command, and each choice of it."""
    for each in command.params:
        if isinstance(each.type, click.Choice):
            yield from ((each.name or "", choice) for choice in each.type.choices)
        elif each.name not in EVERYWHERE:
            yield each.name or "", ""


def named(words: list[str]) -> str:
    """The command that a line is about."""
    return next(name for number in (2, 1) if (name := " ".join(words[:number])) in COMMANDS)


def used(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """Command, parameter and choice of everything that a line gives, as click itself reads it; and what it leaves to a default."""
    name = named(words)
    command = COMMANDS[name]
    given, _, _ = command.make_parser(click.Context(command)).parse_args(words[name.count(" ") + 1 :])
    for each in command.params:
        value = given.get(each.name or "")
        if isinstance(each.type, click.Choice):
            yield name, each.name or "", str(value or each.default)
        elif value not in (None, ()):
            yield name, each.name or "", ""


def test_several_exit_codes_have_their_reason() -> None:
    assert [line["line"] for line in LINES if isinstance(line.get("exit"), list) and not line.get("why")] == []
    assert {each for line in LINES for each in line.get("known", {})} | {*TABLE["held up"]} <= {"seven", *seed_file.names()}
    assert [line["line"] for line in LINES if "known" in line and {*line["known"].values()} - {*line["exit"]}] == []


def test_no_command_and_no_option_is_left_out() -> None:
    assert set(TABLE["exempt"]) <= set(COMMANDS)
    there = {(name, *part) for name, command in COMMANDS.items() for part in parts(command) if name not in TABLE["exempt"]}
    tried = {each for line in LINES for each in used(shlex.split(line["line"]))}
    assert there - tried == set()
    assert {name for name in COMMANDS if name not in TABLE["exempt"]} == {named(shlex.split(line["line"])) for line in LINES}


@pytest.mark.parametrize("name", TABLE["exempt"])
def test_what_is_left_out_is_tried_elsewhere(name: str) -> None:
    elsewhere = re.findall(r"[a-z_/]+(?:\.py|/)", TABLE["exempt"][name])
    assert elsewhere
    assert all((TESTS / each).exists() for each in elsewhere)


@dataclass
class Desk:
    """A rehearsal that is over, its simulated organization still there, and what lines have made since."""

    organization: str
    runs: Path
    out: Path
    left: dict[str, list[int]]
    """Phase → the exit codes of what is done again in it: what the rehearsal left, is left still."""
    capsys: pytest.CaptureFixture[str]
    names: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """What lines need that a person would have written: settings, a trust policy, a witness's report."""
        self.out.mkdir()
        (run,) = find_runs(self.runs)
        settings = self.runs / "simulated-organization" / FITTING
        text, read = settings.read_text(encoding="utf-8"), load(settings, today())
        waves, people = self.out / "waves.yaml", self.out / "people.yaml"
        region, account = read.home_region, read.organization.management_account
        waves.write_text(f'{text}\nwaves: [{{ name: canary, accounts: ["{account}"] }}]\n', encoding="utf-8")
        people.write_text(
            f"{text}\nevidence: {{ signing_key: {KEY}, trust_policy: {self.out / 'trust.json'} }}\n", encoding="utf-8"
        )
        report = self.out / "report.csv"
        report.write_text(f"ACCOUNT_UID,REGION,CHECK_ID,STATUS\n{account},{region},guardduty_is_enabled,PASS\n", encoding="utf-8")
        (pin,) = (self.runs / KEYS).glob("rehearsal-*.pub.pem")
        made = {
            "runs": self.runs, "out": self.out, "run": run.name, "settings": settings, "waves": waves, "people": people,
            "today": f"{today()}",
            "tomorrow": f"{today() + dt.timedelta(days=1)}",
            "region": region, "delegated": read.access.delegated.role_arn, "management": read.access.management.role_arn,
            "report": report, "pin": pin, "policy": self.policy(read.organization.id, pin),
        }  # fmt: skip
        self.names |= {name: str(value) for name, value in made.items()}

    def policy(self, organization: str, pin: Path) -> Path:
        """A policy for two people, one of whom runs the commands."""
        keys = {name: pem(local_signer(self.out / "people", name).public_key) for name in ("second", "me")}
        people = [
            {"name": "a second person", "key": keys["second"], "may": ["approve", "review"]},
            {"name": "who runs it", "key": keys["me"], "identities": [user()]},
        ]
        policy: dict[str, Any] = {"organization": organization, "approvals": {"rehearsal": 1}, "emergency": True}
        policy |= {"people": people, "runners": [{"mode": "rehearsal", "key": pin.read_text(encoding="ascii")}]}
        file = self.out / "policy.json"
        file.write_text(json.dumps(policy | {"owner": ""}), encoding="utf-8")
        return file

    def filled(self, text: str) -> str:
        return Template(text).substitute(self.names)

    def type(self, line: dict[str, Any]) -> None:
        """Type one line and hold it to what the table expects."""
        words = [self.filled(word) for word in shlex.split(line["line"])]
        before = find_runs(self.runs)
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        said = "".join(self.capsys.readouterr())
        shown = f"$ runbook {shlex.join(words)}\n{said}"
        expected = line.get("known", {}).get(self.organization, line.get("exit", 0))
        if expected == "left":
            expected = max((self.left[phase] for phase in line.get("of", self.left)), key=lambda codes: (max(codes), len(codes)))
            # What is left may lie outside the part that a line is about.
            expected = [0, *expected] if {"--scope", "--wave"} & set(words) else expected
        if ended.value.code not in (expected if isinstance(expected, list) else [expected]):
            self.wrong.append(f"exit code {ended.value.code}, {expected} was expected\n{shown}")
        rest = said
        for pattern in line.get("says", ()):
            quoted = Template(pattern).safe_substitute({name: re.escape(value) for name, value in self.names.items()})
            if (found := re.search(quoted, rest)) is None:
                self.wrong.append(f"not said: {quoted}\n{shown}")
                break
            rest = rest[found.end() :]
        if "Traceback" in said:
            self.wrong.append(shown)
        for name in line.get("writes", ()):
            if not (self.out / name).is_file() or not (self.out / name).stat().st_size:
                self.wrong.append(f"not written: {name}\n{shown}")
        for name, pattern in line.get("take", {}).items():
            found = re.search(pattern, said)
            self.names[name] = found.group(1) if found else "not-said"
        if "run" in line:
            self.names[line["run"]] = next((each.name for each in find_runs(self.runs) if each not in before), "no-run")


def rehearsed(folder: Path, capsys: pytest.CaptureFixture[str], organization: str) -> Desk:
    """What `make rehearse ARGS=--keep` leaves."""
    more = () if organization == "default" else ("--organization", organization)
    runs = folder / "runs"
    with pytest.raises(SystemExit) as ended:
        main(["rehearse", "--keep", "--runs", str(runs), *more])
    said = "".join(capsys.readouterr())
    assert ended.value.code in ([1] if organization in TABLE["held up"] else [0, 2]), said
    (run,) = find_runs(runs)
    record = run.record()
    statuses = {phase: found["status"] for phase, found in record["phases"].items()}
    statuses |= dict.fromkeys(record["results"].get("not attempted", ()), "failed")
    # A phase that could not be applied, since an earlier one is blocked: whatever is planned there still is left, or fails.
    codes = {"done": [0], "left-over": [2], "failed": [1, 2]}
    return Desk(organization, runs, folder / "out", {phase: codes[status] for phase, status in statuses.items()}, capsys)


EVERY = [("seven", False), *(pytest.param(name, True, marks=pytest.mark.soak) for name in seed_file.names())]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("organization", "long"), EVERY)
def test_every_command_on_what_a_rehearsal_leaves(
    organization: str, long: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(TESTS.parent)
    monkeypatch.delenv("RUNBOOK_RUNS", raising=False)
    try:
        desk = rehearsed(tmp_path, capsys, organization)
        desk.prepare()
        for line in LINES:
            if long or not line.get("long"):
                desk.type(line)
        assert not desk.wrong, "\n\n".join(desk.wrong)
    finally:
        environment.stop(tmp_path / "runs" / "simulated-organization")
        environment.stop(tmp_path / "out" / "second" / "simulated-organization")
