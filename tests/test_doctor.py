"""`runbook doctor`: each line pass, fail or unknown, with the next step; nothing is planned, kept or changed."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doors import Served, served
from simulated import copied

from runbook_lib.aws.callers import Card
from runbook_lib.aws.errors import CallFailed
from runbook_lib.cli import main
from runbook_lib.cli.simulation import today
from runbook_lib.inventory.checkup import Verdict, doors, evidence, reads
from runbook_lib.rehearsal.policies import managed
from runbook_lib.rehearsal.world import World
from runbook_lib.services.roles import needed
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load

MANAGEMENT, DELEGATED = "111111111111", "222222222222"
EXAMPLE = Path(__file__).parents[1] / "parameters" / "example.yaml"


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, World]]:
    with served("half-done", tmp_path_factory.mktemp("doctor")) as made:
        yield made, copied(made.front.world)


class Desk:
    def __init__(self, organization: Served, capture: pytest.CaptureFixture[str]) -> None:
        self.organization, self.capture = organization, capture

    def attach(self, account: str, *documents: dict[str, Any]) -> None:
        roles = self.organization.front.world.organization.accounts[account].roles
        roles["RunbookManagement" if account == MANAGEMENT else "RunbookDelegated"].policies = tuple(map(json.dumps, documents))

    def ask(self, text: str | None = None) -> tuple[Any, str]:
        settings = self.organization.settings
        if text is not None:
            settings = settings.with_name("changed.yaml")
            settings.write_text(text, encoding="utf-8")
        log = self.organization.front.log
        before, there = len(log.entries), set(self.organization.runs.iterdir())
        with pytest.raises(SystemExit) as ended:
            main(["doctor", "-p", str(settings), "--runs", str(self.organization.runs)])
        said = self.capture.readouterr()
        made = [each for each in list(log.entries)[before:] if each.service != "sts"]
        assert not [each for each in made if each.mutating]
        assert set(self.organization.runs.iterdir()) == there, "there is no run"
        assert "Traceback" not in said.out + said.err
        return ended.value.code, said.out


@pytest.fixture
def desk(seven: tuple[Served, World], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    organization, world = seven
    organization.front.adopt(copied(world))
    monkeypatch.setattr("runbook_lib.cli.doctor.kernel_environment", lambda settings, runs: organization.environment)
    for name, value in organization.environment.items():
        monkeypatch.setenv(name, value)
    return Desk(organization, capsys)


def test_where_all_is_well(desk: Desk) -> None:
    code, said = desk.ask()
    assert code == 0, said
    areas = [line.split()[1] for line in said.splitlines() if line.startswith("pass")]
    assert list(dict.fromkeys(areas)) == ["door", "clock", "settings", "permissions", "network", "changes", "evidence"]
    assert f"management {MANAGEMENT}: role RunbookManagement, by profile" in said


def test_what_a_policy_denies_is_a_line_with_whoever_can_change_it(desk: Desk) -> None:
    desk.attach(DELEGATED, managed.document("SecurityAudit"))
    code, said = desk.ask()
    assert code == 1
    for action in ("account:ListRegions", "inspector2:ListMembers"):
        line = f"fail    permissions delegated {DELEGATED}: {action} in us-east-1: no identity-based policy allows it\n"
        assert f"{line}{'':<20}Have whoever manages the role let the identity-based policy allow {action}.\n" in said
    assert said.count("fail ") == 2
    assert f"pass    changes     delegated {DELEGATED}: none is allowed: plans can be made through this door" in said


def test_under_exactly_the_roles_that_requirements_prints_nothing_is_left_open(desk: Desk) -> None:
    """The doctor asks nothing that they do not grant, whichever pair the doors lead to, and finds every change allowed to one."""
    text, front = desk.organization.settings.read_text(encoding="utf-8"), desk.organization.front
    for kind, expected in (("read", "none is allowed: plans can be made through this door"), ("change", "expected to be allowed")):
        for account, door in ((MANAGEMENT, "management"), (DELEGATED, "delegated")):
            roles = front.world.organization.accounts[account].roles
            name, old = f"runbook-{door}-{kind}", f"Runbook{door.title()}"
            roles[name] = replace(roles[old], name=name)
            text = re.sub(rf"(arn:aws:iam::{account}:role/)[\w-]+", rf"\1{name}", text)
        desk.organization.settings.with_name("changed.yaml").write_text(text, encoding="utf-8")
        printed = needed(load(desk.organization.settings.with_name("changed.yaml"), today()))
        for each in printed:
            if each.account in (MANAGEMENT, DELEGATED) and each.name in front.world.organization.accounts[each.account].roles:
                front.world.organization.accounts[each.account].roles[each.name].policies = (json.dumps(each.policy),)
        code, said = desk.ask(text)
        assert code == 0, said
        assert said.count(expected) == 2, said


def all_but(*actions: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": list(actions), "Resource": "*"}]}


def test_what_is_expected_of_changes_is_an_opinion_and_never_a_failure_of_the_run(desk: Desk) -> None:
    desk.attach(MANAGEMENT, all_but("iam:SimulatePrincipalPolicy", "guardduty:CreateDetector"))
    desk.attach(DELEGATED, all_but("guardduty:CreateMembers"))
    code, said = desk.ask()
    assert code == 1
    assert f"unknown changes     management {MANAGEMENT}: whether changes are allowed: this door may not ask\n" in said
    denied = f"fail    changes     delegated {DELEGATED}: guardduty:CreateMembers in eu-south-1, us-east-1, us-east-2: "
    assert f"{denied}no identity-based policy allows it, IAM's simulation says\n" in said
    assert "Have whoever manages the role let the identity-based policy allow guardduty:CreateMembers." in said


def test_nobody_is_designated_where_the_administrator_may_change_nothing(desk: Desk) -> None:
    """A policy of the organization that leaves reads alone: no read shows it, and the management account is not bound by it."""
    changing = ("*:Create*", "*:Update*", "*:Enable*", "*:Start*", "*:Batch*", "*:Associate*", "*:Put*")
    desk.organization.front.world.organization.region_denied = {"us-east-2": changing}
    code, said = desk.ask()
    assert code == 1
    assert "in us-east-2: denied by an explicit deny in the service control policy, IAM's simulation says" in said
    assert f"management {MANAGEMENT}: may designate in us-east-2, where the administrator may change nothing" in said


def test_a_door_that_a_trust_policy_keeps_shut(desk: Desk) -> None:
    del desk.organization.front.world.organization.accounts[MANAGEMENT].roles["RunbookManagement"]
    code, said = desk.ask()
    assert code == 1
    assert "fail    door        sts:AssumeRole" in said
    assert f"pass    door        delegated {DELEGATED}" in said, "doors are opened side by side"
    assert "unknown permissions nothing was read: the management account's door is shut\n" in said


def test_settings_of_another_organization(desk: Desk) -> None:
    text = desk.organization.settings.read_text(encoding="utf-8")
    code, said = desk.ask(text.replace("o-rehearsal001", "o-another0001"))
    assert code == 1
    assert "fail    settings    organization.id: o-another0001" in said


class Hanging:
    """A door that does not answer, beside one that does."""

    def card(self, account: str) -> Card:
        if account == MANAGEMENT:
            time.sleep(60)
        return Card("delegated", account, f"arn:aws:sts::{account}:assumed-role/R/s", "keys", None, -400.0)


def live(**changes: Any) -> Settings:
    return load(EXAMPLE, today()).model_copy(update=changes)


def test_a_door_that_hangs_is_left_behind_and_a_wrong_clock_is_said() -> None:
    settings = live()
    names = {MANAGEMENT: "management", DELEGATED: "delegated"}
    began = time.monotonic()
    found = list(doors.findings(doors.enter(Hanging(), settings, names, 0.1), names))  # type: ignore[arg-type] # of an Access only this is asked
    assert time.monotonic() - began < 30
    assert [(each.area, each.verdict) for each in found] == [
        ("door", Verdict.FAIL), ("door", Verdict.PASS), ("clock", Verdict.FAIL),
    ]  # fmt: skip
    assert "access.management: no answer within 12 seconds" in found[0].said
    assert found[2].said == "this machine's clock is 7 minutes behind AWS's"


def test_a_mistake_of_ours_in_a_door_is_not_taken_for_a_shut_one() -> None:
    class Broken:
        def card(self, account: str) -> Card:
            raise TypeError(account)

    with pytest.raises(TypeError):
        doors.enter(Broken(), live(), {MANAGEMENT: "management"})  # type: ignore[arg-type] # of an Access only this is asked


def failure(code: str, message: str, region: str, status: int = 403) -> CallFailed:
    return CallFailed(code, message, service="guardduty", operation="GetMembers", account=DELEGATED, region=region, status=status)


def test_regions_of_one_reason_are_one_line_and_what_is_not_reached_is_the_network() -> None:
    heard = reads.Heard()
    denied = "is not authorized to perform: guardduty:GetMembers with an explicit deny in a service control policy: arn:aws:p/x"
    for region in ("eu-west-1", "eu-west-2"):
        heard.keep(failure("ThrottlingException", "slow down", region), "guardduty", "GetMembers", DELEGATED, region)
        heard.keep(failure("AccessDeniedException", denied, region), "guardduty", "GetMembers", DELEGATED, region)
    heard.keep(failure("EndpointConnectionError", "no way", "eu-west-3", 0), "guardduty", "GetMembers", DELEGATED, "eu-west-3")
    heard.keep(failure("AccessDeniedException", "not yours", "us-east-1"), "guardduty", "GetDetector", DELEGATED, "us-east-1")
    found = [(each.area, each.verdict, each.said) for each in reads.findings(heard, {DELEGATED: "delegated"})]
    where = f"delegated {DELEGATED}: guardduty"
    assert found == [
        (
            "permissions", Verdict.UNKNOWN,
            f"{where}:GetDetector in us-east-1: refused (AccessDeniedException: not yours)",
        ),
        ("permissions", Verdict.FAIL, f"{where}:GetMembers in eu-west-1, eu-west-2: denied by arn:aws:p/x"),
        ("network", Verdict.PASS, "AWS answers in 3 Regions: eu-west-1, eu-west-2, us-east-1"),
        ("network", Verdict.FAIL, "guardduty in eu-west-3 was not reached: EndpointConnectionError: no way"),
    ]  # fmt: skip


def test_without_a_key_no_evidence(tmp_path: Path) -> None:
    found = evidence.finding(tmp_path, live(evidence=None), {})
    assert (found.verdict, found.said) == (
        Verdict.FAIL, "settings name no key for the evidence of live runs (evidence.signing_key)",
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
