"""Targets of rules: what PutTargets refuses. Whether a target gets anything is decided when an event comes (`courier`)."""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from runbook_lib.rehearsal.asked import Asked
from runbook_lib.rehearsal.constraints import refuse_beyond
from runbook_lib.rehearsal.operations.events.inputs import problem_of
from runbook_lib.rehearsal.operations.events.lookup import Arn, arn_of, paged, rule_named, unmanaged
from runbook_lib.rehearsal.operations.events.state import Rule, state_of
from runbook_lib.rehearsal.operations.events.texts import NOT_AN_ARN, invalid, parameter, too_many
from runbook_lib.rehearsal.permissions import refuse_denied
from runbook_lib.rehearsal.registry import Call, operation

MOST_TARGETS, MOST_ENTRIES = 5, 10
"""Targets of a rule, and entries of one call, whatever the model says [docs]."""
SERVICE = "events.amazonaws.com"
NEEDS_ROLE = (
    "states",
    "ssm",
    "ssm-incidents",
    "ecs",
    "kinesis",
    "firehose",
    "api-destination",
    "batch",
    "codebuild",
    "codepipeline",
)
"""Kinds of targets for which EventBridge asks for a role [docs]."""
TAKES_ROLE = ("sns", "sqs", "lambda")
"""Kinds of which one page of AWS's says that a role is allowed, and another that it is not: variant "events role for topics"."""


def kind_of(arn: Arn) -> str:
    """What a target is: its service, or which of EventBridge's own resources."""
    own = arn.service == "events"
    return arn.resource.partition("/")[0] if own else arn.service


@operation("events", "PutTargets")
def put_targets(call: Call, Rule: str, Targets: list[dict[str, Any]], EventBusName: str | None = None) -> dict[str, Any]:
    """Add targets, or replace those of the same id. What one of them lacks refuses the whole call [seen].

    A 200 has failed entries for what EventBridge could not do (`EventsState.failing_entries`, which a test or scenario sets).
    """
    refuse_beyond("events", "PutTargets", call.parameters)
    rule = unmanaged(rule_named(call, Rule, EventBusName))
    if len(Targets) > MOST_ENTRIES:
        raise invalid(f"1 validation error detected: Value at 'targets' failed to satisfy constraint: at most {MOST_ENTRIES}")
    for target in Targets:
        for problem in _problems(call, rule, target):
            raise invalid(problem)
    if len({*rule.targets, *(each["Id"] for each in Targets)}) > MOST_TARGETS:
        raise too_many()
    _refuse_unpassed(call, Targets)
    failed = []
    for target in Targets:
        code = _failing(call, target["Arn"])
        if code:
            failed.append({"TargetId": target["Id"], "ErrorCode": code, "ErrorMessage": "The target could not be added."})
        else:
            rule.targets[target["Id"]] = json.loads(json.dumps(target))
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def _refuse_unpassed(call: Call, targets: list[dict[str, Any]]) -> None:
    """Whoever gives a target a role has to be allowed to pass it to EventBridge [docs]."""
    for role in sorted({each["RoleArn"] for each in targets if each.get("RoleArn")}):
        if call.caller is not None:
            refuse_denied(call.world, call.caller, Asked("iam", "PassRole", call.region, {"PassedToService": SERVICE}, role))


def _failing(call: Call, arn: str) -> str:
    entries = state_of(call.world).failing_entries
    return next((code for glob, code in entries.items() if fnmatchcase(arn, glob)), "")


def _problems(call: Call, rule: Rule, target: Mapping[str, Any]) -> Iterator[str]:
    arn = arn_of(target["Arn"])
    if arn is None or arn.partition != call.partition:
        yield parameter(target["Arn"], NOT_AN_ARN).message
        return
    yield from _region_problems(call, target, arn)
    yield from _role_problems(call, target, arn)
    yield from _form_problems(target, arn)
    if problem := problem_of(target):
        yield problem
    if kind_of(arn) == "event-bus":
        if target["Arn"].endswith(f":event-bus/{rule.bus}") and arn.account == call.account and arn.region == call.region:
            yield f"Event bus {rule.bus} cannot be a target of its own rule."  # [assumed]
        if any(target.get(each) for each in ("Input", "InputPath", "InputTransformer")):
            yield f"Input, InputPath and InputTransformer are not supported for target {target['Arn']}."  # rule [model]
    yield from _queue_problems(target, arn)


