"""What runs of response, drill and remediation leave: no address, webhook or token, and of findings not what was found."""

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cells import in_process, latest
from doors import served
from remediating import deploy, found_by, pinned, workflow
from simulated import Simulated, home, settings_for
from test_response_rehearsed import BEFORE, DELEGATED, MEMBER, PHASE, client

from runbook_lib.base.clock import Clock
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.operations.securityhub.state import state_of
from runbook_lib.rehearsal.operations.sns import subscribe_and_confirm
from runbook_lib.runbook.phases import DRILLING, REMEDIATING
from runbook_lib.settings.register import read_workflow

BLOCK = "AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock"
ADDRESS, HOOK, KEY = "on-call@example.com", "https://hooks.example.com/services/hidden-hook", "hidden-key"
FOUND = {
    "Title": "hidden-title", "Description": "hidden-description",
    "Note": {"Text": "hidden-note", "UpdatedBy": "somebody", "UpdatedAt": "2026-01-01T00:00:00Z"},
    "UserDefinedFields": {"case": "hidden-field"}, "Remediation": {"Recommendation": {"Text": "hidden-advice"}},
}  # fmt: skip
EMAIL = re.compile(rb"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}")
OF_THE_SERVER = "simulated-organization"
"""The simulated organization's own state, which no run has."""


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and OF_THE_SERVER not in path.parts:
            data = path.read_bytes()
            yield path, gzip.decompress(data) if path.suffix == ".gz" else data


@pytest.mark.soak
def test_every_file_of_response_drill_and_remediation_is_free_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served("seven", tmp_path, moto=True) as organization:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in organization.environment.items():
            monkeypatch.setenv(name, value)
        made = Simulated(organization.front, settings_for(organization.front), tmp_path)
        made.enable(BEFORE)
        events, where = client(made, "events"), home(made.front)
        given = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": KEY}}
        connection = events.create_connection(Name="pager", AuthorizationType="API_KEY", AuthParameters=given)["ConnectionArn"]
        named = {"Name": "pager", "ConnectionArn": connection, "InvocationEndpoint": HOOK, "HttpMethod": "POST"}
        pager = events.create_api_destination(**named)["ApiDestinationArn"]
        response = {
            "channels": {
                "triage": {"queue": {"make": "runbook-triage"}}, "people": {"topic": {"make": "runbook-people"}},
                "pager": {"api_destination": {"arn": pager}},
            },
            "routes": {"urgent": {"findings": {"severities": ["HIGH"]}, "to": ["triage", "people", "pager"]}},
            "remediation": {"accounts": [MEMBER]},
        }  # fmt: skip
        settings = tmp_path / "acme.yaml"
        text = organization.settings.read_text(encoding="utf-8")
        settings.write_text(f"{text}\nresponse: {json.dumps(response)}\n", encoding="utf-8")
        register = tmp_path / "acme.workflows"
        register.mkdir()
        file = workflow(register, "exposed-storage", "securityhub", ["S3"], pinned(made, BLOCK))
        deploy(made, read_workflow(file))
        client(made, "s3", MEMBER).create_bucket(Bucket="door")
        finding = found_by(made, "S3.8", "arn:aws:s3:::door")
        for found in state_of(made.front.world).findings.values():
            for each in found.values():
                each.update(FOUND)

        def run(phase: str, **about: str) -> str:
            """Plan, approve and apply; the workflow status of neither matters here."""
            shown = in_process(organization, phase, None, parameters_file=str(settings), **about)
            folder = latest(organization, phase).phase(phase)
            plan = plan_file.load(folder.plan_json)
            assert plan.actions, plan.blockers
            approve(plan, approver="tests", ticket="T-1", now=Clock().now(), loses=plan.to_type).write(folder.approval)
            done = in_process(
                organization, phase, None, parameters_file=str(settings), approval=str(folder.approval), **about
            )  # fmt: skip
            return json.dumps([shown.shown, done.shown])

        said = run(PHASE)
        subscribe_and_confirm(made.front.world, f"arn:aws:sns:{where}:{DELEGATED}:runbook-people", ADDRESS)
        said += run(DRILLING.name, name="spring")
        said += run(REMEDIATING.name, workflow="exposed-storage", findings=finding)
        assert client(made, "s3", MEMBER).get_public_access_block(Bucket="door")["PublicAccessBlockConfiguration"]
        files = dict(contents(organization.runs))
        assert len([path for path in files if path.name == "journal.jsonl"]) == 3
        assert any(finding.encode() in data for data in files.values()), "the id is what it is known by"
        hidden = [
            (str(path.relative_to(organization.runs)), word)
            for path, data in {**files, organization.runs / "said": said.encode()}.items()
            for word in (ADDRESS, "hooks.example.com", "hidden-", *map(bytes.decode, EMAIL.findall(data)))
            if word.encode() in data
        ]
        assert hidden == [], hidden
        assert isinstance(made.front.backstop, Backstop)
        made.front.backstop.reset()
        made.front.backstop.close()
