"""Error answers of the simulated services."""

import errno
from typing import Any


class ApiError(Exception):
    """An AWS error answer: code, message, HTTP status (None: as the service model says), further members of the body."""

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.members = code, message, status, members


class ConnectionCut(ConnectionResetError):
    """No answer comes; a server that meets it closes the connection, after `silence` seconds without a word."""

    def __init__(self, silence: float = 0.0, why: str = "the scenario cuts this connection") -> None:
        super().__init__(errno.ECONNRESET, why)
        self.silence = silence
