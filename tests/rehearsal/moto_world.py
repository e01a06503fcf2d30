"""The simulated AWS as moto's own tests expect to find one: an account without an organization, any access key, reset at will."""

from collections.abc import Callable, Iterable
from typing import Any

from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import Credential, Credentials
from runbook_lib.rehearsal.internal import install
from runbook_lib.rehearsal.world import SimulatedOrganization, World

ACCOUNT = "123456789012"
"""The account that moto's tests are in when nothing else is said."""
RESET = "/moto-api/reset"


class _AnyToken(str):
    """A session token that any other equals: moto's tests make theirs up."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


class _AnyKey(dict[str, Credential]):
    """Takes every key that nobody gave out for the default account's own user."""

    def get(self, key: str, default: Any = None) -> Any:
        if key in self:
            return self[key]
        return Credential(key, "", ACCOUNT, f"arn:aws:sts::{ACCOUNT}:user/moto", "AKIAIOSFODNN7EXAMPLE", token=_AnyToken())


def bare_world() -> World:
    """No organization yet; states settle at once and nothing is throttled: moto's tests know of neither."""
    world = World(SimulatedOrganization("", "", ""), settle_polls=0)
    world.of(Credentials).by_key = _AnyKey()
    install(world)
    return world


class Suite:
    """Our front before moto, and moto's own control page."""

    def __init__(self) -> None:
        self.front = Front(bare_world())
        self.backstop = Backstop(lambda: self.front.world)
        self.front.backstop = self.backstop

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == RESET:
            self.front.adopt(bare_world())
            self.front.log.clear()
            self.backstop.reset()
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
            return [b"{}"]
        if environ["PATH_INFO"].startswith("/moto-api/") or "HTTP_AUTHORIZATION" not in environ:
            return self.backstop(environ, start_response)
        return self.front(environ, start_response)
