"""Executions of SSM Automation: started once, carried out step by step on the world's clock, as the role that they assume.

How long a step takes: variant "ssm step seconds", "1" by default. A step whose role lacks an action fails, and the execution with
it; StartAutomationExecution itself asks for parameters and the role's trust only [model].
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.acting import Refused, assumed, refused
from runbook_lib.rehearsal.asked import Asked
from runbook_lib.rehearsal.constraints import refuse_beyond
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.inproc import clients_as
from runbook_lib.rehearsal.operations.ssm.documents import OwnedDocument, Step, catalogue, problem_of
from runbook_lib.rehearsal.operations.ssm.effects import Outputs, StepFailed, run
from runbook_lib.rehearsal.permissions import decision_on, denied
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

SERVICE = "ssm.amazonaws.com"
MOST_AT_ONCE = 100
"""Executions of an account and Region that run at once; further ones are Pending [docs]."""
APPROVAL_SECONDS = 7 * 86_400
"""For so long an approval is waited for [docs]."""
MOST_APPROVERS = 10
MOST_TAGS = 5
ENDED = ("Success", "Failed", "TimedOut", "Cancelled", "Rejected")
PAGE = 50


@dataclass
class StepRun:
    """A step of an execution."""

    step: Step
    id: str
    status: str = "Pending"
    began: float = 0.0
    ended: float = 0.0
    outputs: Outputs = field(default_factory=dict)
    failure: str = ""


@dataclass
class Execution:
    id: str
    account: str
    region: str
    document: OwnedDocument
    version: int
    parameters: dict[str, list[str]]
    by: str
    actor: Credential
    """Whose permissions its steps have: the assumed role's, or the caller's own."""
    token: str
    began: float
    mode: str
    steps: list[StepRun]
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "Pending"
    ended: float = 0.0
    failure: str = ""

    @property
    def current(self) -> StepRun | None:
        return next((each for each in self.steps if each.status not in ("Success", "Approved")), None)

    def value(self, name: str) -> str:
        given = self.parameters.get(name)
        return given[0] if given else self.document.parameters[name].default or ""


@dataclass
class AutomationState:
    executions: dict[str, Execution] = field(default_factory=dict)
    installed: bool = False


def _invalid(text: str) -> ApiError:
    return ApiError("InvalidAutomationExecutionParametersException", text, 400)


def _unknown(identifier: str) -> ApiError:
    text = f"Automation execution not found for automation execution id: {identifier}."
    return ApiError("AutomationExecutionNotFoundException", text, 400)


@operation("ssm", "StartAutomationExecution")
def start_automation_execution(
    call: Call,
    DocumentName: str,
    DocumentVersion: str = "$DEFAULT",
    Parameters: dict[str, list[str]] | None = None,
    ClientToken: str | None = None,
    Mode: str = "Auto",
    Tags: list[dict[str, str]] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Start a document of AWS's, once for each ClientToken; targets and customers' own documents are refused by name."""
    refuse_beyond("ssm", "StartAutomationExecution", call.parameters)
    for name in sorted(others):
        raise ApiError("NotSimulated", f"ssm:StartAutomationExecution with {name} is not simulated", 501)
    if Mode != "Auto":
        raise ApiError("NotSimulated", f"ssm:StartAutomationExecution in mode {Mode} is not simulated", 501)
    document = catalogue().get(DocumentName)
    if document is None:
        raise ApiError("AutomationDefinitionNotFoundException", f"Automation definition not found: {DocumentName}", 400)
    version = document.version(call.world, DocumentVersion)
    if version is None:
        text = f"Automation definition version not found: {DocumentName}, {DocumentVersion}"
        raise ApiError("AutomationDefinitionVersionNotFoundException", text, 400)
    given = Parameters or {}
    known = _same(call, ClientToken)
    if known is not None:
        if (known.document.name, known.version, known.parameters) != (document.name, version, given):
            raise ApiError("IdempotentParameterMismatch", "The client token was used with other parameters.", 400)
        return {"AutomationExecutionId": known.id}
    if problem := problem_of(document, given):
        raise _invalid(problem)
    if len(given.get("Approvers", ())) > MOST_APPROVERS:
        raise _invalid(f"Approvers can have up to {MOST_APPROVERS} entries.")
    tags = _tags(call, Tags or [])
    started = _started(call, document, version, given, ClientToken or "")
    started.tags.update(tags)
    return {"AutomationExecutionId": started.id}


