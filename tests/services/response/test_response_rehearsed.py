"""The response on the simulated organization: from bare to a message in the queue, others' things left alone, killed, repeated."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulated import Simulated, home, open_cells, settings_for, simulated

from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.settings import Settings
from runbook_lib.settings.response import ResponseSection

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
