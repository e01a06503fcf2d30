"""The journal held against exported CloudTrail events: what either side lacks, and what others did meanwhile."""

import datetime as dt
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from click.testing import CliRunner
from simulated import Simulated, permitted, simulated

from runbook_lib.apply.journal import Journal
from runbook_lib.audit.against_cloudtrail import Call, against, run_of
from runbook_lib.audit.cloudtrail import Event, TrailProblem, read_trails
from runbook_lib.base.clock import FakeClock, Stop
from runbook_lib.cli import cli
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.plan import Scope
from runbook_lib.plan.approval import approve
from runbook_lib.plan.outcome import Outcome, Verdict
from runbook_lib.rehearsal.cloudtrail import export
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import phase_named

PHASE = "20_guardduty"
OTHER = "20261123T080000Z-rehearsal-0001"
Records = list[dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Two attempts of one call: refused and answered; and one whose answer was lost."""
    run = RunFolder.create(tmp_path, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
    folder, clock = run.start_phase(PHASE, made.BEGIN), FakeClock(made.BEGIN + dt.timedelta(minutes=1))
    action = made.plan(PHASE).actions[0]
    with Journal(folder.journal, run.name, clock) as journal:
        for attempt, (status, identity) in enumerate(((400, "id-1"), (200, "id-2"), (0, "")), start=1):
            journal.intent(action, attempt, f"invocation-{attempt}")
            if status:
                journal.outcome(
                    action, attempt, f"invocation-{attempt}", [Outcome("", Verdict.APPLIED)], status=status, request_id=identity
                )
            clock.sleep(60)
    run.finish_phase(PHASE, RunStatus.DONE, clock.now())
    run.finish(RunStatus.DONE, clock.now())
    return run


def event(number: int, minute: float, **others: Any) -> dict[str, Any]:
    """An event of the run's call; `run` "" is somebody else."""
    action, run = made.plan(PHASE).actions[0], others.pop("run", "")
    agent = f"Botocore/1 incident-runbook/0.1.0 run/{run}" if run else "aws-cli/2"
    return {
        "eventVersion": "1.11", "eventID": f"event-{number}", "requestID": f"id-{number}",
        "eventTime": f"{made.BEGIN + dt.timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{action.service}.amazonaws.com", "eventName": action.operation, "awsRegion": action.region,
        "recipientAccountId": action.account, "userAgent": agent, "readOnly": False, "eventType": "AwsApiCall",
        "userIdentity": {"type": "AssumedRole", "arn": f"arn:aws:sts::{action.account}:assumed-role/Admin/eve@example.com"},
    } | others  # fmt: skip


def whole(run: str) -> Records:
    """What CloudTrail has of an honest run, long after it."""
    refused = event(1, 1, run=run, errorCode="ThrottlingException")
    later = event(9, 60, recipientAccountId=refused["recipientAccountId"], readOnly=True)
    reading = event(8, 2, run=run, readOnly=True, eventName="GetDetector")
    return [refused, event(2, 2, run=run), event(3, 3, run=run), reading, later]


def joined(run: RunFolder, records: Records, tmp_path: Path) -> list[tuple[str, str]]:
    file = tmp_path / "events.json"
    file.write_text(json.dumps({"Records": records}))
    return [(str(fault.kind), fault.text) for fault in against(run, read_trails([file])).faults]


def test_an_honest_run_is_not_accused(run: RunFolder, tmp_path: Path) -> None:
    assert joined(run, whole(run.name), tmp_path) == []


@pytest.mark.parametrize(
    ("called", "own"), [("eu-south-1", "us-east-1"), ("us-gov-east-1", "us-gov-west-1"), ("cn-north-1", "cn-northwest-1")]
)
def test_the_event_of_a_service_without_regions_lies_where_the_partition_keeps_it(called: str, own: str) -> None:
    """Whichever Region the client went through; of a service that has Regions it lies in the Region that was called."""
    call = Call(PHASE, made.BEGIN, "organizations", "EnableAWSServiceAccess", "111111111111", called, frozenset(), "", 200)
    there = Event(
        id="e", time=made.BEGIN, service=call.service, operation=call.operation, account=call.account, region=own, request_id="",
        error="", read_only=False, caller="", user_agent="", by_aws=False,
    )  # fmt: skip
    assert call.is_of(there)
    assert call.is_of(replace(there, region=called))
    assert not call.is_of(replace(there, region="eu-west-3"))
    assert str(call).startswith("organizations:EnableAWSServiceAccess in 111111111111 global at")
    regional = replace(call, service="guardduty")
    assert not regional.is_of(replace(there, service="guardduty"))
    assert regional.is_of(replace(there, service="guardduty", region=called))


def changed(number: int, **what: Any) -> Callable[[Records], Records]:
    return lambda records: [each | what if each["eventID"] == f"event-{number}" else each for each in records]


def without(*numbers: int) -> Callable[[Records], Records]:
    return lambda records: [each for each in records if each["eventID"] not in {f"event-{number}" for number in numbers}]


def more(number: int, minute: float, **others: Any) -> Callable[[Records], Records]:
    return lambda records: [*records, event(number, minute, **others)]


def elsewhere(records: Records) -> Records:
    return [each | {"awsRegion": "ap-east-1"} for each in without(1, 2, 3)(records)]


def one_more(records: Records) -> Records:
    return more(7, 2, run=str(records[0]["userAgent"]).rpartition("/")[2])(records)


CASES: dict[str, tuple[Callable[[Records], Records], str, str]] = {
    "an event is gone": (without(2), "event missing", "request id id-2): no event"),
    "a call without an answer has no event": (without(3), "event missing", "may never have reached AWS"),
    "the export ends too early": (without(2, 3, 9), "event late", "export again"),
    "nothing of the Region was exported": (elsewhere, "event missing", "nothing of"),
    "the call was another one": (changed(2, eventName="DeleteDetector"), "event differs", "DeleteDetector"),
    "AWS refused what was journaled as done": (changed(2, errorCode="AccessDenied"), "event differs", "answered with AccessDenied"),
    "AWS did what the journal calls refused": (changed(1, errorCode=""), "event differs", "in CloudTrail it succeeded"),
    "the request was another run's": (changed(2, userAgent=f"x run/{OTHER}"), "event of another run", f"is of run {OTHER}"),
    "the request has no marks": (changed(2, userAgent="curl"), "event of another run", "without the marks"),
    "the run called what it did not journal": (one_more, "call not in the journal", "the journal lacks it"),
    "somebody changed the same": (more(7, 2, eventName="DeleteDetector"), "foreign change", "person-"),
    "another run changed the same": (more(7, 2, run=OTHER), "event of another run", "meanwhile"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_difference_is_told_apart(run: RunFolder, tmp_path: Path, name: str) -> None:
    change, kind, text = CASES[name]
    found = joined(run, change(whole(run.name)), tmp_path)
    assert {each for each, _ in found} == {kind}
    assert any(text in said for _, said in found), found
    assert not any("@" in said for _, said in found)


@pytest.mark.parametrize(
    "others",
    [
        {"minute": -5}, {"minute": 30}, {"errorCode": "AccessDenied"}, {"readOnly": True}, {"awsRegion": "eu-west-3"},
        {"recipientAccountId": "999999999999"}, {"eventSource": "s3.amazonaws.com"}, {"eventName": "ArchiveFindings"},
        {"eventType": "AwsServiceEvent"}, {"userIdentity": {"type": "AWSService", "invokedBy": "guardduty.amazonaws.com"}},
    ],
)  # fmt: skip
def test_what_changes_no_setting_of_ours_meanwhile_is_not_reported(run: RunFolder, tmp_path: Path, others: dict[str, Any]) -> None:
    assert joined(run, more(7, **({"minute": 2} | others))(whole(run.name)), tmp_path) == []


def test_every_form_of_export_is_read(run: RunFolder, tmp_path: Path) -> None:
    records = whole(run.name)
    looked_up = [
        {"EventId": "x", "CloudTrailEvent": json.dumps(each | {"readOnly": str(each["readOnly"]).lower()})} for each in records
    ]
    forms = {
        "records.json": json.dumps({"Records": records}).encode(), "events.json": json.dumps({"Events": looked_up}).encode(),
        "list.json": json.dumps(records).encode(), "lines.jsonl": "\n".join(map(json.dumps, records)).encode(),
        "one.json.gz": gzip.compress(json.dumps({"Records": records}).encode()),
    }  # fmt: skip
    folder = tmp_path / "export" / "2026" / "11"
    folder.mkdir(parents=True)
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
        assert len(read_trails([tmp_path / name])) == len(records), name
        (folder / name).write_bytes(data)
    events = read_trails([tmp_path / "export"])
    assert len(events) == len(records), "an event that several files hold counts once"
    assert against(run, events).faults == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", ", line 1: this is not JSON at column 2"),
        (b'{"a": 1}', ": holds no CloudTrail events"),
        (b'{"Records": [1]}', ": event 1: 1 is not a CloudTrail event, an object"),
        (b'{"Records": [{"eventID": "x"}]}', ": event 1: eventTime is missing; export it again as CloudTrail gives it"),
        (b'{"Records": [{"eventID": "x", "eventTime": "2026-11-28"}]}', ": event 1: eventTime is 2026-11-28, no time in UTC"),
        (b'{"Records": [{"eventID": ["x"]}]}', r": event 1: eventID is \['x'\], no text"),
        (b'{"Events": [{"CloudTrailEvent": "{"}]}', ": event 1: this is not JSON at column 2"),
        (b'{"eventID": "x"}\n{"eventID": \n', ", line 2: this is not JSON at column 13"),
        (b"[" * 100_000, ": nested more than 64 deep"),
        (b"\x1f\x8b\x00", ": the file is gzipped and damaged or cut short; get it again"),
        (b"\xff\xfe{\x00", ", line 1: the file is UTF-16; save it as UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(TrailProblem, match=f"x.json{said}"):
        read_trails([tmp_path / "x.json"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrailProblem, match="holds no files"):
        read_trails([tmp_path / "empty"])


def test_the_simulations_export_joins_with_a_run_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    organization = simulated("seven", tmp_path, monkeypatch)
    organization.set_clock(dt.datetime.now(dt.UTC))
    run = RunFolder.create(
        tmp_path / "runs", "rehearsal", organization.clock.now(), settings=b"", command=[], organization=made.ORGANIZATION
    )
    applied(organization, run, "00_prerequisites")
    file, records = tmp_path / "events.json", export(organization.front.log.entries)
    file.write_text(json.dumps(records))
    events = read_trails([file])
    seen = against(run, events)
    assert (seen.faults, seen.calls) == ([], seen.joined)
    assert seen.joined == len(organization.mutating()) > 3
    assert seen.reads > 10
    assert {run_of(event) for event in events} == {run.name}

    def command(*more: object) -> Any:
        words = ["evidence", "verify", run.name, "--runs", tmp_path / "runs", "--against-cloudtrail", file, *more]
        return CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)

    made.of_process(run, made.ended_process())
    assert "journaled calls are in CloudTrail, 0 differences" in command().output
    records["Records"] = [
        *records["Records"][:-1],
        records["Records"][-1] | {"userAgent": "x", "readOnly": False, "requestID": "y"},
    ]
    gone = next(place for place, each in enumerate(records["Records"]) if not each["readOnly"])
    del records["Records"][gone]
    file.write_text(json.dumps(records))
    done = command()
    assert done.return_value == 1
    assert "event late" in done.output or "event missing" in done.output


def applied(organization: Simulated, run: RunFolder, phase: str) -> None:
    chosen, folder, clock = phase_named(phase), run.start_phase(phase, organization.clock.now()), organization.clock
    access = access_for(organization.settings, chosen, run.name, clock, InProcess(organization.front).attach)
    with access, Journal(folder.journal, run.name, clock) as journal:
        runbook = Runbook(chosen, organization.settings, access, clock, Scope())
        plan = runbook.plan(runbook.observe())
        approval = approve(plan, approver="tests", ticket="T-1", now=clock.now())
        runbook.apply(approval, plan, permit=permitted, journal=journal, stop=Stop(), progress=lambda tick: None)
    run.finish_phase(phase, RunStatus.DONE, clock.now())
    run.finish(RunStatus.DONE, clock.now())
