"""lambda: the policy of a function, held to the model; functions and their policies are moto's."""

import json
from typing import Any

from runbook_lib.rehearsal.constraints import refuse_beyond
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.neighbours import neighbours_of
from runbook_lib.rehearsal.registry import Call, PassOn, operation


def _policy(call: Call) -> dict[str, Any]:
    """The policy of the function that a call names, by its name or its ARN; an empty one where it has none."""
    refuse_beyond("lambda", call.operation, call.parameters)
    named = str(call.parameters["FunctionName"])
    arn = named if named.startswith("arn:") else f"arn:{call.partition}:lambda:{call.region}:{call.account}:function:{named}"
    neighbours = neighbours_of(call.world)
    found = neighbours.function_policy(arn) if neighbours else None
    if found is None:
        raise ApiError("ResourceNotFoundException", f"Function not found: {arn}", 404)  # [seen]
    policy: dict[str, Any] = json.loads(found) if found else {}
    return policy


@operation("lambda", "AddPermission")
def add_permission(call: Call, StatementId: str, **_: Any) -> dict[str, Any]:
    """A statement's id is used once [model]."""
    if any(each.get("Sid") == StatementId for each in _policy(call).get("Statement", ())):
        text = (
            f"The statement id ({StatementId}) provided already exists. Please provide a new statement id, or remove the existing"
        )
        raise ApiError("ResourceConflictException", f"{text} statement.", 409)  # [seen]
    raise PassOn


@operation("lambda", "RemovePermission")
def remove_permission(call: Call, StatementId: str, **_: Any) -> dict[str, Any]:
    if not any(each.get("Sid") == StatementId for each in _policy(call).get("Statement", ())):
        raise ApiError("ResourceNotFoundException", f"Statement {StatementId} is not found in resource policy.", 404)  # [seen]
    raise PassOn


@operation("lambda", "GetPolicy")
def get_policy(call: Call, **_: Any) -> dict[str, Any]:
    if not _policy(call):
        raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404)  # [seen]
    raise PassOn
