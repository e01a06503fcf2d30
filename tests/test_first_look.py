"""Coverage without settings: who you are, where that stands, exactly how many reads, and nobody left out of what is counted."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from doors import Served, served
from simulated import copied

from runbook_lib.cli import main
from runbook_lib.rehearsal.policies import managed
from runbook_lib.rehearsal.world import World

MANAGEMENT, DELEGATED = ("111111111111", "RunbookManagement"), ("222222222222", "RunbookDelegated")
READS = re.compile(r"Reads: ([\d,]+) in all, (\d+) made so far and (\d+) to come; (?:none|(\d+)) of them w(?:as|ere) denied")


@pytest.fixture(scope="module")
def half_done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, World]]:
    with served("half-done", tmp_path_factory.mktemp("look")) as made:
        yield made, copied(made.front.world)


@dataclass
class Looked:
    """One look: what was printed, and what the simulated AWS was asked."""

    code: int
    table: dict[str, Any]
    said: str
    asked: Counter[str]
    denied: Counter[str]

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.table["counts"]["in scope"]
        return counts


@dataclass
class Desk:
    organization: Served
    capture: pytest.CaptureFixture[str]

    def look(self, *arguments: str) -> Looked:
        log = self.organization.front.log
        before, _ = len(log.entries), self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["coverage", "--rehearsal", "--format", "json", "--runs", str(self.organization.runs), *arguments])
        said = self.capture.readouterr()
        entries = [each for each in list(log.entries)[before:] if each.service != "sts"]
        assert not [each for each in entries if each.mutating], "no operation that writes is loaded"
        names = [(f"{each.service}:{each.operation}", each.code.startswith("AccessDenied")) for each in entries]
        assert isinstance(ended.value.code, int)
        return Looked(
            ended.value.code, json.loads(said.out), said.err, Counter(name for name, _ in names),
            Counter(name for name, no in names if no),
        )  # fmt: skip

    def attach(self, door: tuple[str, str], document: dict[str, Any]) -> None:
        self.organization.front.world.organization.accounts[door[0]].roles[door[1]].policies = (json.dumps(document),)


@pytest.fixture
def desk(
    half_done: tuple[Served, World], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:  # fmt: skip
    organization, world = half_done
    organization.front.adopt(copied(world))
    for name, value in organization.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("runbook_lib.cli.running.kernel_environment", lambda settings, runs: organization.environment)
    return Desk(organization, capsys)


def role(door: tuple[str, str]) -> tuple[str, str]:
    return "--role", f"arn:aws:iam::{door[0]}:role/{door[1]}"


def as_printed(looked: Looked) -> None:
    """The number of reads and of denials is the one that was printed."""
    found = READS.search(looked.said)
    assert found, looked.said
    assert int(found[1].replace(",", "")) == looked.asked.total() == int(found[2]) + int(found[3])
    assert int(found[4] or 0) == looked.denied.total()


@pytest.mark.parametrize("policy", ["SecurityAudit", "ReadOnlyAccess", ""])
@pytest.mark.parametrize("door", [MANAGEMENT, DELEGATED], ids=["management", "delegated"])
def test_every_account_region_and_service_is_counted_whatever_is_denied(desk: Desk, door: tuple[str, str], policy: str) -> None:
    if policy:
        desk.attach(door, managed.document(policy))
    looked = desk.look(*role(door))
    as_printed(looked)
    enabled = [each for each in looked.table["cells"] if each["aspect"] == "enabled"]
    sizes = Counter[tuple[str, str]]()
    for each in enabled:
        sizes[each["service"], each["region"]] += len(accounts_of(looked.table, each))
    assert set(sizes.values()) == {60}
    assert len(sizes) == 3 * 3
    # account:ListRegions, in the place of which EC2 is asked: once, whatever the number of accounts.
    assert looked.denied == ({"account:ListRegions": 1} if policy == "SecurityAudit" else {})
    assert looked.code == 2
    assert "Traceback" not in looked.said


def accounts_of(table: dict[str, Any], cell: dict[str, Any]) -> list[str]:
    accounts: list[str] = table["account_sets"][cell["account_set"]]
    return accounts


def test_the_administrator_sees_who_is_not_covered(desk: Desk) -> None:
    looked = desk.look(*role(DELEGATED))
    assert "That is a delegated administrator of " in looked.said
    assert (looked.counts["covered"], looked.counts["gap"], looked.counts["unknown"]) == (83, 262, 168)
    assert "not on for 57 accounts in 3 Regions (114 places)" in looked.said
    assert "with a profile of account 111111111111" in looked.said


def test_the_management_account_sees_who_administers_and_is_told_who_sees_the_rest(desk: Desk) -> None:
    looked = desk.look(*role(MANAGEMENT))
    assert "That is the management account in organization o-rehearsal001" in looked.said
    assert "nobody administers it in 2 Regions" in looked.said
    assert "168 places of GuardDuty. Give the same command with a profile of account 222222222222." in looked.said


def test_a_plain_member_sees_itself_and_who_is_above_it(desk: Desk) -> None:
    looked = desk.look("--profile", "rehearsal-runner")
    assert "That is a plain member account in organization o-rehearsal001" in looked.said
    assert re.search(r"account 222222222222 administers \w+ in this account", looked.said)
    assert looked.denied == {"organizations:ListDelegatedAdministrators": 1}
    as_printed(looked)
    assert {account for each in looked.table["cells"] for account in accounts_of(looked.table, each)} == {"333333333333"}


def test_regions_may_be_named_and_names_left_out(desk: Desk) -> None:
    looked = desk.look(*role(DELEGATED), "--regions", "us-east-2", "--hide-names")
    as_printed(looked)
    assert {each["region"] for each in looked.table["cells"]} == {"us-east-2"}
    assert "Self-made security" not in json.dumps(looked.table)


@pytest.mark.parametrize("given", ["profile", "role"])
def test_another_partition_is_found_by_the_profiles_region_or_the_roles_arn(
    given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but the door is given; in the wrong partition AWS does not know the key."""
    with served("govcloud", tmp_path) as made:
        monkeypatch.setattr("runbook_lib.cli.running.kernel_environment", lambda settings, runs: made.environment)
        door = {"profile": made.environment["AWS_PROFILE"], "role": f"arn:aws-us-gov:iam::{DELEGATED[0]}:role/{DELEGATED[1]}"}[
            given
        ]
        looked = Desk(made, capsys).look(f"--{given}", door)
    as_printed(looked)
    assert {each["region"] for each in looked.table["cells"]} == {"us-gov-east-1", "us-gov-west-1"}


