"""What CloudFormation makes itself: roles, functions and state machines become real here; the rest is a name."""

import json
from functools import partial
from typing import Any

from runbook_lib.rehearsal.builds import CodeBuildState, Project
from runbook_lib.rehearsal.functions import Function, Functions, invoke
from runbook_lib.rehearsal.neighbours import neighbours_of
from runbook_lib.rehearsal.operations.cloudformation.state import Resource, Stack
from runbook_lib.rehearsal.operations.cloudwatch import Alarm, CloudWatchState, metric_of, wrong_with
from runbook_lib.rehearsal.operations.codebuild import Schedule, SchedulerState, schedule, seconds_of
from runbook_lib.rehearsal.world import SimulatedRole, World


class NotMade(Exception):
    """A resource could not be made, in the words of an event."""


def make(world: World, stack: Stack, resource: Resource) -> None:
    """Make a resource, or bring it up to date; sets its physical id and attributes. Raises NotMade."""
    own = {
        "AWS::CloudWatch::Alarm": _alarm,
        "AWS::CodeBuild::Project": _project,
        "AWS::IAM::Role": _role,
        "AWS::Lambda::Function": _function,
        "AWS::Scheduler::Schedule": _schedule,
        "AWS::StepFunctions::StateMachine": _machine,
        "AWS::Logs::LogGroup": _named,
    }.get(resource.type, _named)
    own(world, stack, resource)


def unmake(world: World, stack: Stack, resource: Resource) -> None:
    """Take a resource away."""
    if resource.type == "AWS::IAM::Role":
        world.organization.accounts[stack.account].roles.pop(resource.physical_id, None)
    elif resource.type == "AWS::Lambda::Function":
        world.of(Functions).by_arn.pop(resource.attributes.get("Arn", ""), None)
    elif resource.type == "AWS::CodeBuild::Project":
        world.of(CodeBuildState).projects.pop(resource.attributes.get("Arn", ""), None)
    elif resource.type == "AWS::CloudWatch::Alarm":
        world.of(CloudWatchState).alarms.pop(resource.attributes.get("Arn", ""), None)
    elif resource.type == "AWS::Scheduler::Schedule":
        world.of(SchedulerState).schedules.pop((stack.account, stack.region, resource.physical_id), None)


def _named(world: World, stack: Stack, resource: Resource) -> None:
    named = next((resource.properties[key] for key in ("LogGroupName", "Name") if key in resource.properties), "")
    resource.physical_id = resource.physical_id or named or f"{stack.name}-{resource.logical_id}-{stack.id[-12:].upper()}"
    service = {"AWS::Events::Rule": "events", "AWS::CloudWatch::Alarm": "cloudwatch"}.get(resource.type, "logs")
    resource.attributes = {"Arn": f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource.physical_id}"}


def _alarm(world: World, stack: Stack, resource: Resource) -> None:
    asked = resource.properties
    resource.physical_id = str(asked.get("AlarmName") or resource.physical_id or f"{stack.name}-{resource.logical_id}")
    arn = f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm:{resource.physical_id}"
    if why := wrong_with(asked):
        raise NotMade(why)
    metric = metric_of(stack.account, stack.region, asked["Namespace"], asked["MetricName"], asked.get("Dimensions"))
    world.of(CloudWatchState).alarms[arn] = Alarm(resource.physical_id, arn, metric, dict(asked), world.now())
    resource.attributes = {"Arn": arn}


def _project(world: World, stack: Stack, resource: Resource) -> None:
    asked, name = resource.properties, str(resource.properties["Name"])
    role = _trusting(world, stack, asked["ServiceRole"], "codebuild", "CodeBuild is not authorized to perform: sts:AssumeRole on")
    if asked["Source"]["Type"] != "S3" or asked["Artifacts"]["Type"] != "NO_ARTIFACTS":
        raise NotMade("only projects with a source in S3 and without artifacts are simulated")
    bucket, _, key = str(asked["Source"]["Location"]).partition("/")
    arn = f"arn:{stack.partition}:codebuild:{stack.region}:{stack.account}:project/{name}"
    variables = {each["Name"]: str(each["Value"]) for each in asked["Environment"].get("EnvironmentVariables", ())}
    source = bucket, key, str(asked.get("SourceVersion", ""))
    spec, minutes = str(asked["Source"]["BuildSpec"]), int(asked.get("TimeoutInMinutes", 60))
    made = Project(arn, stack.account, stack.region, role, source, spec, minutes, variables)
    world.of(CodeBuildState).projects[arn] = made
    resource.physical_id, resource.attributes = name, {"Arn": arn}


