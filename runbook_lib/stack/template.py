"""Settings → the template: one custom resource after another, and the functions, roles and state machine that carry them out.

Written as JSON, which is YAML too and has no anchors (CloudFormation refuses them). Every custom resource is retained on deletion
and on replacement, so no operation of the stack takes anything away from the organization. What scanners ask for and is left out on
purpose: a customer key for logs (no secret is in them) and for environment variables (they hold names and addresses), a queue for
lost events (it would hold the addresses for answers), reserved concurrency (new accounts have none to spare; one live run at a time
is held by the evidence store), a VPC (nothing is listened to), resources of calls that AWS lets nobody narrow.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_lib.base.errors import RunbookError
from runbook_lib.runbook import managed
from runbook_lib.runbook.phases import Phase
from runbook_lib.services.waves import waves
from runbook_lib.settings import Settings
from runbook_lib.stack.answer import FORMAT, KEYS
from runbook_lib.stack.roles import ROLE, allow, allowed, arn, role, writing_logs
from runbook_lib.stack.surroundings import BUCKET, MACHINE, MODE, PARAMETERS

SERVICE_SECONDS, SLICE_SECONDS, MACHINE_SECONDS, PAUSE = 3600, 890, 3400, 5
LONGEST_POLICIES = 10_240
"""Characters, without white space, of all inline policies of one role [docs: IAM quotas]."""
RUNTIME, ARCHITECTURE = "python3.13", "arm64"
LOG_DAYS = 365
MOST_OUTPUTS = MOST_PARAMETERS = 200
"""Of one template [docs: CloudFormation quotas]."""
ORGANIZATION = "Organization"
"""The parameter by which a stack says whose it is."""
_PARKED = {"Fn::Sub": "/runbook/${AWS::StackName}"}


class NotForAStack(RunbookError):
    """Settings that no function can work by: it has no AWS profile, no file of a laptop, and no disk that lasts."""

    advice = "Change the settings, or take the notebooks or the command line, which need none of this; see docs/stack.md."


@dataclass(frozen=True)
class Task:
    """What one custom resource carries out: a phase, on everything or on one wave, or the part of it that one hour has room for."""

    phase: Phase
    wave: str = ""
    part: int = 0
    """Which part, from 1; 0 for the task itself, which comes after its parts."""
    part_scope: str = field(default="", compare=False)
    """What the part is, as a scope; another one when the task is cut anew."""

    @property
    def logical_id(self) -> str:
        name = "".join(each for each in self.phase.title if each.isalnum())
        name += f"Wave{''.join(each.capitalize() for each in self.wave.split('-'))}" if self.wave else ""
        return name + (f"Part{self.part}" if self.part else "")

    @property
    def title(self) -> str:
        """How it is spoken of."""
        wave, part = f" of wave {self.wave}" if self.wave else "", f", part {self.part}" if self.part else ""
        return f"{self.phase.name}{wave}{part}"

    @property
    def whole(self) -> "Task":
        """The task that this is a part of, or is."""
        return replace(self, part=0, part_scope="")

    @property
    def parameter(self) -> str:
        """The template's parameter with the name of its order."""
        return f"{self.logical_id}Order"

    @property
    def scope(self) -> str:
        return self.part_scope or (json.dumps({"wave": self.wave}) if self.wave else "")


def tasks(settings: Settings) -> tuple[Task, ...]:
    """What the custom resources of these settings carry out, each after the one before."""
    return tuple(Task(phase, wave) for wave in [each.name for each in waves(settings)] or [""] for phase in managed(settings))


def refuse_unfit(settings: Settings) -> None:
    """Raise NotForAStack with everything for which a function could not work by these settings."""
    access, evidence = settings.access, settings.evidence
    live, none = settings.mode == "live", "a function has no AWS profiles"
    told: list[tuple[object, str]] = [
        (access.management.profile, f"access.management.profile: {none}; its own role acts, or role_arn"),
        (access.delegated.profile, f"access.delegated.profile: {none}; give role_arn"),
        (
            not (access.delegated.role_arn or access.management.role_arn),
            "access: the function lives in one of the two accounts; give role_arn of the other",
        ),
        (evidence and evidence.profile, f"evidence.profile: {none}; give role_arn, or nothing"),
        (live and evidence is None, "evidence: a live run has to be sealed; give signing_key and store"),
        (
            live and evidence and not evidence.bucket,
            "evidence.store: a function's disk is lost with it; give s3://BUCKET/PREFIX",
        ),
        (
            evidence and (evidence.trust_policy or "").startswith(("/", "~")),
            "evidence.trust_policy: give a path below the project's folder",
        ),
    ]
    if wrong := [why for unfit, why in told if unfit]:
        raise NotForAStack("\n".join(wrong))


