"""The simulation's own log as events in the form of AWS CloudTrail, for trying out what reads exported events.

Fields and their meaning: CloudTrail user guide, "record contents for management, data, and network activity events" and
"userIdentity element". Requests by nobody are left out: CloudTrail knows no account to record them in. Parameters and answers are
null, since the log does not keep them.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from runbook_lib.rehearsal.log import Entry
from runbook_lib.rehearsal.simulated import signing_names

VERSION = "1.11"
_ISSUED = uuid.UUID("5b9c2b4e-59a7-4b0e-8f5c-0d3f6f1f7a11")
"""Namespace of event ids, so that the same log gives the same ids."""


def export(entries: Iterable[Entry]) -> dict[str, Any]:
    """A CloudTrail log file of the requests so far."""
    return {"Records": [_record(entry) for entry in list(entries) if entry.principal]}


def _record(entry: Entry) -> dict[str, Any]:
    return {
        "eventVersion": VERSION,
        "userIdentity": _identity(entry),
        "eventTime": dt.datetime.fromtimestamp(entry.time, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{signing_names().get(entry.service, entry.service)}.amazonaws.com",
        "eventName": entry.operation,
        "awsRegion": entry.region,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": entry.user_agent,
        **({"errorCode": entry.code} if entry.code and entry.status else {}),
        "requestParameters": None,
        "responseElements": None,
        "requestID": entry.request_id,
        "eventID": str(uuid.uuid5(_ISSUED, entry.request_id)),
        # CloudTrail calls AssumeRole and its like reading: they change nothing in the account.
        "readOnly": not entry.mutating or entry.service == "sts",
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": entry.account,
        "eventCategory": "Management",
    }


def _identity(entry: Entry) -> dict[str, Any]:
    """A user, or a session of a role with the role it was issued by."""
    who = {"principalId": entry.unique_id, "arn": entry.principal, "accountId": entry.account}
    if not entry.session:
        return {"type": "IAMUser", **who, "userName": entry.principal.rpartition("/")[2]}
    partition, role = entry.principal.split(":")[1], entry.principal.split("/")[1]
    issuer = {
        "type": "Role",
        "principalId": entry.unique_id.partition(":")[0],
        "arn": f"arn:{partition}:iam::{entry.account}:role/{role}",
        "accountId": entry.account,
        "userName": role,
    }
    return {"type": "AssumedRole", **who, "sessionContext": {"sessionIssuer": issuer}}