def _schedule(world: World, stack: Stack, resource: Resource) -> None:
    asked, name, target = resource.properties, str(resource.properties["Name"]), resource.properties["Target"]
    role = _trusting(world, stack, target["RoleArn"], "scheduler", "The execution role you provide must allow AWS EventBridge")
    at = seconds_of(str(asked["ScheduleExpression"]))
    schedule(world, Schedule(name, stack.account, stack.region, str(target["Arn"]), role, at))
    resource.physical_id = name
    resource.attributes = {"Arn": f"arn:{stack.partition}:scheduler:{stack.region}:{stack.account}:schedule/default/{name}"}


def _trusting(world: World, stack: Stack, arn: str, service: str, refused: str) -> str:
    """The name of a role that a service may become. Raises NotMade."""
    name = str(arn).rpartition("/")[2]
    role = world.organization.accounts[stack.account].roles.get(name)
    if role is None or f"{service}.amazonaws.com" not in role.trusts:
        raise NotMade(f"{refused} {arn}")
    return name


def _role(world: World, stack: Stack, resource: Resource) -> None:
    name, there = str(resource.properties["RoleName"]), world.organization.accounts[stack.account].roles
    if name in there and resource.physical_id != name:
        raise NotMade(f"Resource of type 'AWS::IAM::Role' with identifier '{name}' already exists.")
    trusts = {
        principal
        for statement in resource.properties["AssumeRolePolicyDocument"]["Statement"]
        for principal in _listed(statement["Principal"]["Service"])
    }
    policies = tuple(json.dumps(each["PolicyDocument"]) for each in resource.properties.get("Policies", ()))
    there[name] = SimulatedRole(name, trusts, policies=policies)
    resource.physical_id = name
    resource.attributes = {"Arn": f"arn:{stack.partition}:iam::{stack.account}:role/{name}"}


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _function(world: World, stack: Stack, resource: Resource) -> None:
    asked, name = resource.properties, str(resource.properties["FunctionName"])
    code, neighbours = asked["Code"], neighbours_of(world)
    if neighbours is None:
        raise NotMade("Lambda reads its code from S3, which is not simulated here")
    zipped = neighbours.stored(stack.account, code["S3Bucket"], code["S3Key"], code.get("S3ObjectVersion", ""))
    if zipped is None:
        raise NotMade(f"Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: {code['S3Key']}")
    account = world.organization.accounts[stack.account]
    role = str(asked["Role"]).rpartition("/")[2]
    if role not in account.roles or "lambda.amazonaws.com" not in account.roles[role].trusts:
        raise NotMade("The role defined for the function cannot be assumed by Lambda.")
    arn = f"arn:{stack.partition}:lambda:{stack.region}:{stack.account}:function:{name}"
    variables = {key: str(value) for key, value in asked.get("Environment", {}).get("Variables", {}).items()}
    world.of(Functions).by_arn[arn] = Function(
        arn, zipped, str(asked["Handler"]), role, stack.account, stack.region, int(asked["Timeout"]), variables
    )
    resource.physical_id, resource.attributes = name, {"Arn": arn}


def _machine(world: World, stack: Stack, resource: Resource) -> None:
    asked, neighbours = resource.properties, neighbours_of(world)
    if neighbours is None:
        raise NotMade("state machines are not simulated here")
    text = json.dumps(asked["Definition"])
    for name, value in asked.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    arn = f"arn:{stack.partition}:states:{stack.region}:{stack.account}:stateMachine:{asked['StateMachineName']}"
    neighbours.make_state_machine(arn, text, str(asked["RoleArn"]), partial(invoke, world))
    resource.physical_id, resource.attributes = arn, {"Arn": arn, "Name": str(asked["StateMachineName"])}
