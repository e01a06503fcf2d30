"""What tasks of state machines call: the simulation itself, as the machine's role, by its trust and its policies.

moto's interpreter would call a moto at a port of its own, with keys of nobody's. The machine that runs is told by its role: the
interpreter does not say which it is. With `moto_neighbours` and `backstop` all that knows moto.
"""

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from botocore.exceptions import ClientError

from runbook_lib.rehearsal.acting import Refused, assumed, refused
from runbook_lib.rehearsal.asked import Asked
from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.inproc import clients_as
from runbook_lib.rehearsal.world import World

SERVICE = "states.amazonaws.com"
INTERPRETER = "moto.stepfunctions.parser"
TASKS = f"{INTERPRETER}.asl.component.state.exec.state_task.service.state_task_service_"
INTEGRATED = ("dynamodb", "sns", "sqs")
"""Services whose tasks are carried out here; those of others stay moto's."""


class AsRole:
    """A client of one service, as boto3's, whose every call is judged as the role's."""

    def __init__(self, world: World, role: str, machine: str, service: str, region: str) -> None:
        self._world, self._role, self._machine, self._service, self._region = world, role, machine, service, region

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = "".join(part.capitalize() for part in name.split("_"))

        def call(**given: Any) -> Any:
            with self._world.lock:
                session = assumed(self._world, self._role, SERVICE, self._machine, "StepFunctions")
                if isinstance(session, Refused):
                    raise denied(session.why, operation)
                self._judge(session, operation, given)
                client = clients_as(self._world, session, self._region)(self._service)
            return getattr(client, name)(**given)

        return call

    def _judge(self, session: Credential, operation: str, given: Mapping[str, Any]) -> None:
        arn = resource_of(self._service, session.account, self._region, self._world.partition, given)
        owner = arn.split(":")[4]
        if why := refused(self._world, session, Asked(self._service, operation, self._region, resource=arn, owner=owner)):
            raise denied(why.why, operation)


def denied(why: str, operation: str) -> ClientError:
    """What a client raises for a call that is not allowed."""
    told = {"Error": {"Code": "AccessDeniedException", "Message": why}}
    return ClientError({**told, "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": ""}}, operation)  # type: ignore[typeddict-item] # as much as is read


def resource_of(service: str, account: str, region: str, partition: str, given: Mapping[str, Any]) -> str:
    """The ARN of what a task is about."""
    if service == "sns":
        return str(given["TopicArn"])
    if service == "sqs":
        _, owner, name = str(given["QueueUrl"]).rsplit("/", 2)
        return f"arn:{partition}:sqs:{region}:{owner}:{name}"
    return f"arn:{partition}:{service}:{region}:{account}:table/{given['TableName']}"


def interpret(world: World, machine_of: Callable[[str], str]) -> None:
    """Let tasks call this world. `machine_of`: ARN of a role → that of the state machine that has it."""

    def client(region: str, service: str, state_credentials: Any = None) -> AsRole:
        role = str(state_credentials.role_arn)
        return AsRole(world, role, machine_of(role), service, region)

    # A state that asks whether something is there has the interpreter complain where it is not.
    logging.getLogger(INTERPRETER).setLevel(logging.CRITICAL)
    for each in INTEGRATED:
        import_module(f"{TASKS}{each}").boto_client_for = client  # type: ignore[attr-defined] # moto offers no other place
