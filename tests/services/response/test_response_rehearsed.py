"""The response on the simulated organization: from bare to a message in the queue, others' things left alone, killed, repeated."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cells import executed
from doors import ROOT, served
from simulated import Simulated, home, open_cells, settings_for, simulated
from test_killed import Killed, Mortal, Start, _kept

from runbook_lib.coverage import Gap, Status
from runbook_lib.evidence.run.folder import find_runs
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.faults import Faults
from runbook_lib.rehearsal.inproc import InProcess, session_for
from runbook_lib.rehearsal.scenario import Fault, Request, Scenario
from runbook_lib.services.response.patterns import of_findings, written
from runbook_lib.settings import Settings
from runbook_lib.settings.response import FindingFilter, ResponseSection

PHASE, BEFORE = "60_response", ("00_prerequisites", "10_security_hub")
DELEGATED, MEMBER = "222222222222", "333333333333"
SECTION: dict[str, Any] = {
    "channels": {"triage": {"queue": {"make": "runbook-triage"}}, "people": {"topic": {"make": "runbook-people"}}},
    "custom_actions": {"Triage": {"name": "Send to triage", "description": "Puts the finding into the queue of triage."}},
    "routes": {
        "high-findings": {"findings": {"severities": ["HIGH", "CRITICAL"]}, "to": ["triage", "people"]},
        "pressed": {"custom_action": "Triage", "to": ["triage"]},
    },
}


def with_response(settings: Settings, **changes: Any) -> Settings:
    """The rehearsal's settings with this response."""
    return settings.model_copy(update={"response": ResponseSection.model_validate_json(json.dumps({**SECTION, **changes}))})


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulated]:
    """Seven accounts, with Security Hub on."""
    seven = simulated("seven", tmp_path, monkeypatch, moto=True)
    seven.settings = with_response(settings_for(seven.front))
    assert all(each.report.ok for each in seven.enable(BEFORE))
    yield seven
    assert isinstance(seven.front.backstop, Backstop)
    seven.front.backstop.reset()
    seven.front.backstop.close()


def client(made: Simulated, service: str, account: str = DELEGATED, region: str = "") -> Any:
    where = region or home(made.front)
    return session_for(made.front, account, where).client(service, region_name=where)


def killed_at_every_call(made: Simulated, moment: str, folder: Path) -> None:
    """Each attempt makes one call and dies; the last has nothing left to do."""
    plan = made.plan(PHASE)
    start = Start(made, PHASE, made.front.world, _kept(plan, made.approve(plan), made.folder), made.clock.now(), (), (), folder)
    before = len(made.mutating())
    for number in range(len(plan.actions)):
        start.runs = folder / "runs"
        with suppress(Killed):
            start.attempt(Mortal(made.front, 1, moment))
        assert len(made.mutating()) > before + number
    assert start.attempt(InProcess(made.front)).ok
    assert open_cells(start.seen) == []


def apply(made: Simulated) -> None:
    plan = made.plan(PHASE)
    assert plan.blockers == ()
    report = made.apply(PHASE, plan, made.approve(plan))
    assert report.ok, [result for _, stage in report.stages for each in stage.steps for result in each.results]


def imported(made: Simulated, account: str = MEMBER, region: str = "", **changes: Any) -> dict[str, Any]:
    """A finding of a member, in a Region that is not the home Region unless said otherwise."""
    where = region or home(made.front)
    finding: dict[str, Any] = {
        "SchemaVersion": "2018-10-08", "Id": "f-1",
        "ProductArn": f"arn:aws:securityhub:{where}:{account}:product/{account}/default",
        "GeneratorId": "tests", "AwsAccountId": account, "CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-01T00:00:00Z",
        "Title": "An open door", "Description": "Nobody else's business", "Severity": {"Label": "HIGH"}, "Types": ["TTPs"],
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::door"}], **changes,
    }  # fmt: skip
    answer = client(made, "securityhub", account, where).batch_import_findings(Findings=[finding])
    assert answer["SuccessCount"] == 1, answer
    return finding


