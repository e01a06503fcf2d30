"""What is large, what is many, and what is gone: each said clearly, and nothing lost without a word."""

import json
from typing import Any

import pytest
from remediating import Remediating, allow, deploy, found_by, pinned, status, workflow
from simulated import Simulated, home
from test_drill import Drilling
from test_remediation import BLOCK
from test_response_rehearsed import DELEGATED, MEMBER, PHASE, SECTION, apply, client, imported, messages, reasons, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.coverage import Status
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.securityhub.custom_actions import press
from runbook_lib.services.response.remediation import MOST
from runbook_lib.settings.register import read_workflow

KB = 1024
LARGE = {"Remediation": {"Recommendation": {"Text": "x" * 512}}, "Note": {"Text": "y" * 512, "UpdatedBy": "tests"}}


def large(kilobytes: int) -> dict[str, Any]:
    """What makes a finding about that large: its details, as AWS's products fill them."""
    return {"Resources": [
        {"Type": "Other", "Id": f"arn:aws:s3:::door-{number}", "Details": {"Other": {"Text": "x" * KB}}}
        for number in range(kilobytes)
    ]}  # fmt: skip


def test_of_a_finding_of_240_kb_people_get_its_id_and_what_is_undelivered_is_kept_whole(made: Simulated) -> None:
    """EventBridge takes events of 256 KB, and SQS messages of 256 KB: such a finding fits both, and a message names it alone."""
    apply(made)
    finding = imported(made, Id="large", **large(220))
    assert len(json.dumps(finding).encode()) > 225 * KB
    [message] = messages(made)
    assert (message["finding"], len(json.dumps(message)) < KB) == ("large", True)
    sqs = client(made, "sqs")
    url = sqs.get_queue_url(QueueName="runbook-triage")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    imported(made, Id="lost", **large(220))
    [kept] = messages(made, "runbook-response-undelivered")
    assert kept["detail"]["findings"][0]["Id"] == "lost"


def test_a_finding_of_more_than_240_kb_is_refused_by_security_hub_with_its_code(made: Simulated) -> None:
    hub, where = client(made, "securityhub", MEMBER), home(made.front)
    small = imported(made, Id="small")
    answer = hub.batch_import_findings(Findings=[{**small, "Id": "too-large", **large(250)}])
    assert (answer["FailedCount"], answer["FailedFindings"][0]["Id"], where) == (1, "too-large", home(made.front))


def test_20_findings_at_once_are_20_messages_and_a_21st_cannot_be_chosen(made: Simulated) -> None:
    apply(made)
    identities = [f"f-{number}" for number in range(21)]
    for each in identities:
        imported(made, Id=each, Severity={"Label": "LOW"})
    place, action = (made.front.world, DELEGATED, home(made.front)), "action/custom/Triage"
    arn = f"arn:aws:securityhub:{home(made.front)}:{DELEGATED}:{action}"
    press(*place, arn, identities[:20])
    assert sorted(each["finding"] for each in messages(made)) == sorted(identities[:20])
    with pytest.raises(ApiError, match="1 to 20 findings can be selected, not 21"):
        press(*place, arn, identities)


def test_a_queue_with_more_messages_than_one_look_shows_says_so_in_a_drill(made: Simulated) -> None:
    routes = {**SECTION["routes"], "high-findings": {"findings": {"severities": ["HIGH"]}, "to": ["triage"]}}
    made.settings = with_response(made.settings, routes=routes)
    apply(made)
    for number in range(20):
        imported(made, Id=f"f-{number}")
    seen = Drilling(made).through()["delivery high-findings to triage"]
    assert (seen.status, seen.code) == (Status.UNKNOWN, "NotSeen")
    assert "the queue runbook-triage has more messages than one look shows" in seen.reason
    assert seen.next_step


def test_20_findings_are_remediated_under_one_approval_each_with_its_own_status(made: Simulated, tmp_path: Any) -> None:
    """As many as a filter of GetFindings takes; each is updated by a call of its own, so that one refusal stops no other."""
    s3 = client(made, "s3", MEMBER)
    file = workflow(tmp_path, "exposed-storage", "securityhub", ["S3"], pinned(made, BLOCK))
    deploy(made, read_workflow(file))
    allow(made, MEMBER)
    found = []
    for number in range(MOST):
        s3.create_bucket(Bucket=f"door-{number:02}")
        found.append(found_by(made, "S3.8", f"arn:aws:s3:::door-{number:02}"))
    remediating = Remediating(made, file, *found)
    plan = remediating.plan()
    assert [each.operation for each in plan.actions].count("StartAutomationExecution") == MOST
    assert remediating.apply(plan).ok
    assert {status(made, each) for each in found} == {"RESOLVED"}
    blocks = [s3.get_public_access_block(Bucket=f"door-{number:02}") for number in range(MOST)]
    assert {tuple(each["PublicAccessBlockConfiguration"].values()) for each in blocks} == {(True,) * 4}


def of_findings(made: Simulated, **findings: Any) -> None:
    routes = {**SECTION["routes"], "high-findings": {"findings": findings, "to": ["triage"]}}
    made.settings = with_response(made.settings, routes=routes)
    apply(made)


def test_a_route_that_names_an_account_that_left_says_so(made: Simulated) -> None:
    of_findings(made, accounts=[MEMBER, DELEGATED])
    made.front.world.organization.accounts.pop(MEMBER)
    [cell] = [cell for cell in made.phase_cells(PHASE) if (cell.aspect, cell.item) == ("routes", "high-findings")]
    assert f"not in the organization any more, so take out of the route: {MEMBER}" in cell.reason
    assert (reasons(made), made.plan(PHASE).steps) == ({}, ())


def test_an_account_that_left_leaves_a_unit_s_route_and_that_lowers_nothing(made: Simulated) -> None:
    """One that was moved elsewhere is another thing: people would not be told of its findings any longer."""
    accounts = made.front.world.organization.accounts
    unit = accounts[MEMBER].parent
    of_findings(made, organizational_units=[unit])
    beside = [each for each in accounts if accounts[each].parent == unit and each != MEMBER]
    left = accounts.pop(MEMBER)
    if beside:
        assert reasons(made) == {}
        assert [each.operation for each in made.plan(PHASE).actions][:1] == ["PutRule"]
    else:
        assert reasons(made) == {
            "routes high-findings": "the route fits no finding: no active account is below its organizational units"
        }
    accounts[MEMBER] = left
    accounts[MEMBER].parent = made.front.world.organization.root
    assert "routes high-findings" in reasons(made)