def _region_problems(call: Call, target: Mapping[str, Any], arn: Arn) -> Iterator[str]:
    """A target lies in its rule's Region, unless it is an event bus [docs]; text assumed."""
    if arn.region != call.region and kind_of(arn) != "event-bus":
        yield f"Target {target['Arn']} must be in the Region {call.region} of its rule."


def _role_problems(call: Call, target: Mapping[str, Any], arn: Arn) -> Iterator[str]:
    kind, role = kind_of(arn), target.get("RoleArn", "")
    elsewhere = kind == "event-bus" and (arn.region != call.region or arn.account != call.account)
    if not role and (kind in NEEDS_ROLE or (elsewhere and arn.region != call.region)):
        yield f"RoleArn is required for target {target['Arn']}."  # [seen]
    if role and kind in TAKES_ROLE and call.world.variants.get("events role for topics", "taken") == "refused":
        yield f"RoleArn is not supported for target {target['Arn']}."  # [seen]
    named = arn_of(role) if role else None
    if role and (named is None or named.service != "iam" or not named.resource.startswith("role/")):
        yield parameter("RoleArn", NOT_AN_ARN).message
    elif named is not None and named.account != call.account:
        yield f"Cross-account pass role is not allowed: {role}"  # [seen] of IAM in general


def _form_problems(target: Mapping[str, Any], arn: Arn) -> Iterator[str]:
    """What single kinds ask for. A document of SSM is started by its automation-definition [seen]."""
    kind = kind_of(arn)
    if kind == "ecs" and not target.get("EcsParameters"):
        yield f"Parameter(s) EcsParameters must be specified for target: {target['Id']}."  # [seen]
    if kind == "ssm" and arn.resource.startswith("document/") and not target.get("RunCommandParameters"):
        yield f"Parameter(s) RunCommandParameters must be specified for target: {target['Id']}."  # [seen]
    if kind == "sqs" and arn.resource.endswith(".fifo") and not (target.get("SqsParameters") or {}).get("MessageGroupId"):
        yield f"Parameter(s) SqsParameters must be specified for target: {target['Id']}."  # [seen]


def _queue_problems(target: Mapping[str, Any], arn: Arn) -> Iterator[str]:
    """A dead-letter queue is a standard queue of the rule's Region [docs]."""
    letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if letters is None:
        return
    queue = arn_of(letters)
    if queue is None or queue.service != "sqs":
        yield parameter("DeadLetterConfig", NOT_AN_ARN).message
    elif queue.resource.endswith(".fifo"):
        yield f"The dead-letter queue of target {target['Id']} must be a standard queue."  # rule [docs], text assumed
    elif queue.region != arn.region and kind_of(arn) != "event-bus":
        yield f"The dead-letter queue of target {target['Id']} must be in the Region of the rule."  # rule [docs], text assumed


@operation("events", "ListTargetsByRule")
def list_targets_by_rule(
    call: Call, Rule: str, EventBusName: str | None = None, NextToken: str | None = None, Limit: int | None = None
) -> dict[str, Any]:
    refuse_beyond("events", "ListTargetsByRule", call.parameters)
    shown, token = paged([*rule_named(call, Rule, EventBusName).targets.values()], NextToken, Limit)
    return {"Targets": json.loads(json.dumps(shown)), "NextToken": token}


@operation("events", "RemoveTargets")
def remove_targets(call: Call, Rule: str, Ids: list[str], EventBusName: str | None = None, Force: bool = False) -> dict[str, Any]:
    """Targets that are not there are no error [assumed]."""
    refuse_beyond("events", "RemoveTargets", call.parameters)
    if len(Ids) > MOST_ENTRIES:
        raise invalid(f"1 validation error detected: Value at 'ids' failed to satisfy constraint: at most {MOST_ENTRIES}")
    rule = unmanaged(rule_named(call, Rule, EventBusName), force=Force)
    for each in Ids:
        rule.targets.pop(each, None)
    return {"FailedEntryCount": 0, "FailedEntries": []}
