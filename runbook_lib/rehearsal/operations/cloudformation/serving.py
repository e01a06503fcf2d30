"""CloudFormation's operations, as far as an installer uses them; states and refusals as the API reference has them."""

import json
import re
import uuid
from typing import Any
from urllib.parse import unquote

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.neighbours import neighbours_of
from runbook_lib.rehearsal.operations.cloudformation import templates
from runbook_lib.rehearsal.operations.cloudformation.deploying import Operation
from runbook_lib.rehearsal.operations.cloudformation.state import NOTHING, ChangeSet, CloudFormationState, Stack
from runbook_lib.rehearsal.operations.cloudformation.templates import digest, invalid
from runbook_lib.rehearsal.registry import Call, operation, page

UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "CREATE_FAILED",
        "UPDATE_FAILED",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
EVENTS_A_PAGE = 100
LARGEST_BODY, LARGEST_OBJECT = 51_200, 1_000_000
"""Bytes of a template given as it is, and of one in a bucket [docs: CloudFormation quotas]."""
ADDRESS = re.compile(r"https://(?P<bucket>[^/]+)\.s3\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/(?P<key>[^?]+)\?versionId=(?P<version>.+)")


def _stack(call: Call, named: str) -> Stack:
    found = call.world.of(CloudFormationState).named(call.account, call.region, named)
    if found is None:
        raise invalid(f"Stack with id {named} does not exist")
    return found


@operation("cloudformation", "CreateChangeSet")
def create_change_set(
    call: Call,
    StackName: str,
    ChangeSetName: str,
    TemplateBody: str = "",
    TemplateURL: str = "",
    Parameters: list[dict[str, Any]] | None = None,
    ChangeSetType: str = "UPDATE",
    Capabilities: list[str] | None = None,
    Description: str = "",
    **more: Any,
) -> dict[str, Any]:
    if unknown := set(more) - {"ClientToken", "Tags", "IncludeNestedStacks"}:
        raise SimulationError(f"CreateChangeSet with {', '.join(sorted(unknown))} is not simulated")
    world, state = call.world, call.world.of(CloudFormationState)
    stack = state.named(call.account, call.region, StackName)
    _refuse_kind(ChangeSetType, stack, StackName, ChangeSetName)
    given = {each["ParameterKey"]: _value(each, stack) for each in Parameters or ()}
    template, values = templates.read(_template(call, TemplateBody, TemplateURL), given)
    if any(each["Type"] == "AWS::IAM::Role" for each in template["Resources"].values()) and not Capabilities:
        raise ApiError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]", 400)
    if stack is None:
        stack = _new(call, StackName)
        state.stacks[stack.id] = stack
        Operation(world, stack).say("REVIEW_IN_PROGRESS", "User Initiated")
    if ChangeSetName in stack.change_sets:
        raise ApiError("AlreadyExistsException", f"ChangeSet {ChangeSetName} already exists", 400)
    place = stack.id.replace(":stack/", ":changeSet/").rpartition("/")[0].rpartition("/")[0]
    made = ChangeSet(
        f"{place}/{ChangeSetName}/{uuid.uuid4()}", ChangeSetName, ChangeSetType, template, values, Description, world.now()
    )
    made.changes = _changes(stack, template, values)
    if not made.changes and ChangeSetType == "UPDATE" and stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
        made.status, made.execution, made.reason = "FAILED", "UNAVAILABLE", NOTHING
    stack.change_sets[ChangeSetName] = made
    return {"Id": made.id, "StackId": stack.id}


def _template(call: Call, body: str, address: str) -> str:
    """The template's text, given as it is or by S3's address of it [docs: CloudFormation quotas]."""
    if bool(body) == bool(address):
        raise invalid("Either Template URL or Template Body must be specified.")
    if body:
        if len(body.encode()) > LARGEST_BODY:
            raise invalid(
                f"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less "
                f"than or equal to {LARGEST_BODY}"
            )
        return body
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise invalid("TemplateURL must be a supported URL.")
    neighbours = neighbours_of(call.world)
    data = neighbours.stored(call.account, found["bucket"], unquote(found["key"]), found["version"]) if neighbours else None
    if data is None:
        raise invalid("S3 error: The specified key does not exist.")
    if len(data) > LARGEST_OBJECT:
        raise invalid("Template may not exceed 1000000 bytes in size.")
    return data.decode()


