"""Paged reads that preflight makes serve the observation right after it, once: AWS is not asked the same twice in a moment."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader

T = TypeVar("T")
Kept = dict[str, list[dict[str, Any]] | CallFailed]
"""Read → its pages, or the failure."""


class _Over:
    """A Reader over another, which does everything but `pages`."""

    def __init__(self, reader: Reader, kept: Kept) -> None:
        self._reader, self._kept = reader, kept

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        return self._reader.read(service, operation, account, region, **parameters)

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        return self._reader.parallel(jobs)

    def reaches(self, account: str) -> bool:
        return self._reader.reaches(account)


class Ahead(_Over):
    """Keeps what each paged read came to."""

    def pages(self, *call: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page, all read before the first is given."""
        try:
            found = list(self._reader.pages(*call, **parameters))
        except CallFailed as failure:
            self._kept[_key(call, parameters)] = failure
            raise
        self._kept[_key(call, parameters)] = found
        yield from found


class Afterwards(_Over):
    """Gives each read what is kept of it, and asks for everything else."""

    def pages(self, *call: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page: those kept, the first time."""
        found = self._kept.pop(_key(call, parameters), None)
        if isinstance(found, CallFailed):
            raise found
        yield from self._reader.pages(*call, **parameters) if found is None else found


def _key(call: tuple[str, ...], parameters: dict[str, Any]) -> str:
    return json.dumps([call, parameters], sort_keys=True, default=str)
