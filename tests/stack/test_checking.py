"""The daily check: its template, and a whole course of it in a simulated account: deployed, seen, a gap, silence."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stack_settings
from click.testing import CliRunner
from simulated import Simulated
from stack_deployed import BUCKET, MANAGEMENT, Deployed, deployable
from stack_waiting import until

from runbook_lib.base.errors import RunbookError
from runbook_lib.cli import cli
from runbook_lib.rehearsal.builds import GOING, Build, CodeBuildState
from runbook_lib.rehearsal.world import SimulatedRole
from runbook_lib.services.permissions import PREFLIGHT, Names, document, statements
from runbook_lib.settings.file import load
from runbook_lib.stack import checking, installing
from runbook_lib.stack.roles import allowed
from runbook_lib.stack.template import text

WRITTEN = {"rehearsal": stack_settings.rehearsal(), "everything": stack_settings.everything()}
TOPIC = "arn:aws:sns:us-east-1:111111111111:alarms-example"
HOUR = 3600.0


def made(name: str, topic: str = "") -> dict[str, Any]:
    written: dict[str, Any] = json.loads(text(checking.template(stack_settings.settings(WRITTEN[name]), topic)))
    return written


@pytest.mark.parametrize(("name", "topic", "region"), [("rehearsal", "", "us-gov-west-1"), ("everything", TOPIC, "eu-central-1")])
def test_aws_schemas_have_nothing_against_it(name: str, topic: str, region: str) -> None:
    import cfnlint.api

    assert [str(each) for each in cfnlint.api.lint(json.dumps(made(name, topic)), regions=[region])] == []


def test_it_may_read_and_nothing_else() -> None:
    """The tables' reading statements; besides them its log, its source, and one namespace of metrics."""
    for name, written in WRITTEN.items():
        settings = stack_settings.settings(written)
        table = [each for each in statements(Names.of(settings)) if each.actions != PREFLIGHT]
        reading = document("runbook-management-read", table)["Statement"]
        evidence = document("runbook-evidence", table)["Statement"] if settings.mode == "live" else []
        found = allowed(settings, changing=False)
        assert [each for each in found if each["Sid"] != "AssumeRoles" and each not in evidence] == reading
        role = made(name)["Resources"]["CheckRole"]["Properties"]
        (inline,) = role["Policies"]
        own = [each for each in inline["PolicyDocument"]["Statement"] if each not in found]
        assert {action for each in own for action in each["Action"]} == {
            "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketAcl",
            "s3:GetBucketLocation", "cloudwatch:PutMetricData",
        }  # fmt: skip
        (measuring,) = [each for each in own if each["Action"] == ["cloudwatch:PutMetricData"]]
        assert measuring["Condition"] == {"StringEquals": {"cloudwatch:namespace": ["Runbook"]}}
        assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "codebuild.amazonaws.com"}


def test_silence_is_26_hours_without_a_check_that_came_to_its_end() -> None:
    silence = made("rehearsal", TOPIC)["Resources"]["Silence"]["Properties"]
    assert (silence["Period"] * silence["EvaluationPeriods"], silence["TreatMissingData"]) == (26 * HOUR, "breaching")
    assert (silence["AlarmActions"], silence["OKActions"]) == ([TOPIC], [TOPIC])
    assert "AlarmActions" not in made("rehearsal")["Resources"]["Silence"]["Properties"]


class Checked:
    """The check of one simulated organization, whose stack is deployed from the command line."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed, self.world = deployed, deployed.organization.front.world

    def run(self, *more: str, bucket: str = BUCKET) -> tuple[int, str]:
        return self.runbook("stack", "deploy", "--check", "--bucket", bucket, "--installed", *more)

    def runbook(self, *words: str) -> tuple[int, str]:
        """A command of the administrator's."""
        where = ["-p", str(self.deployed.organization.settings), "--runs", str(self.deployed.organization.runs)]
        done = CliRunner().invoke(cli, [*words, *where, "--profile", "administrator"], standalone_mode=False)
        if done.exception is None:
            return int(done.return_value or 0), done.output
        assert isinstance(done.exception, RunbookError), done.exception
        return 1, f"{done.output}{done.exception.said}"

    def alarms(self) -> dict[str, str]:
        """The state of every alarm, by the metric that it is about."""
        found = self.deployed.client("cloudwatch").describe_alarms(AlarmNamePrefix="runbook-check-")["MetricAlarms"]
        return {each["MetricName"]: each["StateValue"] for each in found}

    @property
    def builds(self) -> list[Build]:
        return list(self.world.of(CodeBuildState).builds.values())

    def changed_by_the_runbook(self) -> list[Any]:
        """Changes of anything but what the check itself is made of, and puts."""
        own = {"s3", "cloudformation", "codebuild", "cloudwatch", "logs"}
        return [each for each in self.deployed.organization.changes if each.service not in own]

    def next_day(self, number: int) -> Build:
        """A day goes by, and the schedule brings another build."""
        self.world.skip(24 * HOUR)
        self.alarms()  # whatever is asked for lets time take effect
        return self.ended(number)

    def mend(self, delegated: SimulatedRole) -> None:
        """As it was deployed."""
        delegated.denied, delegated.trusts = (), {MANAGEMENT}
        schedule = made("rehearsal")["Resources"]["ScheduleRole"]["Properties"]["Policies"][0]["PolicyDocument"]
        arn = {"Partition": "aws", "Region": "us-east-1", "AccountId": MANAGEMENT, "StackName": "runbook-check"}
        for each in schedule["Statement"]:
            sub = each["Resource"][0]["Fn::Sub"]
            each["Resource"] = [re.sub(r"\$\{AWS::(\w+)\}", lambda found: arn[found[1]], sub)]
        self.world.organization.accounts[MANAGEMENT].roles["runbook-check-schedule"].policies = (json.dumps(schedule),)

    def ended(self, number: int) -> Build:
        """Wait for the end of so many builds; the last one."""
        until(lambda: len(self.builds) >= number and all(each.status != GOING for each in self.builds))
        assert len(self.builds) == number
        return self.builds[-1]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checked]:
    monkeypatch.setattr(installing, "LOOK", 0.2)
    with deployable(tmp_path, monkeypatch, here=True) as deployed:
        yield Checked(deployed)