def _tags(call: Call, given: list[dict[str, str]]) -> dict[str, str]:
    """Tags of a new execution: at most five [model]; the caller has to be allowed to tag it [docs]."""
    if len(given) > MOST_TAGS:
        raise ApiError("ValidationException", f"An automation execution can have up to {MOST_TAGS} tags.", 400)
    if given and call.caller is not None:
        on = _arn(call, "*")
        decision = decision_on(call.world, call.caller, Asked("ssm", "AddTagsToResource", call.region, resource=on))
        if not decision.allowed:
            raise denied(call.caller, call.service, "ssm:AddTagsToResource", decision, on)
    return {each["Key"]: each["Value"] for each in given}


def _same(call: Call, token: str | None) -> Execution | None:
    executions = call.world.of(AutomationState).executions.values()
    place = (token, call.account, call.region)
    return next((each for each in executions if token and (each.token, each.account, each.region) == place), None)


def _started(call: Call, document: OwnedDocument, version: int, given: dict[str, list[str]], token: str) -> Execution:
    state = call.world.of(AutomationState)
    identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{call.account}/{call.region}/{len(state.executions)}"))
    actor = _actor(call, given.get("AutomationAssumeRole", [""])[0], identifier)
    steps = [StepRun(each, str(uuid.uuid5(uuid.UUID(identifier), each.name))) for each in document.steps]
    made = Execution(
        identifier,
        call.account,
        call.region,
        document,
        version,
        given,
        call.principal,
        actor,
        token,
        call.world.now(),
        "Auto",
        steps,
    )
    running = [each for each in _of(call.world, call.account, call.region) if each.status not in (*ENDED, "Pending")]
    state.executions[identifier] = made
    if len(running) < MOST_AT_ONCE:
        _go_on(call.world, made)
    return made


def _actor(call: Call, role: str, identifier: str) -> Credential:
    """Whose permissions the execution has. The caller has to be allowed to pass the role, and the role has to trust SSM."""
    if not role:
        if call.caller is None:
            raise _invalid("AutomationAssumeRole is needed for a caller that is an account's root user")
        return call.caller
    if call.caller is not None:
        asked = Asked("iam", "PassRole", call.region, {"PassedToService": SERVICE}, role)
        decision = decision_on(call.world, call.caller, asked)
        if not decision.allowed:
            raise denied(call.caller, call.service, "iam:PassRole", decision, role)
    session = assumed(call.world, role, SERVICE, _arn(call, identifier), f"Automation-{identifier}")
    if isinstance(session, Refused):
        raise _invalid(f"The defined assume role is unable to be assumed. {session.why}")  # [seen], without what follows
    return session


def _arn(call: Call, identifier: str) -> str:
    return f"arn:{call.partition}:ssm:{call.region}:{call.account}:automation-execution/{identifier}"


def _of(world: World, account: str, region: str) -> Iterator[Execution]:
    for each in world.of(AutomationState).executions.values():
        if (each.account, each.region) == (account, region):
            yield each


def _go_on(world: World, execution: Execution) -> None:
    """Begin the next step, or end."""
    upcoming = execution.current
    if upcoming is None:
        _end(world, execution, "Success")
        return
    upcoming.began = world.now()
    if upcoming.step.action == "aws:approve":
        execution.status = upcoming.status = "Waiting"
        if why := _lacking(world, execution, upcoming.step):
            _fail(world, execution, upcoming, why)
            return
        world.tell_later(APPROVAL_SECONDS, "automation approval due", execution=execution.id, step=upcoming.id)
        return
    execution.status = upcoming.status = "InProgress"
    seconds = float(world.variants.get("ssm step seconds", "1"))
    world.tell_later(seconds, "automation step due", execution=execution.id, step=upcoming.id)


