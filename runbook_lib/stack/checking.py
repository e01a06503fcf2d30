"""The template of the scheduled check: the coverage is looked at every day, by reads alone, and alarms say what was seen.

A build of CodeBuild does it, since it runs the very notebook, with a kernel, and may take longer than a function. The alarms
go off where there is a gap, where something is unknown, where the check itself fails, and where nothing was heard for 26 hours: a
check that no longer runs looks, from outside, like one that finds nothing.
"""

import json
from typing import Any

from runbook_lib.settings import Settings
from runbook_lib.stack.bundle import PYTHON
from runbook_lib.stack.roles import allow, allowed, arn, role, writing_logs
from runbook_lib.stack.template import LOG_DAYS, ORGANIZATION, refuse_unfit

SUFFIX = "-check"
"""After the name of a stack: what its check is called."""
ROLE = "runbook-check"
"""The role that looks: other accounts' reading roles trust it by name."""
SETTINGS, WHEELS = "settings.yaml", "wheels"
"""In the source of the build: the settings, and the folder of the libraries."""
PROJECT = "Project"
"""The output by which a check's stack is known."""
NAMESPACE, DIMENSION = "Runbook", "Check"
GAPS, UNKNOWN, COVERED, CHECKED, FAILED = "Gaps", "Unknown", "Covered", "Checked", "Failed"
"""Metrics: answers that are gaps, unknown, covered; 1 for a check that came to its end, 1 for one that did not."""
IMAGE = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
"""Has Python 3.13 [docs: available runtimes]."""
AT = "cron(17 3 * * ? *)"
SILENCE_HOURS, MINUTES = 26, 60
"""How long nothing has to be heard until it is silence, and how long a check may take."""
_HOUR = 3600
_LAST: dict[str, Any] = {"hours": 1, "comparison": "GreaterThanOrEqualToThreshold", "missing": "ignore"}
"""An alarm that stays as the last check has left it, until the next has been."""
_HEARD: dict[str, Any] = {"hours": SILENCE_HOURS, "comparison": "LessThanThreshold", "missing": "breaching"}
ALARMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Gap": (GAPS, "Something that the settings want is missing: runbook coverage says what, and what comes next.", _LAST),
    "Unread": (UNKNOWN, "Something could not be read, so nobody knows whether it is covered.", _LAST),
    "Failing": (FAILED, "The check could not do its work; its build's log says why.", _LAST),
    "Silence": (
        CHECKED,
        f"No check has come to its end for {SILENCE_HOURS} hours, so nobody knows what is covered.",
        _HEARD,
    ),
}
"""Logical id → its metric, what it says when it goes off, and how the metric is judged."""


def template(settings: Settings, topic: str = "") -> dict[str, Any]:
    """The template of the check of these settings; `topic`: ARN of the SNS topic that alarms go to. Raises NotForAStack."""
    refuse_unfit(settings)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Looks every day, by reads alone, whether what the runbook enabled is still covered.",
        "Parameters": {
            "ArtifactBucket": {"Type": "String", "Description": "Bucket with the source of the check."},
            "SourceKey": {"Type": "String", "Description": "Key of the source: it has the source's digest in it."},
            "SourceVersion": {"Type": "String", "Description": "Version of that object."},
            ORGANIZATION: {"Type": "String", "Description": "The organization that is looked at."},
        },
        "Resources": {
            "Logs": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"LogGroupName": {"Fn::Sub": "/runbook/${AWS::StackName}"}, "RetentionInDays": LOG_DAYS},
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
            },
            "CheckRole": role(ROLE, "codebuild", [*_looking(), *allowed(settings, changing=False)]),
            "Project": _project(),
            "ScheduleRole": role("${AWS::StackName}-schedule", "scheduler", [allow(["codebuild:StartBuild"], _project_arn())]),
            "Daily": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "Name": {"Ref": "AWS::StackName"},
                    "ScheduleExpression": AT,
                    "ScheduleExpressionTimezone": "UTC",
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {
                        "Arn": {"Fn::GetAtt": ["Project", "Arn"]},
                        "RoleArn": {"Fn::GetAtt": ["ScheduleRole", "Arn"]},
                        "RetryPolicy": {"MaximumEventAgeInSeconds": _HOUR, "MaximumRetryAttempts": 5},
                    },
                },
            },
            **{name: _alarm(metric, said, topic, **how) for name, (metric, said, how) in ALARMS.items()},
        },
        "Outputs": {PROJECT: {"Value": {"Ref": "Project"}}, ORGANIZATION: {"Value": {"Ref": ORGANIZATION}}},
    }