def template(settings: Settings, todo: Sequence[Task] = ()) -> dict[str, Any]:
    """The template for these settings; `todo`: their tasks with the parts that some are cut into. Raises NotForAStack."""
    refuse_unfit(settings)
    todo = todo or tasks(settings)
    if len(todo) > MOST_PARAMETERS - 10:
        raise NotForAStack(f"waves and parts make {len(todo)} resources, and a template has {MOST_PARAMETERS} parameters at most")
    named = [each.logical_id for each in todo]
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Enables AWS's incident-detection services across an organization, one phase after another, and proves it.",
        "Parameters": {
            "ArtifactBucket": {"Type": "String", "Description": "Bucket with bundle, orders and runs."},
            "BundleKey": {"Type": "String", "Description": "Key of the bundle: it has the bundle's digest in it."},
            "BundleVersion": {"Type": "String", "Description": "Version of that object."},
            ORGANIZATION: {"Type": "String", "Description": "The organization that the orders are for."},
            **{
                each.parameter: {
                    "Type": "String",
                    "AllowedPattern": "[0-9]{8}T[0-9]{6}Z-[0-9a-f]{64}",
                    "Description": f"The order for {each.title}.",
                }
                for each in todo
            },
        },
        "Resources": {**_surroundings(settings), **dict(_customs(todo))},
        "Outputs": {
            ORGANIZATION: {"Value": {"Ref": ORGANIZATION}},
            **{f"{name}{key}": {"Value": {"Fn::GetAtt": [name, key]}} for name in named for key in _told(todo)},
        },
    }


def _told(todo: Sequence[Task]) -> tuple[str, ...]:
    """What the stack's outputs say of each resource: all, or the most important where AWS's limit would be passed."""
    return KEYS if len(todo) * len(KEYS) < MOST_OUTPUTS else ("Status", "Coverage", "Evidence")


def text(made: Mapping[str, Any]) -> str:
    """The template's file."""
    return json.dumps(made, indent=1) + "\n"


def _customs(todo: Sequence[Task]) -> Iterator[tuple[str, Any]]:
    before = ["AcceptRole", "AcceptInvocation", "Answering", "Broken", "Machine", "MachineRole", "WorkRole", "Logs"]
    for each in todo:
        yield (
            each.logical_id,
            {
                "Type": "Custom::RunbookPhase",
                "DependsOn": before,
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "ServiceToken": {"Fn::GetAtt": ["Accept", "Arn"]},
                    "ServiceTimeout": SERVICE_SECONDS,
                    "Format": FORMAT,
                    "Phase": each.phase.name,
                    "Order": {"Ref": each.parameter},
                },
            },
        )
        before = [each.logical_id]


def _surroundings(settings: Settings) -> dict[str, Any]:
    return {
        "Logs": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": {"Fn::Sub": "/runbook/${AWS::StackName}"}, "RetentionInDays": LOG_DAYS},
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
        },
        "AcceptRole": role("${AWS::StackName}-accept", "lambda", _accepting()),
        "WorkRole": role(ROLE, "lambda", [*_working(), *allowed(settings)]),
        "MachineRole": role("${AWS::StackName}-machine", "states", _invoking()),
        "Accept": _function(settings, "accept", "entry", 256, 120, {MACHINE: _machine_arn(), PARAMETERS: _PARKED}),
        "Work": _function(settings, "work", "work", 1769, SLICE_SECONDS, {MACHINE: _machine_arn()}),
        "AcceptInvocation": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {
                "FunctionName": {"Ref": "Accept"},
                "Qualifier": "$LATEST",
                "MaximumEventAgeInSeconds": 900,
                "MaximumRetryAttempts": 2,
            },
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": {"Ref": "AWS::StackName"},
                "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
                "Definition": machine(),
                "DefinitionSubstitutions": {
                    "Accept": {"Fn::GetAtt": ["Accept", "Arn"]},
                    "Work": {"Fn::GetAtt": ["Work", "Arn"]},
                },
            },
        },
        "Broken": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": "A state machine that was ended from outside has answered nobody.",
                "EventPattern": {
                    "source": ["aws.states"],
                    "detail-type": ["Step Functions Execution Status Change"],
                    "detail": {"status": ["ABORTED", "FAILED", "TIMED_OUT"], "stateMachineArn": [{"Ref": "Machine"}]},
                },
                "Targets": [{"Id": "accept", "Arn": {"Fn::GetAtt": ["Accept", "Arn"]}}],
            },
        },
        "Answering": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "Accept"},
                "Principal": "events.amazonaws.com",
                "SourceArn": {"Fn::GetAtt": ["Broken", "Arn"]},
            },
        },
        **{name: _alarm(metric) for name, metric in {"Failing": "Errors", "Dropping": "AsyncEventsDropped"}.items()},
    }