def _refuse_kind(kind: str, stack: Stack | None, name: str, change_set: str) -> None:
    if kind == "CREATE":
        if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
            raise invalid(f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}].")
    elif kind != "UPDATE":
        raise SimulationError(f"change sets of type {kind} are not simulated")
    elif stack is None:
        raise invalid(f"Stack [{name}] does not exist")
    elif stack.status not in UPDATABLE:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _value(given: dict[str, Any], stack: Stack | None) -> str:
    if given.get("UsePreviousValue"):
        if stack is None or given["ParameterKey"] not in stack.parameters:
            raise invalid(f"Invalid input for parameter key {given['ParameterKey']}. Cannot specify usePreviousValue as true")
        return stack.parameters[given["ParameterKey"]]
    return str(given.get("ParameterValue", ""))


def _new(call: Call, name: str) -> Stack:
    arn = f"arn:{call.partition}:cloudformation:{call.region}:{call.account}:stack/{name}/{uuid.uuid4()}"
    return Stack(arn, name, call.account, call.region, call.partition, "REVIEW_IN_PROGRESS", call.world.now())


def _changes(stack: Stack, template: dict[str, Any], parameters: dict[str, str]) -> list[dict[str, Any]]:
    """What would change, by what the template says; a reference to what changes counts as a change."""
    found = []
    was = stack.template.get("Resources", {})
    changed = {name for name, value in parameters.items() if stack.parameters.get(name) != value}
    for name, each in template["Resources"].items():
        known = stack.resources.get(name)
        if known is None or known.status == "CREATE_FAILED":
            found.append(_change("Add", name, each["Type"]))
        elif (
            digest(was.get(name, {}).get("Properties")) != digest(each.get("Properties"))
            or changed & set(templates.references(each.get("Properties", {})))
            or known.status == "UPDATE_FAILED"
        ):
            found.append(_change("Modify", name, each["Type"], known.physical_id))
    for name, known in stack.resources.items():
        if name not in template["Resources"]:
            policy = was.get(name, {}).get("DeletionPolicy", "Delete")
            found.append(_change("Remove", name, known.type, known.physical_id, policy))
    return found


def _change(action: str, name: str, kind: str, physical: str = "", policy: str = "") -> dict[str, Any]:
    said = {"Action": action, "LogicalResourceId": name, "PhysicalResourceId": physical or None, "ResourceType": kind}
    return {
        "Type": "Resource",
        "ResourceChange": {**said, "Replacement": "False" if action == "Modify" else None, "PolicyAction": policy or None},
    }


@operation("cloudformation", "DescribeChangeSet")
def describe_change_set(call: Call, ChangeSetName: str, StackName: str = "", **_: Any) -> dict[str, Any]:
    stack, found = _change_set(call, ChangeSetName, StackName)
    return {
        "ChangeSetName": found.name,
        "ChangeSetId": found.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "Status": found.status,
        "ExecutionStatus": found.execution,
        "StatusReason": found.reason or None,
        "Changes": found.changes,
        "Description": found.description or None,
        "CreationTime": found.created,
    }


def _change_set(call: Call, named: str, stack_named: str) -> tuple[Stack, ChangeSet]:
    stacks = call.world.of(CloudFormationState).stacks.values() if named.startswith("arn:") else [_stack(call, stack_named)]
    for stack in stacks:
        for each in stack.change_sets.values():
            if named in (each.id, each.name):
                return stack, each
    raise ApiError("ChangeSetNotFound", f"ChangeSet [{named}] does not exist", 404)


@operation("cloudformation", "DeleteChangeSet")
def delete_change_set(call: Call, ChangeSetName: str, StackName: str = "", **_: Any) -> dict[str, Any]:
    stack, found = _change_set(call, ChangeSetName, StackName)
    del stack.change_sets[found.name]
    return {}


@operation("cloudformation", "ExecuteChangeSet")
def execute_change_set(
    call: Call, ChangeSetName: str, StackName: str = "", ClientRequestToken: str = "", DisableRollback: bool = False, **_: Any
) -> dict[str, Any]:
    stack, found = _change_set(call, ChangeSetName, StackName)
    if found.execution != "AVAILABLE" or stack.busy:
        raise ApiError(
            "InvalidChangeSetStatus", f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]", 400
        )
    stack.change_sets.clear()
    stack.cancelled = False
    doing = Operation(call.world, stack, ClientRequestToken, disable_rollback=DisableRollback)
    kind = found.kind
    stack.status = f"{kind}_IN_PROGRESS"
    doing.begin(lambda: doing.deploy(kind, found.template, found.parameters))
    return {}


