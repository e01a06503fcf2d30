"""The function that CloudFormation invokes: it takes a request, has the state machine work on it, and delivers the answer.

No exception ever leaves it, for Lambda would deliver the same request again, and it never logs an address. The address is parked as
an encrypted parameter; the state machine knows only that parameter's name.
"""

import datetime as dt
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from runbook_lib.stack.answer import (
    FAILED,
    FORMAT,
    LATE_SECONDS,
    SUCCESS,
    WORK_SECONDS,
    NotARequest,
    Request,
    Unanswered,
    body,
    execution_name,
    resource_prefix,
    send,
)
from runbook_lib.stack.events import SAID, Event, backward, event_of
from runbook_lib.stack.surroundings import Surroundings

LOG = logging.getLogger(__name__)
LOG.setLevel(logging.INFO)
T = TypeVar("T")
PATIENCE = 60.0
"""Seconds for which a role that was only just made may lack its policy [issue], and a stack its state."""
_LACKS = re.compile(r"No module named '([\w.]+)'")
NOT_YET = frozenset({"AccessDenied", "AccessDeniedException", "ThrottlingException", "Throttling", "InternalFailure"})


def handler(event: Mapping[str, Any], context: object) -> None:
    """What Lambda calls: with a request of CloudFormation's, with a result of the state machine's, or with how that was ended."""
    try:
        door = Door(Surroundings())
        if "RequestType" in event:
            door.accept(event)
        elif event.get("detail-type") == "Step Functions Execution Status Change":
            door.broken_off(str(event["detail"]["name"]), str(event["detail"]["status"]))
        else:
            door.answer(event)
    except Exception as error:  # noqa: BLE001 whatever it is, Lambda would deliver the request again
        LOG.error("ended by %s", type(error).__name__)  # noqa: TRY400 its text and traceback may name the address
        if "RequestType" not in event:  # the state machine tries again
            raise RuntimeError(f"the answer was not delivered: {type(error).__name__}") from None


