"""A function of References whose good answers are kept: what AWS assigned does not change while a stage runs."""

import threading
from collections.abc import Callable

from runbook_lib.plan import Reference


class Memo:
    """Asks at most once per Reference, also when many threads want it together. What raises is asked again."""

    def __init__(self, ask: Callable[[Reference], str]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asking: dict[Reference, threading.Lock] = {}
        self._known: dict[Reference, str] = {}

    def __call__(self, reference: Reference) -> str:
        with self._lock:
            asking = self._asking.setdefault(reference, threading.Lock())
        with asking:
            if reference not in self._known:
                self._known[reference] = self._ask(reference)
            return self._known[reference]