@operation("cloudformation", "DescribeStacks")
def describe_stacks(call: Call, StackName: str = "", **_: Any) -> dict[str, Any]:
    state = call.world.of(CloudFormationState)
    mine = [each for each in state.stacks.values() if (each.account, each.region) == (call.account, call.region)]
    found = [_stack(call, StackName)] if StackName else [each for each in mine if each.status != "DELETE_COMPLETE"]
    return {"Stacks": [_described(each) for each in found]}


def _described(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "EnableTerminationProtection": stack.protected,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in stack.parameters.items()],
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in stack.outputs.items()],
    }


@operation("cloudformation", "GetTemplate")
def get_template(call: Call, StackName: str) -> dict[str, Any]:
    """That of the last operation that succeeded, as it was given."""
    return {"TemplateBody": json.dumps(_stack(call, StackName).template), "StagesAvailable": ["Original"]}


@operation("cloudformation", "DescribeStackEvents")
def describe_stack_events(call: Call, StackName: str = "", NextToken: str | None = None) -> dict[str, Any]:
    """Newest first."""
    items, token = page(list(reversed(_stack(call, StackName).events)), NextToken, EVENTS_A_PAGE, EVENTS_A_PAGE)
    return {"StackEvents": items, "NextToken": token}


@operation("cloudformation", "DescribeStackResources")
def describe_stack_resources(call: Call, StackName: str = "", **_: Any) -> dict[str, Any]:
    stack = _stack(call, StackName)
    return {
        "StackResources": [
            {
                "StackName": stack.name,
                "StackId": stack.id,
                "LogicalResourceId": each.logical_id,
                "ResourceType": each.type,
                "PhysicalResourceId": each.physical_id,
                "Timestamp": each.changed,
                "ResourceStatus": each.status,
                "ResourceStatusReason": each.reason or None,
            }
            for each in stack.resources.values()
        ]
    }


@operation("cloudformation", "DeleteStack")
def delete_stack(
    call: Call, StackName: str, RetainResources: list[str] | None = None, ClientRequestToken: str = "", **_: Any
) -> dict[str, Any]:
    stack = call.world.of(CloudFormationState).named(call.account, call.region, StackName)
    if stack is None:
        return {}
    if stack.protected:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if RetainResources and stack.status != "DELETE_FAILED":
        raise invalid(f"Invalid operation on stack [{stack.id}]. Resources can only be retained in state DELETE_FAILED")
    if stack.busy:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
    doing = Operation(call.world, stack, ClientRequestToken)
    stack.status = "DELETE_IN_PROGRESS"
    doing.begin(lambda: doing.delete(frozenset(RetainResources or ())))
    return {}


@operation("cloudformation", "CancelUpdateStack")
def cancel_update_stack(call: Call, StackName: str, **_: Any) -> dict[str, Any]:
    stack = _stack(call, StackName)
    if stack.status != "UPDATE_IN_PROGRESS":
        raise invalid(f"CancelUpdateStack cannot be called from current stack status {stack.status}")
    stack.cancelled = True
    return {}


@operation("cloudformation", "ContinueUpdateRollback")
def continue_update_rollback(
    call: Call, StackName: str, ResourcesToSkip: list[str] | None = None, ClientRequestToken: str = "", **_: Any
) -> dict[str, Any]:
    stack, skipped = _stack(call, StackName), frozenset(ResourcesToSkip or ())
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not continue update rollback")
    if strange := sorted(skipped - stack.failed_in_rollback):
        raise invalid(f"Resource(s) to skip [{', '.join(strange)}] did not fail in the rollback")
    doing = Operation(call.world, stack, ClientRequestToken)
    stack.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    doing.begin(lambda: doing.go_on(skipped))
    return {}


@operation("cloudformation", "UpdateTerminationProtection")
def update_termination_protection(call: Call, StackName: str, EnableTerminationProtection: bool) -> dict[str, Any]:
    stack = _stack(call, StackName)
    stack.protected = EnableTerminationProtection
    return {"StackId": stack.id}
