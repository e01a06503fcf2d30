"""Events exported from AWS CloudTrail, read from files as people have them.

`{"Records": […]}` as CloudTrail delivers it to S3, `{"Events": [{"CloudTrailEvent": "…"}]}` as `aws cloudtrail lookup-events`
prints it, a JSON list of events, or one event per line; each also gzipped. A folder is read whole.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.base.documents import DocumentError, short
from runbook_lib.base.documents.files import MIB, decoded, read_bytes, unpacked
from runbook_lib.base.documents.json_text import holds_lines, json_lines, read_json
from runbook_lib.base.errors import RunbookError
from runbook_lib.services.registry import signed_by

LARGEST = 256 * MIB
LARGEST_UNPACKED = 1024 * MIB
"""CloudTrail's own files have some megabytes; people put many into one."""
_ENDINGS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")


class TrailProblem(RunbookError):
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
        text = decoded(unpacked(read_bytes(file, LARGEST), str(file), LARGEST_UNPACKED), str(file))
        whole = [each for _, each in json_lines(text, str(file))] if holds_lines(text) else [read_json(text, str(file))]
        for number, each in enumerate(_listed(whole, file), start=1):
            inner = each.get("CloudTrailEvent", each) if isinstance(each, dict) else each
            record = _inner(inner, file, number) if isinstance(inner, str) else inner
            if not isinstance(record, dict):
                raise TrailProblem(f"{file}: event {number}: {short(repr(record))} is not a CloudTrail event, an object")
            yield record
    except DocumentError as error:
        raise TrailProblem(str(error)) from None


def _listed(documents: Iterable[Any], file: Path) -> Iterator[Any]:
    """The events of one document, or of one in each line."""
    for each in documents:
        listed = each
        if isinstance(each, dict):
            listed = each.get("Records", each.get("Events", [each] if {"eventName", "CloudTrailEvent"} & set(each) else None))
        if not isinstance(listed, list):
            raise TrailProblem(f"{file}: holds no CloudTrail events; Records, Events, a list, or one event per line is expected")
        yield from listed


def _inner(text: str, file: Path, number: int) -> Any:
    """An event that is written as text inside another document."""
    try:
        return read_json(text, str(file))
    except DocumentError as error:
        raise TrailProblem(f"{file}: event {number}: {error.findings[0].message}") from None


def _event(record: Mapping[str, Any], file: Path, number: int) -> Event:
    try:
        return _read(record)
    except _Odd as odd:
        raise TrailProblem(f"{file}: event {number}: {odd}; export it again as CloudTrail gives it") from None


class _Odd(Exception):
    """What in one event is not as CloudTrail writes it."""


def _read(record: Mapping[str, Any]) -> Event:
    who = record.get("userIdentity") or {}
    if not isinstance(who, dict):
        raise _Odd(f"userIdentity is {short(repr(who))}, no object")
    caller = _text(who, "arn") or _text(who, "invokedBy") or _text(who, "userName")
    return Event(
        id=_needed(record, "eventID"),
        time=_time(_needed(record, "eventTime")),
        service=_service(_needed(record, "eventSource")),
        operation=_needed(record, "eventName"),
        account=_text(record, "recipientAccountId") or _text(who, "accountId"),
        region=_needed(record, "awsRegion"),
        request_id=_text(record, "requestID"),
        error=_text(record, "errorCode"),
        # lookup-events prints it as text.
        read_only=_text(record, "readOnly").lower() == "true",
        caller=caller,
        user_agent=_text(record, "userAgent"),
        by_aws=_text(who, "type") == "AWSService"
        or _text(record, "eventType") == "AwsServiceEvent"
        or ":assumed-role/AWSServiceRoleFor" in caller,
    )


def _service(source: str) -> str:
    """The name by which clients are made, of an event's source such as access-analyzer.amazonaws.com."""
    name = source.partition(".")[0]
    return signed_by().get(name, name)


def _needed(record: Mapping[str, Any], key: str) -> str:
    if not (value := _text(record, key)):
        raise _Odd(f"{key} is missing")
    return value


def _text(record: Mapping[str, Any], key: str) -> str:
    """A value as text; an account id that lost its quotes gets its zeros back."""
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool | int):
        return str(value).zfill(12) if key.endswith("ccountId") else str(value)
    raise _Odd(f"{key} is {short(repr(value))}, no text")


def _time(text: str) -> dt.datetime:
    try:
        time = dt.datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    raise _Odd(f"eventTime is {short(text)}, no time in UTC")
