"""Operations of the simulated services: a table of functions, and what one call knows about itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.world import World

Handler = Callable[..., dict[str, Any] | None]
HANDLERS: dict[tuple[str, str], Handler] = {}


class PassOn(Exception):
    """Raised by a handler that leaves this one request to moto."""


@dataclass(frozen=True)
class Call:
    """One request, after its signature told who makes it: the account and role session, the Region, and the world it acts on."""

    world: World
    service: str
    operation: str
    account: str
    region: str
    principal: str
    """ARN of the caller, for example arn:aws:sts::111111111111:assumed-role/Name/session."""
    parameters: dict[str, Any] = field(default_factory=dict)
    caller: Credential | None = None

    @property
    def partition(self) -> str:
        return self.world.partition


def operation(service: str, name: str) -> Callable[[Handler], Handler]:
    """Register the decorated function `f(call, **MemberNames) -> output members` for one operation of a service."""

    def register(handler: Handler) -> Handler:
        HANDLERS[service, name] = handler
        return handler

    return register


def page(items: list[Any], token: str | None, size: int | None, largest: int) -> tuple[list[Any], str | None]:
    """One page of `items` and the next token (None on the last). `size` None means `largest`."""
    start = int(token) if token else 0
    end = start + min(size or largest, largest)
    return items[start:end], str(end) if end < len(items) else None
