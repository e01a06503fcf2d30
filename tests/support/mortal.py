"""A carrier of requests that dies in the middle, or loses answers."""

import threading
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from runbook_lib.rehearsal.identify import identify
from runbook_lib.rehearsal.inproc import InProcess, environ_of

MOMENTS = ("before", "in flight")
"""Before the call reaches the server, or after the server did it and before its answer arrives."""


class Killed(BaseException):
    """The process is gone: no `except Exception` sees this."""


class Unreliable(InProcess):
    """Dies at the `kill_at`-th changing request or the first of an operation, or loses the answer of each `losing`-th."""

    def __init__(self, application: Any, kill_at: int | str = 0, moment: str = "in flight", losing: int = 0) -> None:
        super().__init__(application)
        self._kill_at, self._moment, self._losing = kill_at, moment, losing
        self._lock, self.dead, self.count, self.lost = threading.Lock(), False, 0, 0

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        told = identify(environ_of(request))
        changing = told.mutating and told.service != "sts"
        with self._lock:
            self.count += changing
            number = self.count if changing else 0
            mine = bool(number) and self._kill_at in (number, told.operation)
            self.dead = self.dead or (mine and self._moment == "before")
            if self.dead:
                raise Killed
        answer = super()._send(request)
        with self._lock:
            self.dead = self.dead or mine
            if self.dead:
                raise Killed
            if number and self._losing and number % self._losing == 0:
                self.lost += 1
                raise ConnectionClosedError(endpoint_url=str(request.url))
        return answer
