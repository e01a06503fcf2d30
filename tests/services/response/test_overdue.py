"""What remediations leave to be done: the review of an emergency, and the end of a containment, by the records of their runs."""

import datetime as dt
import shutil
from pathlib import Path

import pytest
from remediating import Remediating, pinned
from remediating import workflow as written
from simulated import Simulated
from test_remediation import USER, threat
from test_response_rehearsed import MEMBER, client
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.evidence.run.contents import REVIEW
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.phase_run.overdue import overdue
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.runbook.phases import BACK_OUT, REMEDIATING
from runbook_lib.runbook.remediating import WORKFLOW

DAY = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def contained(made: Simulated, tmp_path: Path) -> Remediating:
    """A user whose keys are used by somebody, and the workflow that deactivates them for ten days."""
    iam = client(made, "iam", MEMBER)
    client(made, "s3", MEMBER).create_bucket(Bucket="kept")
    arn = iam.create_user(UserName="robot")["User"]["Arn"]
    iam.create_access_key(UserName="robot")
    found = threat(made, tmp_path, "AwsIamUser", arn, USER, BackupS3BucketName="kept")
    document = pinned(made, USER, BackupS3BucketName="kept")
    step = {"action": "Deactivate the keys.", "role": "the workflow's role", "document": document, "holds_for": 10}
    found.file = written(tmp_path, "threats", "guardduty", ["CryptoCurrency"], contain=[step], review_emergencies_within=2)
    return found


def run_of(contained: Remediating, root: Path, emergency: str) -> RunFolder:
    """What a run of it leaves: its record, workflow, plan, approval and journal."""
    made, plan = contained.made, contained.plan()
    assert contained.apply(plan).ok
    run = RunFolder.create(
        root, "rehearsal", DAY, settings=b"", command=["test"], organization=made.settings.organization.id
    )  # fmt: skip
    folder = run.start_phase(REMEDIATING.name, DAY)
    shutil.copy(contained.file, folder.path / WORKFLOW)
    folder.plan_json.write_text(plan_file.dumps(plan), encoding="utf-8")
    approval = approve(plan, approver="alice", ticket="T-1", now=DAY, hours=1)
    approval.model_copy(update={"emergency": emergency}).write(folder.approval)
    shutil.copy(made.journal(f"{REMEDIATING.name}-{made.runs}"), folder.journal)
    return run


def said(contained: Remediating, root: Path, days: int) -> list[str]:
    return [str(each) for each in overdue(root, contained.made.settings, (DAY + dt.timedelta(days)).date())]


def test_an_emergency_is_reviewed_in_time_and_a_containment_ends(contained: Remediating, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    run = run_of(contained, root, "keys of robot are used from abroad")
    assert said(contained, root, 2) == []
    [review] = said(contained, root, 3)
    assert "its review was due on 2026-06-03" in review
    assert f"runbook evidence review {run.name}" in review
    assert [each.partition(" was")[0].rpartition(" ")[2] for each in said(contained, root, 11)] == ["review", "contained"]
    (run.path / REVIEW).write_text("{}", encoding="utf-8")
    [held] = said(contained, root, 11)
    assert f"what {USER} contained was to be held until 2026-06-11" in held
    assert f"runbook back-out {run.name}" in held
    other = RunFolder.create(
        root, "rehearsal", DAY, settings=b"", command=["test"], organization=contained.made.settings.organization.id
    )  # fmt: skip
    other.start_phase(BACK_OUT.name, DAY)
    other.finish_phase(BACK_OUT.name, RunStatus.LEFT_OVER, DAY, {"about": f"{run.name} {REMEDIATING.name}"})
    assert said(contained, root, 11) == [held], "not all of it was taken back"
    other.finish_phase(BACK_OUT.name, RunStatus.DONE, DAY, {"about": f"{run.name} {REMEDIATING.name}"})
    assert said(contained, root, 11) == []


def test_others_runs_and_ordinary_approvals_are_no_emergency(contained: Remediating, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    run_of(contained, root, "")
    assert said(contained, root, 9) == []
    other = contained.made.settings.organization.model_copy(update={"id": "o-another"})
    settings = contained.made.settings.model_copy(update={"organization": other})
    assert list(overdue(root, settings, (DAY + dt.timedelta(400)).date())) == []


def test_what_cannot_be_read_is_said(contained: Remediating, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    run = run_of(contained, root, "")
    (run.phase(REMEDIATING.name).path / WORKFLOW).unlink()
    [one] = said(contained, root, 1)
    assert "whether anything of it is overdue cannot be told" in one