def machine() -> dict[str, Any]:
    """The state machine: slices until one has ended, then the answer, whatever became of them."""
    busy = ["Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.SdkClientException", "Lambda.AWSLambdaException"]
    killed = ["States.Timeout", "Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError"]
    return {
        "StartAt": "Slice",
        "TimeoutSeconds": MACHINE_SECONDS,
        "States": {
            "Slice": {
                "Type": "Task",
                "Resource": "${Work}",
                "ResultPath": "$.result",
                "TimeoutSeconds": SLICE_SECONDS + 60,
                "Retry": [
                    {"ErrorEquals": busy, "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 6},
                    {"ErrorEquals": killed, "IntervalSeconds": PAUSE, "BackoffRate": 1, "MaxAttempts": 3},
                ],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Answer"}],
                "Next": "Ended",
            },
            "Ended": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.result.ended", "BooleanEquals": True, "Next": "Answer"}],
                "Default": "Pause",
            },
            "Pause": {"Type": "Wait", "Seconds": PAUSE, "Next": "Slice"},
            "Answer": {
                "Type": "Task",
                "Resource": "${Accept}",
                "ResultPath": None,
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 5}],
                "End": True,
            },
        },
    }


def _machine_arn() -> Any:
    return {"Fn::Sub": "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${AWS::StackName}"}


def _function(settings: Settings, name: str, module: str, memory: int, seconds: int, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": {"Fn::Sub": f"${{AWS::StackName}}-{name}"},
            "Runtime": RUNTIME,
            "Architectures": [ARCHITECTURE],
            "Handler": f"runbook_lib.stack.{module}.handler",
            "Role": {"Fn::GetAtt": [f"{name.title()}Role", "Arn"]},
            "MemorySize": memory,
            "Timeout": seconds,
            "EphemeralStorage": {"Size": 1024},
            "Code": {
                "S3Bucket": {"Ref": "ArtifactBucket"},
                "S3Key": {"Ref": "BundleKey"},
                "S3ObjectVersion": {"Ref": "BundleVersion"},
            },
            "LoggingConfig": {"LogGroup": {"Ref": "Logs"}},
            "Environment": {"Variables": {BUCKET: {"Ref": "ArtifactBucket"}, MODE: settings.mode, **more}},
        },
    }


def _alarm(metric: str) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": "The function that answers CloudFormation fails, or requests to it are dropped.",
            "Namespace": "AWS/Lambda",
            "MetricName": metric,
            "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "Accept"}}],
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        },
    }


_EXECUTIONS = "states:${AWS::Region}:${AWS::AccountId}:execution:${AWS::StackName}:*"
_BUCKET = "s3:::${ArtifactBucket}"


def _accepting() -> list[dict[str, Any]]:
    return [
        writing_logs(),
        allow(["cloudformation:DescribeStacks"], {"Ref": "AWS::StackId"}),
        allow(
            ["ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"],
            arn("ssm:${AWS::Region}:${AWS::AccountId}:parameter/runbook/${AWS::StackName}/*"),
        ),
        allow(["states:StartExecution", "states:ListExecutions"], _machine_arn()),
        allow(["states:DescribeExecution"], arn(_EXECUTIONS)),
        allow(["s3:PutObject"], arn(f"{_BUCKET}/stop/*")),
    ]


def _working() -> list[dict[str, Any]]:
    return [
        writing_logs(),
        allow(["states:ListExecutions"], _machine_arn()),
        allow(["s3:GetObject"], *(arn(f"{_BUCKET}/{each}/*") for each in ("inputs", "stop", "runs"))),
        allow(["s3:PutObject"], *(arn(f"{_BUCKET}/{each}/*") for each in ("executions", "progress", "runs"))),
        allow(["s3:ListBucket"], arn(_BUCKET)),
    ]


def _invoking() -> list[dict[str, Any]]:
    return [allow(["lambda:InvokeFunction"], *({"Fn::GetAtt": [each, "Arn"]} for each in ("Accept", "Work")))]