def step_due(world: World, execution: str, step: str) -> None:
    """A step has had its time: what it does is done now."""
    found = world.of(AutomationState).executions[execution]
    running = found.current
    if running is None or running.id != step or found.status in ENDED:
        return
    if why := _lacking(world, found, running.step):
        _fail(world, found, running, why)
        return
    try:
        given = {name: found.value(name) for name in found.document.parameters}
        running.outputs = run(running.step.does, clients_as(world, found.actor, found.region), given)
    except StepFailed as failed:
        _fail(world, found, running, str(failed))
        return
    running.status, running.ended = "Success", world.now()
    _go_on(world, found)


def approval_due(world: World, execution: str, step: str) -> None:
    """Nobody approved in time."""
    found = world.of(AutomationState).executions[execution]
    waiting = found.current
    if waiting is not None and waiting.id == step and waiting.status == "Waiting":
        waiting.status, waiting.ended = "TimedOut", world.now()
        _end(world, found, "TimedOut", f"Step {waiting.step.name} timed out waiting for approval.")


def _lacking(world: World, execution: Execution, step: Step) -> str:
    """Which action the step's role may not take; "" when it may take all of them."""
    facts = {
        "partition": world.partition,
        "region": execution.region,
        "account": execution.account,
        **{name: execution.value(name) for name in execution.document.parameters},
    }
    for action, resource in step.needs:
        service, _, name = action.partition(":")
        on = resource.format_map(facts)
        owner = on.split(":")[4] if on.startswith("arn:") and on.split(":")[4] else execution.account
        asked = Asked(service, name, execution.region, resource=on, owner=owner)
        said = refused(world, execution.actor, asked)
        if said is not None:
            return f"An error occurred (AccessDenied): {said.why}"
    return ""


def _fail(world: World, execution: Execution, step: StepRun, why: str) -> None:
    step.status, step.ended, step.failure = "Failed", world.now(), why
    _end(world, execution, "Failed", f"Step fails when it is executed. {why}")


def _end(world: World, execution: Execution, status: str, failure: str = "") -> None:
    """End an execution, and let the one that waits longest begin."""
    execution.status, execution.ended, execution.failure = status, world.now(), failure
    waiting = next((each for each in _of(world, execution.account, execution.region) if each.status == "Pending"), None)
    if waiting is not None:
        _go_on(world, waiting)


def _named(call: Call, identifier: str) -> Execution:
    found = call.world.of(AutomationState).executions.get(identifier)
    if found is None or (found.account, found.region) != (call.account, call.region):
        raise _unknown(identifier)
    return found


@operation("ssm", "GetAutomationExecution")
def get_automation_execution(call: Call, AutomationExecutionId: str) -> dict[str, Any]:
    found = _named(call, AutomationExecutionId)
    shown = {
        **_shown(found),
        "StepExecutions": [_step(each) for each in found.steps],
        "StepExecutionsTruncated": False,
        "Parameters": found.parameters,
    }
    return {"AutomationExecution": shown}


def _shown(execution: Execution) -> dict[str, Any]:
    current = execution.current if execution.status not in ENDED else None
    outputs = {f"{each.step.name}.{name}": said for each in execution.steps for name, said in each.outputs.items()}
    return {
        "AutomationExecutionId": execution.id,
        "DocumentName": execution.document.name,
        "DocumentVersion": str(execution.version),
        "ExecutionStartTime": execution.began,
        "ExecutionEndTime": execution.ended or None,
        "AutomationExecutionStatus": execution.status,
        "ExecutedBy": execution.by,
        "Mode": execution.mode,
        "FailureMessage": execution.failure or None,
        "CurrentStepName": current.step.name if current else None,
        "CurrentAction": current.step.action if current else None,
        "Outputs": outputs,
    }


def _step(run_of: StepRun) -> dict[str, Any]:
    return {
        "StepName": run_of.step.name,
        "Action": run_of.step.action,
        "StepStatus": run_of.status,
        "StepExecutionId": run_of.id,
        "ExecutionStartTime": run_of.began or None,
        "ExecutionEndTime": run_of.ended or None,
        "FailureMessage": run_of.failure or None,
        "Outputs": run_of.outputs,
    }


