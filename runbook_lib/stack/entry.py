"""Where Lambda enters the function that accepts: with the standard library alone, so that a bundle that lacks something is said.

Without it CloudFormation would wait an hour for a function that cannot even be imported, and nobody would be told why.
"""

from collections.abc import Mapping
from typing import Any

from runbook_lib.stack.answer import FAILED, SUCCESS, NotARequest, Request, Unanswered, body, send
from runbook_lib.stack.events import SAID, Event, backward


def handler(event: Mapping[str, Any], context: object) -> None:
    """What Lambda calls. Raises only where the state machine is to try again."""
    try:
        from runbook_lib.stack import accept  # noqa: PLC0415 what cannot be imported is the answer
    except ImportError as error:
        without(event, error.name or "a module")
        return
    accept.handler(event, context)


def without(event: Mapping[str, Any], missing: str) -> None:
    """Answer a request though something of the bundle is missing; what does nothing anyway succeeds all the same."""
    if "RequestType" not in event:
        raise RuntimeError(f"the bundle lacks {missing}")
    try:
        request = Request.of(event)
        if request.kind == "Delete":
            send(request.url, body(request, SUCCESS, "", {"Status": SAID[Event.DELETION]}))
        elif backward(request.properties, request.old_properties):
            send(request.url, body(request, SUCCESS, "", {"Status": SAID[Event.ROLLBACK]}))
        else:
            why = f"failed: the bundle lacks {missing}; make it again with runbook stack package. Nothing was called"
            send(request.url, body(request, FAILED, why))
    except (NotARequest, Unanswered):
        return  # Lambda would only deliver it again
