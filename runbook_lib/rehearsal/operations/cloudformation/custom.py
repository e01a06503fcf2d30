"""Custom resources: a request by an asynchronous invocation, and one answer, by PUT, at an address that is good once.

What is no answer [docs crpg-ref-responses] is none: more than 4,096 bytes, or after the address expired. S3 takes it, or refuses
it, and CloudFormation goes on waiting until the resource's time is over.
"""

import datetime as dt
import json
import secrets
import uuid
from collections.abc import Iterable
from typing import Any

from runbook_lib.rehearsal.functions import deliver
from runbook_lib.rehearsal.operations.cloudformation.state import CloudFormationState, Resource, Stack, Waiting
from runbook_lib.rehearsal.operations.cloudformation.templates import digest, strings
from runbook_lib.rehearsal.stack_faults import StackFaults
from runbook_lib.rehearsal.world import World

ADDRESS = "/_cloudformation/"
LARGEST, EXPIRES, LOOK = 4096, 7200, 0.05
NOT_HEARD = (
    "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [{}]. If you are "
    "using the Python cfn-response module, you may need to update your Lambda function code so that CloudFormation can attach the "
    "updated version."
)


def ask(world: World, stack: Stack, kind: str, resource: Resource, old: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send one request, and wait for its answer; what is wrong with that is an answer of status FAILED.

    To be called without the world's lock.
    """
    seconds = int(resource.properties.get("ServiceTimeout", 3600))
    token = secrets.token_hex(24)
    # A deployment that is tried again after a failure sends the request's id again, at a new address [issue aws-cdk#35957].
    same = resource.logical_id, kind, digest(resource.properties)
    request = stack.failed_requests.pop(same, "") or str(uuid.uuid4())
    signed = dt.datetime.fromtimestamp(world.now(), dt.UTC)
    query = f"X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Expires={EXPIRES}&X-Amz-Signature={token}"
    event = {
        "RequestType": kind,
        "RequestId": request,
        "StackId": stack.id,
        "ResourceType": resource.type,
        "ResponseURL": f"{world.url}{ADDRESS}{token}?{query}",
        "LogicalResourceId": resource.logical_id,
        "ServiceToken": str(resource.properties["ServiceToken"]),
        "ResourceProperties": strings(resource.properties),
    }
    if kind != "Create":
        event["PhysicalResourceId"] = resource.physical_id
    if old is not None:
        event["OldResourceProperties"] = strings(old)
    waiting = Waiting(event, world.now() + EXPIRES)
    with world.lock:
        world.of(CloudFormationState).waiting[token] = waiting
    begun, cancelled = world.now(), None
    until, faults, function = begun + seconds, world.of(StackFaults), event["ServiceToken"]
    with world.lock:
        late, twice = faults.strike("event-late", function), faults.strike("event-twice", function)
        if stack.status == "UPDATE_IN_PROGRESS":  # nothing else can be cancelled
            cancelled = faults.strike("cancelled", function)
    for _ in range(2 if twice else 1):
        deliver(world, function, event, late.seconds if late else 0.0)
    while world.now() < until and not stack.cancelled:
        if cancelled and world.now() >= begun + cancelled.seconds:
            stack.cancelled = True
            continue
        if waiting.heard.wait(LOOK):
            answer = _judged(waiting)
            if answer["Status"] == "FAILED":
                stack.failed_requests[same] = request
            return answer
    waiting.used = True
    stack.failed_requests[same] = request
    why = "Resource creation cancelled" if stack.cancelled else NOT_HEARD.format(request)
    return {"Status": "FAILED", "Reason": why, "PhysicalResourceId": resource.physical_id or request}


def take(world: World, path: str, query: str, content_type: str | None, body: bytes) -> int:
    """Somebody PUTs an answer; the HTTP status that S3 gives."""
    state = world.of(CloudFormationState)
    token = path.removeprefix(ADDRESS)
    waiting = state.waiting.get(token)
    if waiting is None or not query.endswith(f"X-Amz-Signature={token}") or content_type or world.now() >= waiting.expires:
        return 403
    faults, function = world.of(StackFaults), waiting.event["ServiceToken"]
    if state.refuse_answers or faults.strike("put-refused", function):
        state.refuse_answers = max(state.refuse_answers - 1, 0)
        return 503
    lost = state.lose_answers or faults.strike("answer-lost", function)
    if lost or waiting.used or len(body) > LARGEST:
        return 200
    try:
        answer = json.loads(body)
    except ValueError:
        return 200
    waiting.used = True
    waiting.answer = answer if isinstance(answer, dict) else {}
    waiting.heard.set()
    return 200


def _judged(waiting: Waiting) -> dict[str, Any]:
    answer, event = waiting.answer or {}, waiting.event
    same = all(answer.get(name) == event[name] for name in ("StackId", "RequestId", "LogicalResourceId"))
    problems: Iterable[tuple[bool, str]] = (
        (not same, "the response names another request"),
        (answer.get("Status") not in ("SUCCESS", "FAILED"), "Invalid response: Status is neither SUCCESS nor FAILED"),
        (not _text(answer.get("PhysicalResourceId"), 1024), "Invalid PhysicalResourceId"),
        (answer.get("Status") == "FAILED" and not answer.get("Reason"), "Invalid response: Reason is missing"),
        (not isinstance(answer.get("Data", {}), dict), "Invalid response: Data is not an object"),
    )
    wrong = next((why for is_so, why in problems if is_so), "")
    if wrong:
        return {"Status": "FAILED", "Reason": wrong, "PhysicalResourceId": event.get("PhysicalResourceId") or event["RequestId"]}
    return answer


def _text(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value.encode()) <= most
