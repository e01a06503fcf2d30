"""The raw answers from which coverage was judged: the newest of every read, redacted by rule, compressed, one JSON line each.

E-mail addresses and credentials are replaced by numbered marks, the same value by the same mark, so that comparisons come out
as they did.
"""

import base64
import datetime as dt
import gzip
import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.files import write_bytes
from runbook_lib.base.privacy import Numbered, masked, suspicious
from runbook_lib.evidence.run.kept_answers import FORMAT
from runbook_lib.services.response.names import DRILLED, EVENTS, FUNCTIONS, HUB, MACHINES, QUEUES, TOPICS

FASTEST, LEVEL = 1, 6
"""zlib's levels, while answers come in and in the file."""


class Answers:
    """The newest answer to each read of one notebook. `keep` may be called from many threads.

    Kept as compressed text: as objects, the answers about ten thousand accounts fill gigabytes.
    """

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def keep(self, answer: dict[str, Any] | CallFailed, *call: Any) -> None:
        """Take the answer to a call: (service, operation, account, region, parameters)."""
        self._kept[key(*call)] = zlib.compress(_text(_plain(_without_contents(answer, *call[:2]), *call[:4])), FASTEST)

    def take(self, call: str, said: Mapping[str, Any]) -> None:
        """Take what a file of answers says of one call."""
        self._kept[call] = zlib.compress(_text(dict(said)), FASTEST)

    def write(self, path: Path, about: Mapping[str, Any]) -> None:
        """Write all answers; `about` heads the file."""
        hidden = _Hidden()
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", filename="", compresslevel=LEVEL, mtime=0) as file:
            file.write(json.dumps({"format": FORMAT, **about}, sort_keys=True).encode() + b"\n")
            for call, answer in sorted(self._kept.copy().items()):
                line = f"[{json.dumps(call)}, {zlib.decompress(answer).decode()}]\n"
                file.write(hidden.line(call, line).encode())
        write_bytes(path, packed.getvalue())


def key(service: str, operation: str, account: str, region: str, parameters: Mapping[str, Any]) -> str:
    """What names a read: everything that was asked."""
    return json.dumps([service, operation, account, region, parameters], sort_keys=True, default=_special)


FINDING: dict[str, Any] = {
    **dict.fromkeys(("Id", "ProductArn", "AwsAccountId", "Region", "Types", "RecordState", "CreatedAt", "UpdatedAt"), None),
    "Severity": {"Label": None},
    "Workflow": {"Status": None},
    "Compliance": {"Status": None, "SecurityControlId": None},
    "Resources": {
        "Type": None,
        "Id": None,
        "Region": None,
        "Details": {"AwsIamAccessKey": {"PrincipalName": None, "PrincipalType": None}},
    },
}
"""What is kept of a finding: ids, types, labels and places, and whose an access key is; never a title, description or note."""


KEPT: Mapping[tuple[str, str], dict[str, Any]] = {
    (HUB, "GetFindings"): {"Findings": FINDING, "NextToken": None},
    (FUNCTIONS, "GetFunctionConfiguration"): {"State": None},
    (MACHINES, "DescribeStateMachine"): {"status": None},
    (EVENTS, "DescribeApiDestination"): dict.fromkeys(("ApiDestinationArn", "ApiDestinationState", "ConnectionArn")),
    (EVENTS, "DescribeConnection"): {"ConnectionState": None},
    (TOPICS, "ListSubscriptionsByTopic"): {"Subscriptions": {"SubscriptionArn": None, "Protocol": None}, "NextToken": None},
}
"""What is kept of answers in which others' contents lie: findings, and addresses, variables, definitions: tokens may be there."""


def _only(value: Any, kept: dict[str, Any] | None) -> Any:
    if kept is None:
        return value
    if isinstance(value, list):
        return [_only(each, kept) for each in value]
    return {name: _only(value[name], part) for name, part in kept.items() if name in value} if isinstance(value, dict) else None


def _without_contents(answer: dict[str, Any] | CallFailed, service: str = "", operation: str = "") -> dict[str, Any] | CallFailed:
    """Of findings what names them, of messages those about a drill, of channels what says whether they are there."""
    if isinstance(answer, CallFailed):
        return answer
    if (service, operation) in KEPT:
        kept: dict[str, Any] = _only(answer, KEPT[service, operation])
        return kept
    if (service, operation) != (QUEUES, "ReceiveMessage"):
        return answer
    return {**answer, "Messages": [each for each in answer.get("Messages") or () if DRILLED in str(each.get("Body"))]}


def _plain(answer: dict[str, Any] | CallFailed, *asked: str) -> dict[str, Any]:
    """An answer or a failure as it is kept. A read may fail because another call did: a role was not assumed."""
    if not isinstance(answer, CallFailed):
        return {"answer": answer}
    said = {"code": answer.code, "message": answer.message, "status": answer.status, "sent": answer.sent}
    failed = (answer.service, answer.operation, answer.account, answer.region)
    other = {"failed": failed} if failed != asked else {}
    return {"failure": {**said, **other, **({"next_step": answer.next_step} if answer.next_step else {})}}


def _text(answer: dict[str, Any]) -> bytes:
    """An answer as one line of ASCII: quickly by orjson, which however leaves other letters, and ends of lines, as they are."""
    try:
        text = orjson.dumps(answer, default=_special, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)
        if text.isascii():
            return text
    except orjson.JSONEncodeError:
        pass  # what orjson does not know, the standard library may
    return json.dumps(answer, sort_keys=True, default=_special).encode()


def _special(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"an answer of AWS holds a {type(value).__name__}")


class _Hidden:
    """Masks the texts in the lines of one file. A text that comes again, as most do, is looked at once."""

    def __init__(self) -> None:
        self._mark = Numbered()
        self._known: dict[str, str] = {}

    def line(self, call: str, line: str) -> str:
        if not suspicious(line):
            return line
        asked, answer = json.loads(call), json.loads(line)[1]
        return json.dumps([json.dumps(self._data(asked), sort_keys=True), self._data(answer)]) + "\n"

    def _data(self, value: Any) -> Any:
        if isinstance(value, str):
            if value not in self._known:
                self._known[value] = masked(value, self._mark)
            return self._known[value]
        if isinstance(value, dict):
            return {self._data(name): self._data(item) for name, item in value.items()}
        return [self._data(item) for item in value] if isinstance(value, list) else value