def buildspec() -> dict[str, Any]:
    """What a build does. Its exit code is the check's, so a gap is a build that failed, and never looks like none."""
    install = f"python -m pip install --quiet --no-index --find-links {WHEELS} --require-hashes --requirement requirements/base.txt"
    look = f"python -m runbook_lib stack check -p {SETTINGS} --name $RUNBOOK_CHECK"
    return {
        "version": 0.2,
        "phases": {
            "install": {"runtime-versions": {"python": PYTHON}, "commands": [install]},
            "build": {
                "commands": [f'RUNBOOK_PROJECT="$CODEBUILD_SRC_DIR" PYTHONPATH="$CODEBUILD_SRC_DIR" RUNBOOK_RUNS=/tmp/runs {look}']
            },
        },
    }


def _project_arn() -> Any:
    return arn("codebuild:${AWS::Region}:${AWS::AccountId}:project/${AWS::StackName}")


def _project() -> dict[str, Any]:
    return {
        "Type": "AWS::CodeBuild::Project",
        "Properties": {
            "Name": {"Ref": "AWS::StackName"},
            "Description": "Looks, by reads alone, at what is covered.",
            "ServiceRole": {"Fn::GetAtt": ["CheckRole", "Arn"]},
            "Source": {
                "Type": "S3",
                "Location": {"Fn::Sub": "${ArtifactBucket}/${SourceKey}"},
                "BuildSpec": json.dumps(buildspec(), indent=1),
            },
            "SourceVersion": {"Ref": "SourceVersion"},
            "Artifacts": {"Type": "NO_ARTIFACTS"},
            "Environment": {
                "Type": "ARM_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_SMALL",
                "Image": IMAGE,
                "EnvironmentVariables": [{"Name": "RUNBOOK_CHECK", "Value": {"Ref": "AWS::StackName"}}],
            },
            "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": {"Ref": "Logs"}}},
            "TimeoutInMinutes": MINUTES,
            "QueuedTimeoutInMinutes": MINUTES,
            "ConcurrentBuildLimit": 1,
        },
    }


def _looking() -> list[dict[str, Any]]:
    own = {"Condition": {"StringEquals": {"cloudwatch:namespace": [NAMESPACE]}}}
    return [
        writing_logs(),
        allow(["s3:GetObject", "s3:GetObjectVersion"], arn("s3:::${ArtifactBucket}/${SourceKey}")),
        allow(["s3:GetBucketAcl", "s3:GetBucketLocation"], arn("s3:::${ArtifactBucket}")),
        {**allow(["cloudwatch:PutMetricData"], "*"), **own},
    ]


def _alarm(metric: str, said: str, topic: str, hours: int, comparison: str, missing: str) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": {"Fn::Sub": f"${{AWS::StackName}}-{metric.lower()}"},
            "AlarmDescription": said,
            "Namespace": NAMESPACE,
            "MetricName": metric,
            "Dimensions": [{"Name": DIMENSION, "Value": {"Ref": "AWS::StackName"}}],
            "Statistic": "Maximum",
            "Period": _HOUR,
            "EvaluationPeriods": hours,
            "Threshold": 1,
            "ComparisonOperator": comparison,
            "TreatMissingData": missing,
            **({"AlarmActions": [topic], "OKActions": [topic]} if topic else {}),
        },
    }
