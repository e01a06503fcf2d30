"""What a service may use of AWS: reads only."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Reader(Protocol):
    """What a service may use of AWS: reads only. `account` is always an account id; errors are `CallFailed`."""

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        """Make one reading call; refuses an operation that the service does not list under `reads`."""

    def pages(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page of a paged read, to the last; a token that comes twice is an error, an empty page is not the end."""

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        """Run reading jobs side by side (bounded by settings' concurrency); results in the order given."""

    def reaches(self, account: str) -> bool:
        """Whether settings name a door into this account (management, delegated, or a member role)."""