def test_what_a_policy_denies_in_one_region_is_denied_once_and_said(desk: Desk) -> None:
    """One probe of each kind: sixty accounts in three Regions are no sixty denials."""
    kept = {
        "NotAction": ["guardduty:GetMembers", "organizations:ListAWSServiceAccessForOrganization"],
        "Effect": "Allow",
        "Resource": "*",
    }
    desk.attach(DELEGATED, {"Version": "2012-10-17", "Statement": [kept]})
    looked = desk.look(*role(DELEGATED))
    as_printed(looked)
    assert looked.denied == {"guardduty:GetMembers": 1, "organizations:ListAWSServiceAccessForOrganization": 1}
    assert "Allow guardduty:GetMembers to the role used in account 222222222222" in looked.said
    assert "could not be read (organizations:ListAWSServiceAccessForOrganization)" in looked.said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["coverage"], "give the settings of an organization"),
        (["coverage", "-p", "x.yaml", "--profile", "y"], "give the settings of an organization"),
        (["coverage", "--profile", "y", "--since", "some-run"], "--since compares with a run of the same settings"),
        (["coverage", "--profile", "x", "--regions", "us-eest-1"], "'us-eest-1' is not an AWS Region"),
        (["coverage", "--profile", "x", "--regions", "us-east-1,us-gov-west-1"], "of different partitions"),
    ],
)
def test_what_is_asked_for_wrongly_is_said(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    assert says in capsys.readouterr().err


def test_a_door_without_settings_that_does_not_open_names_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("config", "credentials"):
        (tmp_path / name).write_text("[profile acme]\ncredential_process = /nowhere/x\n" if name == "config" else "")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(SystemExit) as ended:
        main(["coverage", "--profile", "acme"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("credential_process /nowhere/x cannot be started: No such file or directory\n")
