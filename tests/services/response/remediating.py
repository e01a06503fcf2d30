"""Remediations on the simulated organization: the workflow's role as its template has it, and the procedure as a process has it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from procedure_in_process import ProcedureInProcess
from simulated import Simulated, home
from test_response_rehearsed import DELEGATED, MEMBER, client

from runbook_lib.coverage import Cell
from runbook_lib.rehearsal.operations.securityhub.controls import watch
from runbook_lib.rehearsal.operations.securityhub.findings import store
from runbook_lib.rehearsal.operations.ssm.documents import catalogue
from runbook_lib.runbook.phases import REMEDIATING
from runbook_lib.services.response.remediation import Remediation
from runbook_lib.services.response.workflow_roles import template
from runbook_lib.settings.register import read_workflow
from runbook_lib.settings.response import Remediation as Allowed
from runbook_lib.settings.workflow import Workflow


def pinned(made: Simulated, name: str, **parameters: Any) -> dict[str, Any]:
    """A document of AWS's, pinned as whoever reads it today pins it."""
    document = catalogue()[name]
    version = document.default
    digest = hashlib.sha256(document.content(version).encode()).hexdigest()
    return {"name": name, "version": str(version), "sha256": digest, **({"parameters": parameters} if parameters else {})}


def workflow(folder: Path, identity: str, product: str, families: list[str], *documents: Mapping[str, Any], **changes: Any) -> Path:
    """The file of a workflow with a step for each document."""
    steps = [{"action": f"Start {each['name']}.", "role": "the workflow's role", "document": each} for each in documents]
    written = {
        "id": identity, "title": "Tests", "version": "1", "status": "active", "owner": "A team", "deputy": "Another",
        "reviewed_on": "2026-05-01", "answers": [{"product": product, "families": families}], "entry": {"person": True},
        "urgency": {"priority": "P2", "notice": "1 hour", "contain": "4 hours"}, "triage": {"questions": ["Is it meant?"]},
        "contain": steps, "verify": [{"read": "the resource", "expected": "closed"}], **changes,
    }  # fmt: skip
    path = folder / f"{identity}.yaml"
    path.write_text(json.dumps(written), encoding="utf-8")
    return path


def filled(value: Any, account: str) -> Any:
    """What CloudFormation makes of a template's texts in an account."""
    if isinstance(value, dict):
        if list(value) == ["Fn::Sub"]:
            return value["Fn::Sub"].replace("${AWS::AccountId}", account).replace("${AWS::Partition}", "aws")
        return {key: filled(each, account) for key, each in value.items()}
    return [filled(each, account) for each in value] if isinstance(value, list) else value


def deploy(made: Simulated, of: Workflow, account: str = MEMBER) -> None:
    """What a StackSet makes of the workflow's template in an account, by plain IAM."""
    iam = client(made, "iam", account)
    resources = filled(template(of, made.settings)["Resources"], account)
    limit, role = resources["Boundary"]["Properties"], resources["Role"]["Properties"]
    boundary = iam.create_policy(PolicyName=limit["ManagedPolicyName"], PolicyDocument=json.dumps(limit["PolicyDocument"]))
    iam.create_role(
        RoleName=role["RoleName"], AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]),
        PermissionsBoundary=boundary["Policy"]["Arn"],
    )  # fmt: skip
    for each in role["Policies"]:
        document = json.dumps(each["PolicyDocument"])
        iam.put_role_policy(RoleName=role["RoleName"], PolicyName=each["PolicyName"], PolicyDocument=document)


def allow(made: Simulated, *accounts: str) -> None:
    """Let settings name accounts in which remediations may act."""
    section = made.settings.response
    assert section is not None
    changed = section.model_copy(update={"remediation": Allowed(accounts=accounts)})
    made.settings = made.settings.model_copy(update={"response": changed})


def found_by(made: Simulated, control: str, resource: str, account: str = MEMBER, region: str = "") -> str:
    """A finding of a control about a resource; its id."""
    return watch(made.front.world, account, region or home(made.front), control, resource)["finding"]


def reported(made: Simulated, product: str, kind: str, resource: str, arn: str, details: Any = None) -> str:
    """A finding that a service of AWS's reports about a resource of the member; its id."""
    region = home(made.front)
    identity = f"arn:aws:{product}:{region}:{MEMBER}:finding/{arn.rpartition('/')[2]}"
    finding = {
        "SchemaVersion": "2018-10-08", "Id": identity, "ProductArn": f"arn:aws:securityhub:{region}::product/aws/{product}",
        "GeneratorId": "tests", "AwsAccountId": MEMBER, "CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-01T00:00:00Z",
        "Title": "A threat", "Description": "Nobody else's business", "Severity": {"Label": "HIGH"}, "Types": [kind],
        "Resources": [{"Type": resource, "Id": arn, "Region": region, **({"Details": details} if details else {})}],
    }  # fmt: skip
    store(made.front.world, MEMBER, region, finding)
    return identity


class Remediating(ProcedureInProcess):
    """One remediation."""

    phase = REMEDIATING

    def __init__(self, made: Simulated, file: Path, *findings: str) -> None:
        super().__init__(made)
        self.file, self.findings = file, findings

    def doing(self) -> Remediation:
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        return Remediation(read_workflow(self.file), digest, self.findings, self.made.clock)

    def key(self, cell: Cell) -> str:
        """The aspect, of the one finding."""
        return cell.aspect


def status(made: Simulated, finding: str) -> str:
    """The workflow status of a finding as the delegated account sees it."""
    filters = {"Id": [{"Value": finding, "Comparison": "EQUALS"}]}
    [found] = client(made, "securityhub", DELEGATED).get_findings(Filters=filters)["Findings"]
    return str(found["Workflow"]["Status"])
