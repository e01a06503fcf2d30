"""Events exported from AWS CloudTrail, read from files as people have them.

`{"Records": […]}` as CloudTrail delivers it to S3, `{"Events": [{"CloudTrailEvent": "…"}]}` as `aws cloudtrail lookup-events`
prints it, a JSON list of events, or one event per line; each also gzipped. A folder is read whole.
"""

import datetime as dt
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ENDINGS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")


class TrailProblem(Exception):
    """Exported events that cannot be read; the message names file and place."""


@dataclass(frozen=True)
class Event:
    """One API call as CloudTrail saw it. `account`: whose event it is; `by_aws`: AWS called for itself, not for anybody."""

    id: str
    time: dt.datetime
    service: str
    operation: str
    account: str
    region: str
    request_id: str
    error: str
    read_only: bool
    caller: str
    user_agent: str
    by_aws: bool

    @property
    def session(self) -> str:
        """The name of the role session that called; for users their name."""
        return self.caller.rpartition("/")[2]


def read_trails(paths: Iterable[Path]) -> list[Event]:
    """All events of files and folders in the order of time, each once: several trails may deliver the same event."""
    found: dict[tuple[str, str], Event] = {}
    for path in paths:
        for file in _files(path):
            for number, record in enumerate(_records(file), start=1):
                event = _event(record, file, number)
                found[event.id, event.account] = event
    return sorted(found.values(), key=lambda event: (event.time, event.id))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.rglob("*") if each.name.endswith(_ENDINGS))
    if not found:
        raise TrailProblem(f"{path}: holds no files that end in {', '.join(_ENDINGS)}")
    return found


def _records(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise TrailProblem(f"{file}: cannot be read: {error}") from None
    try:
        whole = json.loads(text)
    except ValueError:
        whole = [_line(file, number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if isinstance(whole, dict):
        whole = whole.get("Records", whole.get("Events", [whole] if "eventName" in whole else None))
    if not isinstance(whole, list):
        raise TrailProblem(f"{file}: holds no CloudTrail events; Records, Events, a list, or one event per line is expected")
    for number, each in enumerate(whole, start=1):
        inner = each.get("CloudTrailEvent", each) if isinstance(each, dict) else each
        yield _line(file, number, inner) if isinstance(inner, str) else inner


def _line(file: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise TrailProblem(f"{file}: event {number}: is not JSON: {error}") from None


def _event(record: Mapping[str, Any], file: Path, number: int) -> Event:
    try:
        who = record.get("userIdentity") or {}
        caller = str(who.get("arn") or who.get("invokedBy") or who.get("userName") or "")
        return Event(
            id=str(record["eventID"]),
            time=dt.datetime.fromisoformat(record["eventTime"]),
            service=str(record["eventSource"]).partition(".")[0],
            operation=str(record["eventName"]),
            account=str(record.get("recipientAccountId") or who.get("accountId") or ""),
            region=str(record["awsRegion"]),
            request_id=str(record.get("requestID") or ""),
            error=str(record.get("errorCode") or ""),
            # lookup-events prints it as text.
            read_only=str(record.get("readOnly", "")).lower() == "true",
            caller=caller,
            user_agent=str(record.get("userAgent") or ""),
            by_aws=who.get("type") == "AWSService"
            or record.get("eventType") == "AwsServiceEvent"
            or ":assumed-role/AWSServiceRoleFor" in caller,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrailProblem(f"{file}: event {number}: is no CloudTrail event ({type(error).__name__}: {error})") from None
