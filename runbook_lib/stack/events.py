"""What an event of CloudFormation's is: nothing in it says so, the stack's state and the properties do."""

from collections.abc import Mapping
from enum import StrEnum

from runbook_lib.stack.answer import FORMAT, Request, physical_id


class Event(StrEnum):
    """What a request asks for, and so what is done. Only FORWARD does anything to the organization."""

    FORWARD = "forward"
    ROLLBACK = "rollback"
    """Back to what was there before something failed: nothing is undone."""
    CLEANUP = "cleanup"
    """The old resource of a replacement goes, whose successor is in use."""
    DELETION = "deletion"
    """The resource is taken out of the stack, or the stack goes: everything stays on."""
    STRANGE = "strange"
    """Properties or a stack's state that this version does not know: nothing is called, and it fails."""


WORKING = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})
CLEANING = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
SAID = {
    Event.ROLLBACK: "unchanged (rollback)",
    Event.CLEANUP: "unchanged (cleanup)",
    Event.DELETION: "unchanged (everything stays on)",
}
"""Status in the answer to what is done by leaving everything as it is."""


def event_of(request: Request, state: str) -> Event:
    """Classify a request by the state that the stack is in now."""
    if "ROLLBACK" in state:
        return Event.ROLLBACK
    if request.kind == "Delete":
        ours = request.physical_id == physical_id(request.stack, request.logical_id)
        return Event.DELETION if ours and state != CLEANING else Event.CLEANUP
    if backward(request.properties, request.old_properties):
        return Event.ROLLBACK  # a failed update of one resource is put back also where the stack is not rolled back
    if state not in WORKING or request.properties.get("Format") != FORMAT:
        return Event.STRANGE
    return Event.FORWARD


def backward(properties: Mapping[str, str], old: Mapping[str, str]) -> bool:
    """Whether an update leads to an order that was made before the one it replaces: orders begin with when they were made."""
    return bool(old.get("Order")) and properties.get("Order", "") < old["Order"]
