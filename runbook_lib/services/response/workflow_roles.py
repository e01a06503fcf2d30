"""The role of each workflow in member accounts: policy, boundary, trust, a template for a StackSet, written from its file. Pure.

One role for each workflow, and never an enabling one: it looks at resources, starts the workflow's documents in the versions that
are pinned, and is what they act by. It is entered from the delegated account, and assumed by Systems Manager for executions of the
same account. Texts in which "${AWS::…}" stands are CloudFormation's, which fills them in each account.

Sources: service authorization reference of each service [docs]; Automation's page on the confused deputy [docs].
"""

from collections.abc import Iterator, Mapping
from typing import Any

from runbook_lib.services.response.cases import ROLE
from runbook_lib.services.response.remedies import REMEDIES, Remedy
from runbook_lib.settings import Settings
from runbook_lib.settings.workflow import Workflow

VERSION = "2012-10-17"
HERE, PARTITION = "${AWS::AccountId}", "${AWS::Partition}"
SERVICE = "ssm.amazonaws.com"
AS_IAM_HAS_IT = {"s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock"}
"""Reads whose action in IAM has another name [docs]."""
LOOKING = ("ssm:DescribeAutomationExecutions", "ssm:DescribeDocument")


def remedies_of(workflow: Workflow) -> tuple[tuple[Remedy, str], ...]:
    """The documents of a workflow that are carried out here, each with its pinned version."""
    documents = [step.document for step in (*workflow.contain, *workflow.eradicate) if step.document]
    return tuple((REMEDIES[each.name], each.version) for each in documents if each.name in REMEDIES)


def role_name(workflow: Workflow) -> str:
    return f"{ROLE}{workflow.id}"


def policy(workflow: Workflow) -> dict[str, Any]:
    """What the role may do."""
    return {"Version": VERSION, "Statement": list(_statements(workflow))}


def boundary(workflow: Workflow) -> dict[str, Any]:
    """What it may do at most, whatever is attached to it: the same actions, anywhere, and nothing else."""
    actions = sorted({action for each in _statements(workflow) for action in each["Action"]})
    return {"Version": VERSION, "Statement": [{"Sid": "AtMost", "Effect": "Allow", "Action": actions, "Resource": ["*"]}]}


def trust(settings: Settings) -> dict[str, Any]:
    """Who may assume it: the delegated account's role, and Systems Manager for executions of the same account."""
    door, us = settings.access.delegated, settings.organization.delegated_account
    opener = door.role_arn or f"arn:{PARTITION}:iam::{us}:root"
    execution = f"arn:{PARTITION}:ssm:*:{HERE}:automation-execution/*"
    condition = {"StringEquals": {"aws:SourceAccount": HERE}, "ArnLike": {"aws:SourceArn": execution}}
    return {
        "Version": VERSION,
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": opener}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole", "Condition": condition},
        ],
    }


def template(workflow: Workflow, settings: Settings) -> dict[str, Any]:
    """A template that a StackSet makes in every account in which the workflow may act."""
    name = role_name(workflow)
    role = {
        "RoleName": name,
        "Description": f"Remediates by the workflow {workflow.id}, version {workflow.version}",
        "MaxSessionDuration": 3600,
        "AssumeRolePolicyDocument": trust(settings),
        "PermissionsBoundary": {"Ref": "Boundary"},
        "Policies": [{"PolicyName": "runbook", "PolicyDocument": policy(workflow)}],
    }
    limit = {"ManagedPolicyName": f"{name}-boundary", "PolicyDocument": boundary(workflow)}
    resources = {
        "Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": limit},
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
    }
    description = f"The role of the workflow {workflow.id}; make it in the accounts that response.remediation names"
    return {"AWSTemplateFormatVersion": "2010-09-09", "Description": description, "Resources": _filled_in(resources)}


def _statements(workflow: Workflow) -> Iterator[dict[str, Any]]:
    found = remedies_of(workflow)
    reads = sorted({*LOOKING, *(AS_IAM_HAS_IT.get(each, each) for remedy, _ in found for each in remedy.reads)})
    yield _allow("Look", reads, ["*"])
    started = [
        arn
        for remedy, version in found
        for arn in (
            f"arn:{PARTITION}:ssm:*:*:automation-definition/{remedy.document}:{version}",
            f"arn:{PARTITION}:ssm:*:*:document/{remedy.document}",
        )
    ]
    yield _allow("Start", ["ssm:StartAutomationExecution"], sorted(started))
    yield _allow("Tag", ["ssm:AddTagsToResource"], [f"arn:{PARTITION}:ssm:*:{HERE}:automation-execution/*"])
    passing = {"StringEquals": {"iam:PassedToService": SERVICE}}
    yield _allow("Pass", ["iam:PassRole"], [f"arn:{PARTITION}:iam::{HERE}:role/{role_name(workflow)}"], passing)
    grants = {grant: None for remedy, _ in found for grant in remedy.grants}
    for number, grant in enumerate(grants, 1):
        yield _allow(f"Act{number}", sorted(grant.actions), [_arn(each) for each in grant.resources])


def _arn(written: str) -> str:
    return written.replace("PARTITION", PARTITION).replace("ACCOUNT", HERE)


def _allow(sid: str, actions: list[str], resources: list[str], condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    limits = {"Condition": condition} if condition else {}
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources, **limits}


def _filled_in(value: Any) -> Any:
    """Texts with "${AWS::…}" as CloudFormation fills them in."""
    if isinstance(value, dict):
        return {key: _filled_in(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each) for each in value]
    return {"Fn::Sub": value} if isinstance(value, str) and "${AWS::" in value else value