def asked_first(check: Checked) -> None:
    changes = len(check.deployed.organization.changes)
    code, said = check.run("--dry-run")
    assert (code, "  Add AWS::CodeBuild::Project Project" in said) == (2, True), said
    assert len(check.deployed.organization.changes) == changes
    code, said = check.run()
    assert (code, "To deploy the check: --confirm runbook-check" in said) == (2, True), said
    assert check.deployed.stack.status == "DELETE_COMPLETE", "no trace is left"


@pytest.mark.soak
def test_a_gap_goes_from_the_exit_code_to_a_metric_to_an_alarm(check: Checked) -> None:
    """The very buildspec, in a folder with nothing but the source, as the role that only reads."""
    asked_first(check)
    changes = len(check.changed_by_the_runbook())
    code, said = check.run("--confirm", "runbook-check")
    build = check.ended(1)
    log = "".join(build.log)
    assert (code, build.status, build.phase) == (2, "FAILED", "COMPLETED"), said + log
    assert re.search(r"told CloudWatch as runbook-check: Failed 0, Gaps [1-9]", log), log
    assert "exit status 2" in log, "a gap never looks like none"
    assert check.alarms() == {"Gaps": "ALARM", "Unknown": "OK", "Failed": "OK", "Checked": "OK"}
    assert len(check.changed_by_the_runbook()) == changes
    code, said = check.run("--confirm", "runbook-check")
    assert (code, "No changes: the check is as it was deployed last" in said) == (0, True), said
    code, said = check.run("--dry-run")
    assert code == 0, said
    code, said = check.runbook("stack", "delete", "--name", "runbook-check", "--confirm", "runbook-check")
    assert (code, "nobody looks any more" in said, "offboard" in said) == (0, True, False), said
    assert (check.alarms(), check.world.of(CodeBuildState).projects) == ({}, {})


@pytest.mark.soak
def test_what_befalls_the_organization_or_the_check_sets_off_its_alarm(check: Checked) -> None:
    world, settings = check.world, load(check.deployed.organization.settings, dt.date(2026, 11, 29))
    Simulated(check.deployed.organization.front, settings, check.deployed.organization.runs).enable()
    code, said = check.run("--confirm", "runbook-check")
    assert (code, "found everything covered" in said) == (0, True), said + "".join(check.ended(1).log)
    fine = {"Gaps": "OK", "Unknown": "OK", "Failed": "OK", "Checked": "OK"}
    assert check.alarms() == fine

    delegated = world.organization.accounts["222222222222"].roles["RunbookDelegated"]
    delegated.denied = ("guardduty:ListMembers",)
    log = "".join(check.next_day(2).log)
    assert "exit status 2" in log
    assert check.alarms() == fine | {"Unknown": "ALARM"}, log

    delegated.trusts = {"111111111111x"}
    log = "".join(check.next_day(3).log)
    assert "exit status 1" in log
    assert check.alarms() == fine | {"Unknown": "ALARM", "Failed": "ALARM"}, "what was known last stays, until more is known"

    world.organization.accounts[MANAGEMENT].roles["runbook-check-schedule"].policies = ()
    world.skip(27 * HOUR)
    assert check.alarms()["Checked"] == "ALARM", "silence"
    assert len(check.builds) == 3

    check.mend(delegated)
    assert check.next_day(4).status == "SUCCEEDED"
    assert check.alarms() == fine