@operation("ssm", "DescribeAutomationStepExecutions")
def describe_automation_step_executions(
    call: Call, AutomationExecutionId: str, NextToken: str | None = None, MaxResults: int | None = None, **others: Any
) -> dict[str, Any]:
    if others:
        raise ApiError("NotSimulated", f"ssm:DescribeAutomationStepExecutions with {min(others)} is not simulated", 501)
    shown, token = page([_step(each) for each in _named(call, AutomationExecutionId).steps], NextToken, MaxResults, PAGE)
    return {"StepExecutions": shown, "NextToken": token}


FILTERS = {
    "DocumentNamePrefix": lambda execution, values: any(execution.document.name.startswith(each) for each in values),
    "ExecutionStatus": lambda execution, values: execution.status in values,
    "ExecutionId": lambda execution, values: execution.id in values,
    "TagKey": lambda execution, values: bool(execution.tags.keys() & set(values)),
}


@operation("ssm", "DescribeAutomationExecutions")
def describe_automation_executions(
    call: Call, Filters: list[dict[str, Any]] | None = None, MaxResults: int | None = None, NextToken: str | None = None
) -> dict[str, Any]:
    """Executions here, the latest first."""
    for each in Filters or ():
        if each["Key"] not in FILTERS:
            raise ApiError("NotSimulated", f"ssm:DescribeAutomationExecutions by {each['Key']} is not simulated", 501)
    rows = [
        {**_shown(each), "AutomationType": "Local"}
        for each in reversed(list(_of(call.world, call.account, call.region)))
        if all(FILTERS[wanted["Key"]](each, wanted["Values"]) for wanted in Filters or ())
    ]
    shown, token = page(rows, NextToken, MaxResults, PAGE)
    return {"AutomationExecutionMetadataList": shown, "NextToken": token}


@operation("ssm", "SendAutomationSignal")
def send_automation_signal(
    call: Call, AutomationExecutionId: str, SignalType: str, Payload: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """Approve or reject what waits for it, as one of the approvers whom the execution names."""
    found = _named(call, AutomationExecutionId)
    if SignalType not in ("Approve", "Reject"):
        raise ApiError("NotSimulated", f"ssm:SendAutomationSignal {SignalType} is not simulated", 501)
    waiting = found.current
    if waiting is None or waiting.status != "Waiting":
        raise ApiError("InvalidAutomationSignalException", "The signal is not valid for the current Automation execution.", 400)
    if not _is_approver(call, found.parameters["Approvers"]):
        raise ApiError("InvalidAutomationSignalException", f"{call.principal} is not an approver of this step.", 400)  # [assumed]
    waiting.ended = call.world.now()
    waiting.outputs = {"ApproverDecisions": [json.dumps({"approver": call.principal, "decision": SignalType, **(Payload or {})})]}
    if SignalType == "Approve":
        waiting.status = "Approved"
        _go_on(call.world, found)
    else:
        waiting.status = "Rejected"
        _end(call.world, found, "Rejected", f"Step {waiting.step.name} was rejected by {call.principal}.")
    return {}


def _is_approver(call: Call, approvers: list[str]) -> bool:
    """Users, roles and sessions of roles can be named, by name or ARN [docs]."""
    name = call.principal.rpartition("/")[2]
    role = call.caller.role.name if call.caller and call.caller.role else ""
    role_arn = f"arn:{call.partition}:iam::{call.account}:role/{role}"
    return bool({call.principal, name, *((role, role_arn) if role else ())} & set(approvers))


@operation("ssm", "StopAutomationExecution")
def stop_automation_execution(call: Call, AutomationExecutionId: str, Type: str = "Cancel") -> dict[str, Any]:
    """Stop what has not ended; what steps have done stays done."""
    found = _named(call, AutomationExecutionId)
    if found.status in ENDED:
        raise ApiError("InvalidAutomationStatusUpdateException", f"The execution has ended: {found.status}", 400)
    current = found.current
    if current is not None:
        current.status, current.ended = "Cancelled", call.world.now()
    _end(call.world, found, "Cancelled")
    return {}