@dataclass
class Door:
    """The function's work, with clock and delivery as a test may have them."""

    around: Surroundings
    now: Callable[[], dt.datetime] = field(default=lambda: dt.datetime.now(dt.UTC))
    sleep: Callable[[float], object] = time.sleep
    deliver: Callable[[str, bytes], None] = send

    def accept(self, event: Mapping[str, Any]) -> None:
        """Take one request: begin work on it, or answer at once. Raises nothing."""
        received = self.now()
        try:
            request = Request.of(event)
        except NotARequest as error:
            LOG.error("not a request: %s", error)  # noqa: TRY400 a traceback shows the event
            return
        LOG.info("%s %s, request %s", request.kind, request.logical_id, request.id)
        try:
            self._taken(request, received)
        except Exception as error:  # noqa: BLE001 whatever it is, CloudFormation waits for an answer
            LOG.error("failed by %s", type(error).__name__)  # noqa: TRY400 its text and traceback may name the address
            self._say(request, FAILED, f"failed: the request could not be begun ({_code(error)}); nothing was called")

    def _taken(self, request: Request, received: dt.datetime) -> None:
        # Without the stack's state nothing is begun; what does nothing anyway need not wait for it.
        still = request.kind == "Delete" or backward(request.properties, request.old_properties)
        event = event_of(request, "" if still else self._patiently(lambda: self._state(request.stack)))
        LOG.info("%s is %s", request.logical_id, event)
        if event is not Event.FORWARD:
            self._ask_to_stop(request)
        if event in SAID:
            self._say(request, SUCCESS, "", {"Status": SAID[event]})
        elif event is Event.STRANGE:
            why = f"refused: properties of format {request.properties.get('Format', 'none')}, or a state of the stack, that this "
            self._say(request, FAILED, f"{why}version (format {FORMAT}) does not know; nothing was called")
        else:
            self._begin(request, received)

    def _state(self, stack: str) -> str:
        found = self.around.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return str(found[0]["StackStatus"])

    def _begin(self, request: Request, received: dt.datetime) -> None:
        name, signed = execution_name(request), request.signed(received)
        if (received - signed).total_seconds() > LATE_SECONDS:
            if not self._known(name):
                self._say(request, FAILED, "refused: the request arrived too late to be carried out in time; nothing was called")
            return
        self._ask_to_stop(request)
        self._park(name, request)
        work = {
            "execution": name,
            "order": request.properties.get("Order", ""),
            "until": (signed + dt.timedelta(seconds=WORK_SECONDS)).isoformat(),
            "resource": resource_prefix(request),
            "slice": 0,
        }
        states = self.around.client("stepfunctions")
        try:
            self._patiently(lambda: states.start_execution(stateMachineArn=self.around.machine, name=name, input=json.dumps(work)))
        except ClientError as error:
            if _code(error) == "ExecutionAlreadyExists":
                LOG.info("delivered before: %s", name)
                return
            raise

    def _known(self, name: str) -> bool:
        try:
            self.around.client("stepfunctions").describe_execution(executionArn=self._execution(name))
        except ClientError as error:
            if _code(error) == "ExecutionDoesNotExist":
                return False
            raise
        return True

    def _execution(self, name: str) -> str:
        return f"{self.around.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def _ask_to_stop(self, request: Request) -> None:
        """Whatever still works on this resource ends in an orderly way, and whoever comes next waits for that."""
        own = execution_name(request)
        for name in running(self.around, resource_prefix(request)):
            if name != own:
                self.around.client("s3").put_object(Bucket=self.around.bucket, Key=stop_key(name), Body=b"")

    # The address, and the answer.

    def _park(self, name: str, request: Request) -> None:
        said = {"RequestType": request.kind, "RequestId": request.id, "ResponseURL": request.url, "StackId": request.stack,
                "LogicalResourceId": request.logical_id}  # fmt: skip
        self._patiently(
            lambda: self.around.client("ssm").put_parameter(
                Name=self._parameter(name), Value=json.dumps(said), Type="SecureString", Overwrite=True, Tier="Intelligent-Tiering"
            )
        )

    def _parameter(self, name: str) -> str:
        return f"{self.around.parameters}/{name}"

    def answer(self, result: Mapping[str, Any]) -> None:
        """The machine's last step: the result of the last slice, or what broke it. Raises where the machine is to try again."""
        name = str(result["execution"])
        done = result.get("result") or {}
        if error := result.get("error"):
            done = {"status": FAILED, "reason": f"failed: {_broken(error)}; nothing was undone"}
        self._answer(name, str(done.get("status", FAILED)), str(done.get("reason", "")), done.get("data") or {})

    def broken_off(self, name: str, how: str) -> None:
        """A state machine was ended from outside, or ran out of time: it has answered nobody."""
        self._answer(name, FAILED, f"timed out: the state machine ended as {how}; nothing was undone", {})

    def _answer(self, name: str, status: str, reason: str, data: Mapping[str, Any]) -> None:
        ssm = self.around.client("ssm")
        try:
            parked = ssm.get_parameter(Name=self._parameter(name), WithDecryption=True)["Parameter"]["Value"]
        except ClientError as error:
            if _code(error) == "ParameterNotFound":
                LOG.info("answered before: %s", name)
                return
            raise
        request = Request.of(json.loads(parked))
        self.deliver(request.url, body(request, status, reason, data))
        LOG.info("answered %s: %s", request.logical_id, status)
        ssm.delete_parameter(Name=self._parameter(name))

    def _say(self, request: Request, status: str, reason: str, data: Mapping[str, Any] | None = None) -> None:
        try:
            self.deliver(request.url, body(request, status, reason, data))
            LOG.info("answered %s: %s", request.logical_id, status)
        except Unanswered as error:
            LOG.error("%s", error)  # noqa: TRY400 a traceback shows the address

    def _patiently(self, call: Callable[[], T]) -> T:
        """A call of this function's own; for a minute it may be denied, since its role may be that new."""
        waited, pause = 0.0, 1.0
        while True:
            try:
                return call()
            except (ClientError, BotoCoreError) as error:
                if _code(error) not in NOT_YET or waited >= PATIENCE:
                    raise
                self.sleep(pause)
                waited, pause = waited + pause, min(pause * 2, 10.0)


def _broken(error: object) -> str:
    """Why the function that works has given no result. Of its own words only the name of what it lacks is repeated."""
    said = error if isinstance(error, Mapping) else {}
    if lacks := _LACKS.search(str(said.get("Cause", ""))):
        return f"the bundle lacks {lacks[1]}; make it again with runbook stack package"
    return f"the function that works was ended by AWS ({said.get('Error', 'unknown')})"


def running(around: Surroundings, resource: str) -> list[str]:
    """Names of the executions that work on one resource now."""
    states, found, token = around.client("stepfunctions"), list[str](), dict[str, str]()
    while True:
        page = states.list_executions(stateMachineArn=around.machine, statusFilter="RUNNING", **token)
        found += [each["name"] for each in page["executions"] if each["name"].startswith(f"{resource}-")]
        if not page.get("nextToken"):
            return found
        token = {"nextToken": page["nextToken"]}


def stop_key(name: str) -> str:
    """The object that asks an execution to stop."""
    return f"stop/{name}"


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__
