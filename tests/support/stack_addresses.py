"""Where the pre-signed address of a custom resource must not be: whatever a stack writes, and whatever a test of it leaves."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stack_function import TOKEN

from runbook_lib.rehearsal.builds import CodeBuildState
from runbook_lib.rehearsal.functions import Functions
from runbook_lib.rehearsal.operations.cloudformation.state import CloudFormationState

ADDRESS = re.compile(rb"/_cloudformation/[0-9a-f]{48}|X-Amz-Signature=[0-9a-f]{48}|" + TOKEN.encode())
"""What the simulated CloudFormation signs, and what stands for it in tests of one function."""


def addresses(deployed: Any) -> list[str]:
    """What makes each address of a simulated organization good."""
    return list(deployed.organization.front.world.of(CloudFormationState).waiting)


def everything_written(deployed: Any) -> str:
    """Logs and variables of functions, builds, histories of machines, objects, parameters' names, what stacks say of themselves."""
    return "\n".join(_written(deployed))


def _written(deployed: Any) -> Iterator[str]:
    world, states = deployed.organization.front.world, deployed.client("stepfunctions")
    functions, stacks = world.of(Functions), world.of(CloudFormationState).stacks.values()
    yield from functions.logs
    yield json.dumps([each.variables for each in functions.by_arn.values()])
    yield from (line for each in world.of(CodeBuildState).builds.values() for line in each.log)
    yield json.dumps([[each.events, each.outputs, each.parameters, each.template] for each in stacks], default=str)
    s3 = deployed.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=deployed.bucket):
        for key in (each["Key"] for each in page.get("Contents", ()) if not each["Key"].endswith((".zip", ".gz"))):
            yield s3.get_object(Bucket=deployed.bucket, Key=key)["Body"].read().decode("utf-8", "replace")
    for machine in states.list_state_machines()["stateMachines"]:
        for each in states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            yield json.dumps(states.describe_execution(executionArn=each["executionArn"]), default=str)
            yield json.dumps(states.get_execution_history(executionArn=each["executionArn"]), default=str)
    yield json.dumps(deployed.client("ssm").describe_parameters(), default=str)


def nowhere_told(deployed: Any) -> None:
    """No address of a simulated organization is in anything that its stacks have written."""
    if known := addresses(deployed):
        written = everything_written(deployed)
        assert not [each for each in known if each in written]


def found_in(folders: Iterable[Path]) -> list[Path]:
    """Files below folders with an address in them."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in files if ADDRESS.search(path.read_bytes())]
