"""`runbook remediate`: roles written from workflows, what is refused before a run is begun, and what evidence keeps of findings."""

import datetime as dt
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from test_register import SAMPLE

from runbook_lib.cli.commands import Named
from runbook_lib.cli.remediate import _emergency, remediate_command
from runbook_lib.evidence.run.answers import Answers
from runbook_lib.plan import Action, BackOut, Plan, Scope
from runbook_lib.plan.approval import ApprovalRefused, approve
from runbook_lib.runbook.phases import REMEDIATING
from runbook_lib.runbook.remediating import emergency_refusals, not_in_an_emergency, of_workflow, workflow_file
from runbook_lib.services.response.remediation import BadRemediation
from runbook_lib.services.response.remedies import REMEDIES, START
from runbook_lib.settings.file import load

BLOCK, CONTAIN = "AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock", "AWSSupport-ContainEC2Instance"


def ask(*findings: str, parameters: Path = SAMPLE, **given: Any) -> int:
    """The command as it is given, nothing else said."""
    usual = {"workflow": "", "roles": None, "approval": "", "ticket": "", "emergency": "", "cell_timeout": None, "runs": ""}
    return remediate_command(findings, parameters, **{**usual, **given})


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """Settings with the samples' register, in which three workflows have documents."""
    settings = tmp_path / "acme.yaml"
    shutil.copy(SAMPLE, settings)
    shutil.copytree(SAMPLE.with_suffix(".workflows"), tmp_path / "acme.workflows")
    return settings


def test_a_workflows_role_may_look_start_and_do_what_its_document_does(
    acme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(parameters=acme, roles=tmp_path / "roles") == 0
    assert "runbook-response-exposed-storage" in capsys.readouterr().out
    folders = {each.name: each for each in (tmp_path / "roles").iterdir()}
    assert {each.removeprefix("runbook-response-") for each in folders} == {"exposed-storage", "open-network", "threats"}
    [folder] = [each for name, each in folders.items() if name.endswith("exposed-storage")]
    read = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.iterdir()}
    assert set(read) == {"policy", "boundary", "template"}
    actions = {action for each in read["policy"]["Statement"] for action in each["Action"]}
    assert actions == {
        "iam:PassRole", "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "ssm:AddTagsToResource",
        "ssm:DescribeAutomationExecutions", "ssm:DescribeDocument", "ssm:StartAutomationExecution",
    }  # fmt: skip
    assert set(read["boundary"]["Statement"][0]["Action"]) == actions
    [passing] = [each for each in read["policy"]["Statement"] if each["Sid"] == "Pass"]
    assert passing["Resource"][0].endswith(":role/runbook-response-exposed-storage")
    [start] = [each for each in read["policy"]["Statement"] if each["Sid"] == "Start"]
    assert any(each.endswith(f"automation-definition/{BLOCK}:5") for each in start["Resource"])
    role = read["template"]["Resources"]["Role"]["Properties"]
    assert role["PermissionsBoundary"] == {"Ref": "Boundary"}
    openers = [each["Principal"] for each in role["AssumeRolePolicyDocument"]["Statement"]]
    assert openers == [{"AWS": "arn:aws:iam::222222222222:role/RunbookDelegated"}, {"Service": "ssm.amazonaws.com"}]


def test_without_a_document_there_is_no_role(acme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("exposed-storage", "open-network", "threats"):
        (acme.with_suffix(".workflows") / f"{name}.yaml").unlink()
    assert ask(parameters=acme, roles=tmp_path / "roles") == 0
    assert "there is no role to be made" in capsys.readouterr().out


def test_what_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="at least one finding"):
        ask()
    with pytest.raises(click.UsageError, match="--emergency goes with --approval"):
        ask("f-1", emergency="an attack")
    with pytest.raises(BadRemediation, match="there is no such workflow"):
        ask("f-1", workflow="no-such")
    with pytest.raises(BadRemediation, match="no workflow: there is no such"):
        workflow_file(SAMPLE, "")
    file = workflow_file(SAMPLE, "threats f-1")
    with pytest.raises(BadRemediation, match="0 findings named"):
        of_workflow(file, "threats")
    with pytest.raises(BadRemediation, match="21 findings named"):
        of_workflow(file, " ".join(["threats", *(f"f-{number}" for number in range(21))]))
    with pytest.raises(BadRemediation, match="is the workflow threats, and asked for is access"):
        of_workflow(file, "access f-1")


