"""Reading channels that settings name and nobody makes here, from functions to event buses. Reads only."""

import json
from collections.abc import Mapping
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.services.answers import text
from runbook_lib.services.response.kinds import Named
from runbook_lib.services.response.names import EVENTS, FUNCTIONS, MACHINES, SYSTEMS
from runbook_lib.services.response.state import Destination
from runbook_lib.settings.response import ApiDestination, Automation, EventBus, Function

READS = frozenset({
    f"{FUNCTIONS}:GetFunctionConfiguration", f"{FUNCTIONS}:GetPolicy", f"{MACHINES}:DescribeStateMachine",
    f"{SYSTEMS}:DescribeDocument", f"{EVENTS}:DescribeApiDestination", f"{EVENTS}:DescribeConnection", f"{EVENTS}:DescribeEventBus",
})  # fmt: skip
MISSING = frozenset({
    "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NotFound", "NotFoundException", "ResourceNotFoundException",
    "StateMachineDoesNotExist", "NoSuchEntity", "InvalidDocument", "InvalidDocumentVersion",
})  # fmt: skip
"""Error codes of what is not there [model]."""


def read_named(named: Named, arn: str, account: str, region: str, reader: Reader) -> Destination | None:
    """A channel that settings name; None where there is none. Raises CallFailed."""
    try:
        if isinstance(named, Function):
            return _function(arn, account, region, reader)
        if isinstance(named, Automation):
            return _document(named, account, region, reader)
        if isinstance(named, ApiDestination):
            return _api_destination(arn, account, region, reader)
        if isinstance(named, EventBus):
            return _bus(arn, account, reader)
        return _state_machine(arn, account, region, reader)
    except CallFailed as error:
        if error.code in MISSING:
            return None
        raise


def _there(shut: str = "", unseen: str = "", policy: Mapping[str, Any] | None = None) -> Destination:
    return Destination(policy or {}, "", ours=False, shut=shut, unseen=unseen)


def _function(arn: str, account: str, region: str, reader: Reader) -> Destination:
    state = text(reader.read(FUNCTIONS, "GetFunctionConfiguration", account, region, FunctionName=arn).get("State"))
    shut = "" if state in ("", "Active", "Inactive") else f"the function is {state}"
    return _there(shut, policy=read_policy(arn, account, region, reader))


def read_policy(arn: str, account: str, region: str, reader: Reader) -> Mapping[str, Any]:
    """The policy of a function; empty where it has none. Raises CallFailed."""
    try:
        found: Mapping[str, Any] = json.loads(reader.read(FUNCTIONS, "GetPolicy", account, region, FunctionName=arn)["Policy"])
    except CallFailed as error:
        if error.code in MISSING:
            return {}
        raise
    return found


def _state_machine(arn: str, account: str, region: str, reader: Reader) -> Destination:
    status = text(reader.read(MACHINES, "DescribeStateMachine", account, region, stateMachineArn=arn).get("status"))
    return _there("" if status in ("", "ACTIVE") else f"the state machine is {status}")


def _document(named: Automation, account: str, region: str, reader: Reader) -> Destination:
    """A document whose version is there, and takes the parameters that settings give it."""
    asked = {"Name": named.document, "DocumentVersion": named.version}
    found = reader.read(SYSTEMS, "DescribeDocument", account, region, **asked)["Document"]
    known = {each["Name"]: "DefaultValue" in each for each in found.get("Parameters") or ()}
    more = sorted(named.parameters.keys() - known.keys())
    lacking = sorted(name for name, usual in known.items() if not usual and name not in {*named.parameters, "AutomationAssumeRole"})
    reasons = (
        (found.get("DocumentType") != "Automation", f"the document is of type {text(found.get('DocumentType'))}, not Automation"),
        (found.get("Status", "Active") != "Active", f"the document is {text(found.get('Status'))}"),
        (bool(more), f"the document has no parameter {', '.join(more)}"),
        (bool(lacking), f"the document wants the parameter {', '.join(lacking)}, which settings do not give"),
    )
    return _there(next((why for so, why in reasons if so), ""))


def _api_destination(arn: str, account: str, region: str, reader: Reader) -> Destination | None:
    """One that is active, with a connection that may be used; of another id it is another one."""
    found = reader.read(EVENTS, "DescribeApiDestination", account, region, Name=arn.split("/")[1])
    if found["ApiDestinationArn"] != arn:
        return None
    if text(found.get("ApiDestinationState")) != "ACTIVE":
        return _there(f"the API destination is {text(found.get('ApiDestinationState'))}")
    connection = text(found.get("ConnectionArn")).split("/")[1]
    state = text(reader.read(EVENTS, "DescribeConnection", account, region, Name=connection).get("ConnectionState"))
    return _there("" if state == "AUTHORIZED" else f"its connection {connection} is {state}")


def _bus(arn: str, account: str, reader: Reader) -> Destination:
    """A bus of the same account; of another account's nothing can be read from here."""
    _, _, _, region, owner, name = arn.split(":", 5)
    if owner != account:
        return _there(unseen=f"its policy is account {owner}'s, which cannot be read from here: have its owner let this role in")
    reader.read(EVENTS, "DescribeEventBus", account, region, Name=name.partition("/")[2])
    return _there()
