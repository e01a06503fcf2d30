"""The server's own record of every request: the tests' witness for what was really sent."""

import json
import threading
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One request and its answer."""

    time: float
    service: str
    operation: str
    account: str
    region: str
    status: int
    code: str
    """The error code; "" when the call succeeded."""
    mutating: bool
    throttled: bool
    invocation: str
    attempt: int
    user_agent: str
    session: str
    """The role session's name; "" for users."""
    items: int
    """The longest list among the parameters: the size of a batch."""
    page: int
    """The size of page that was asked for; 0 for none."""
    answered: int
    """The longest list in the answer."""
    more: bool
    """Whether the answer had a token for a next page."""
    fault: str = ""
    """The scenario's fault that befell the request; "" for none. A cut connection has status 0."""
    request_id: str = ""
    principal: str = ""
    """ARN of who called; "" where nobody was recognized."""
    unique_id: str = ""


class Log:
    """A bounded list of entries, and a file of JSON lines where a path is given."""

    def __init__(self, path: Path | None = None, largest: int = 200_000) -> None:
        self.entries: deque[Entry] = deque(maxlen=largest)
        self.unhandled: dict[str, int] = {}
        self.schedule = ""
        """The scenario under which the entries were made, with its number."""
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._adding = threading.Lock()

    def begin(self, schedule: str) -> None:
        """Name the scenario that is at work from now on; a file gets a line of its own for it."""
        self.schedule = schedule
        if self._file and schedule:
            self._file.write(json.dumps({"scenario": schedule}) + "\n")

    def add(self, entry: Entry) -> None:
        """Keep one entry. A lock of its own: the world's is what every request waits for."""
        with self._adding:
            self.entries.append(entry)
            if entry.code == "NotSimulated":
                name = f"{entry.service}:{entry.operation}"
                self.unhandled[name] = self.unhandled.get(name, 0) + 1
            if self._file:
                self._file.write(json.dumps(asdict(entry)) + "\n")

    def select(self, **wanted: str) -> list[Entry]:
        """Entries whose members, written as text, equal those wanted; for example service="guardduty", mutating="True"."""
        return [
            entry for entry in list(self.entries) if all(str(getattr(entry, name, None)) == value for name, value in wanted.items())
        ]

    def clear(self) -> None:
        self.entries.clear()
        self.unhandled.clear()

    def close(self) -> None:
        if self._file:
            self._file.close()


def longest_list(value: dict[str, Any] | None) -> int:
    return max((len(each) for each in (value or {}).values() if isinstance(each, list | tuple)), default=0)


def page_asked(parameters: dict[str, Any]) -> int:
    asked = parameters.get("MaxResults", parameters.get("maxResults", 0))
    return asked if isinstance(asked, int) else 0