def messages(made: Simulated, queue: str = "runbook-triage") -> list[Any]:
    """What is in a queue, read as anybody would, and taken out."""
    sqs = client(made, "sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in batch:
            found.append(json.loads(each["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def test_from_bare_to_a_message_in_the_queue(made: Simulated) -> None:
    apply(made)
    assert open_cells(made.phase_cells(PHASE)) == []
    imported(made)
    imported(made, Id="f-2", Severity={"Label": "LOW"})
    [message] = messages(made)
    assert {message[key] for key in ("finding", "severity", "account")} == {"f-1", "HIGH", MEMBER}
    assert message["link"].startswith("https://")
    assert "Nobody else's business" not in json.dumps(message)
    assert messages(made, "runbook-response-undelivered") == []


def test_the_second_run_makes_no_call(made: Simulated) -> None:
    apply(made)
    calls = len(made.mutating())
    again = made.plan(PHASE)
    assert (again.steps, again.blockers) == ((), ())
    assert made.apply(PHASE, again, made.approve(again)).ok
    assert len(made.mutating()) == calls


@pytest.mark.parametrize("moment", ["in flight", "after"])
def test_killed_at_every_call_it_converges(made: Simulated, moment: str, tmp_path: Path) -> None:
    killed_at_every_call(made, moment, tmp_path)
    made.attach = None
    imported(made)
    assert len(messages(made)) == 1


def reasons(made: Simulated) -> dict[str, str]:
    return {f"{cell.aspect} {cell.item}": cell.reason for cell in made.phase_cells(PHASE) if cell.gap is Gap.BLOCKED}


def foreign_rule(made: Simulated, name: str, arn: str, pattern: str) -> None:
    events = client(made, "events")
    events.put_rule(Name=name, EventPattern=pattern, Description="Another team's")
    assert events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])["FailedEntryCount"] == 0


def test_a_rule_of_others_that_does_the_same_is_a_blocker_and_left_alone(made: Simulated) -> None:
    url = client(made, "sqs").create_queue(QueueName="theirs")["QueueUrl"]
    arn = client(made, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    same = written(of_findings(FindingFilter(severities=("HIGH", "CRITICAL")), None))
    foreign_rule(made, "theirs", arn, same)
    assert "theirs" in reasons(made)["routes high-findings"]
    before = client(made, "events").describe_rule(Name="theirs")
    assert made.plan(PHASE).blockers
    assert {key: before[key] for key in ("EventPattern", "State", "Description")} == {
        key: client(made, "events").describe_rule(Name="theirs")[key] for key in ("EventPattern", "State", "Description")
    }


NEWER = '{"source":["aws.securityhub"],"detail-type":["Findings Imported V2"]}'


def test_the_newer_security_hub_may_not_feed_the_same_channel_and_is_left_alone(made: Simulated) -> None:
    apply(made)
    topic = f"arn:aws:sns:{home(made.front)}:{DELEGATED}:runbook-people"
    foreign_rule(made, "newer", topic, NEWER)
    assert "feeds the same channel from the newer Security Hub (V2)" in reasons(made)["routes high-findings"]
    assert made.plan(PHASE).actions == ()
    client(made, "events").remove_targets(Rule="newer", Ids=["1"])
    assert reasons(made) == {}
    [shown] = [cell for cell in made.phase_cells(PHASE) if cell.item == "newer"]
    assert (shown.in_scope, shown.reason) == (False, "not the runbook's; left alone")


def test_a_rule_of_the_newer_one_whose_targets_cannot_be_read_is_unknown_alone(made: Simulated) -> None:
    apply(made)
    client(made, "events").put_rule(Name="newer", EventPattern=NEWER)
    denied = Fault(kind="deny", on=Request(operation="ListTargetsByRule"), times=None, call=3)
    made.front.faults = Faults(Scenario(faults=(denied,)), made.front.world)
    unknown = [(cell.aspect, cell.item) for cell in made.phase_cells(PHASE) if cell.status is Status.UNKNOWN]
    assert unknown == [("routes", "newer")]


def test_what_others_made_under_our_names_is_not_taken_over(made: Simulated) -> None:
    client(made, "sqs").create_queue(QueueName="runbook-triage")
    client(made, "sns").create_topic(Name="runbook-people")
    client(made, "events").put_rule(Name="runbook-pressed", EventPattern=json.dumps({"source": ["aws.ec2"]}))
    client(made, "securityhub").create_action_target(Name="Send to triage", Description="theirs", Id="Theirs")
    assert {key: text.partition(" ")[0] for key, text in reasons(made).items()} == {
        "channels triage": "there", "channels people": "there", "routes pressed": "there", "custom actions Triage": "the",
    }  # fmt: skip
    others = [cell.item for cell in made.phase_cells(PHASE) if not cell.in_scope]
    assert others == ["Theirs", "Security Hub V2"]


def test_fewer_findings_than_before_are_planned_only_where_settings_allow_it(made: Simulated) -> None:
    apply(made)
    narrow = {**SECTION["routes"], "high-findings": {"findings": {"severities": ["CRITICAL"]}, "to": ["triage", "people"]}}
    made.settings = with_response(made.settings, routes=narrow)
    [blocker] = made.plan(PHASE).blockers
    assert "lowers protection" in blocker.reason
    wide = {**SECTION["routes"], "high-findings": {"findings": {"severities": ["MEDIUM", "HIGH", "CRITICAL"]}, "to": ["triage"]}}
    made.settings = with_response(made.settings, routes=wide)
    apply(made)
    imported(made, Severity={"Label": "MEDIUM"})
    assert [message["severity"] for message in messages(made)] == ["MEDIUM"]


def test_a_rule_that_somebody_disabled_is_enabled_by_a_call_that_is_shown(made: Simulated) -> None:
    apply(made)
    client(made, "events").disable_rule(Name="runbook-pressed")
    [action] = made.plan(PHASE).actions
    assert (action.operation, "somebody disabled it" in action.reason) == ("EnableRule", True)


def test_a_policy_that_was_changed_is_written_again_and_keeps_what_others_wrote(made: Simulated) -> None:
    apply(made)
    sqs = client(made, "sqs")
    url = sqs.get_queue_url(QueueName="runbook-triage")["QueueUrl"]
    other = {"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:GetQueueUrl", "Resource": "*"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [other]})})
    [action] = made.plan(PHASE).actions
    assert action.operation == "SetQueueAttributes"
    apply(made)
    kept = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    assert [each["Sid"] for each in kept["Statement"]] == ["Theirs", "RunbookResponse"]
    imported(made)
    assert len(messages(made)) == 1


def test_a_bare_organization_can_be_planned_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = simulated("seven", tmp_path, monkeypatch, moto=True)
    bare.settings = with_response(settings_for(bare.front))
    plan = bare.plan(PHASE)
    assert plan.blockers == ()
    assert [action.operation for action in plan.actions][-1] == "CreateActionTarget"
    assert all(each.report.ok for each in bare.enable(BEFORE))
    assert bare.apply(PHASE, plan, bare.approve(plan)).ok


def test_the_notebook_runs_through_where_settings_ask_for_no_response(tmp_path: Path) -> None:
    with served("seven", tmp_path) as organization:
        notebook = ROOT / "notebooks" / f"{PHASE}.ipynb"
        assert executed(notebook, organization.environment, parameters_file=str(organization.settings)).halted == ""
        [run] = find_runs(organization.runs)
        record = run.record()
        assert (record["status"], record["exit_code"]) == ("done", 0)
        assert not organization.changes