def planned(document: str) -> Plan:
    start = Action(
        "ssm", START, "333333333333", "us-east-1", {"DocumentName": document}, "why", frozenset({"333333333333"}), "a", "b",
        BackOut("no"), "workloads",
    )  # fmt: skip
    return Plan(REMEDIATING.name, "o-1", "", Scope(), frozenset(), (start,), (), (), (), "rehearsal", "")


def test_an_emergency_is_for_containment_alone_and_where_a_policy_allows_it(tmp_path: Path) -> None:
    assert not_in_an_emergency(planned(CONTAIN)) == ""
    assert f"an emergency is for containment alone, and {BLOCK}" in not_in_an_emergency(planned(BLOCK))
    settings, plan = load(SAMPLE, dt.date(2026, 6, 1)), planned(CONTAIN)
    with pytest.raises(ApprovalRefused, match="no trust policy allows emergency approvals here"):
        _emergency(settings, Named(tmp_path / "plan.json", plan), plan, str(tmp_path))
    assert {each.document for each in REMEDIES.values() if each.contains} >= {CONTAIN, "AWSSupport-ContainIAMPrincipal"}


def test_an_emergencys_approval_ends_after_an_hour_and_contains_in_every_door(tmp_path: Path) -> None:
    """Whoever wrote the file, and whichever door it is given to."""

    def refused(document: str, hours: float, emergency: str = "an attack") -> list[str]:
        plan = planned(document)
        given = approve(plan, approver="alice", ticket="T-1", now=dt.datetime(2026, 6, 1, tzinfo=dt.UTC), hours=hours)
        return list(emergency_refusals(given.model_copy(update={"emergency": emergency}), plan))

    assert refused(CONTAIN, 1) == []
    assert refused(BLOCK, 12, emergency="") == []
    assert refused(CONTAIN, 12) == ["in an emergency an approval is good for 1 hour at most, and this one is for 12"]
    assert ["mends a setting" in each for each in refused(BLOCK, 1)] == [True]


def test_of_findings_evidence_keeps_what_names_them_and_nothing_of_what_was_found(tmp_path: Path) -> None:
    finding = {
        "Id": "f-1", "ProductArn": "arn", "AwsAccountId": "333333333333", "Region": "us-east-1", "Types": ["TTPs"],
        "Severity": {"Label": "HIGH", "Original": "secret-1"}, "Title": "secret-2", "Description": "secret-3",
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::door", "Details": {"x": "secret-4"}}],
        "Compliance": {"Status": "FAILED", "SecurityControlId": "S3.8", "StatusReasons": ["secret-5"]},
        "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE", "Note": {"Text": "secret-6"},
    }  # fmt: skip
    answers = Answers()
    answers.keep({"Findings": [finding]}, "securityhub", "GetFindings", "222222222222", "us-east-1", {})
    answers.write(tmp_path / "answers.jsonl.gz", {})
    kept = gzip.decompress((tmp_path / "answers.jsonl.gz").read_bytes()).decode()
    assert "secret" not in kept
    assert all(each in kept for each in ("f-1", "HIGH", "S3.8", "arn:aws:s3:::door", "FAILED", "ACTIVE"))


CHANNELS: dict[tuple[str, str], dict[str, Any]] = {
    ("lambda", "GetFunctionConfiguration"): {"State": "Active", "Environment": {"Variables": {"TOKEN": "secret-1"}}},
    ("stepfunctions", "DescribeStateMachine"): {"status": "ACTIVE", "definition": "secret-2"},
    ("events", "DescribeApiDestination"): {"ApiDestinationState": "ACTIVE", "InvocationEndpoint": "https://example.com/secret-3"},
    ("events", "DescribeConnection"): {"ConnectionState": "AUTHORIZED", "AuthParameters": {"x": "secret-4"}},
    ("sns", "ListSubscriptionsByTopic"): {
        "Subscriptions": [{"SubscriptionArn": "PendingConfirmation", "Endpoint": "https://example.com/secret-5"}],
        "NextToken": "next",
    },
}  # fmt: skip


def test_of_channels_evidence_keeps_whether_they_are_there_and_no_address_or_token(tmp_path: Path) -> None:
    answers = Answers()
    for (service, operation), answer in CHANNELS.items():
        answers.keep(answer, service, operation, "222222222222", "us-east-1", {})
    answers.write(tmp_path / "answers.jsonl.gz", {})
    kept = gzip.decompress((tmp_path / "answers.jsonl.gz").read_bytes()).decode()
    assert "secret" not in kept
    assert all(each in kept for each in ("Active", "ACTIVE", "AUTHORIZED", "PendingConfirmation", "next"))
