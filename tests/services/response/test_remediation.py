"""Remediations on the simulated organization: findings whose cause is mended, and findings that stay as they are."""

from pathlib import Path
from typing import Any

import pytest
from remediating import Remediating, allow, deploy, found_by, pinned, status, workflow
from simulated import Simulated
from test_response_rehearsed import MEMBER, client
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.coverage import Status
from runbook_lib.settings.register import read_workflow

BLOCK = "AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock"


@pytest.fixture
def bucket(made: Simulated, tmp_path: Path) -> Remediating:
    """An open bucket of a member, with its finding, and the workflow that answers for it."""
    client(made, "s3", MEMBER).create_bucket(Bucket="door")
    file = workflow(tmp_path, "exposed-storage", "securityhub", ["S3"], pinned(made, BLOCK))
    deploy(made, read_workflow(file))
    allow(made, MEMBER)
    return Remediating(made, file, found_by(made, "S3.8", "arn:aws:s3:::door"))


def block(made: Simulated) -> set[Any]:
    return set(client(made, "s3", MEMBER).get_public_access_block(Bucket="door")["PublicAccessBlockConfiguration"].values())


def test_a_bucket_is_closed_and_its_finding_resolved(made: Simulated, bucket: Remediating) -> None:
    plan = bucket.plan()
    assert [(each.operation, each.account) for each in plan.actions] == [
        ("StartAutomationExecution", MEMBER), ("BatchUpdateFindings", "222222222222"),
    ]  # fmt: skip
    start = plan.actions[0]
    assert start.parameters["DocumentVersion"] == "5"
    assert start.parameters["Parameters"]["AutomationAssumeRole"] == (
        f"arn:aws:iam::{MEMBER}:role/runbook-response-exposed-storage",
    )
    assert ("off:" in start.before, start.becomes) == (True, "all four settings on")
    assert start.back_out.parameters["Parameters"]["BlockPublicAcls"] == ("false",)
    assert status(made, bucket.findings[0]) == "NEW"
    seen = bucket.through()
    assert {each.status for each in seen.values()} == {Status.COVERED}
    assert (block(made), status(made, bucket.findings[0])) == ({True}, "RESOLVED")


def test_the_second_run_makes_no_call(made: Simulated, bucket: Remediating) -> None:
    bucket.through()
    calls = len(made.mutating())
    again = bucket.plan()
    assert (again.steps, again.blockers) == ((), ())
    assert bucket.apply(again).ok
    assert len(made.mutating()) == calls
