"""Operations run past identity, limits and policies: how seeds and tests arrange a world without knowing a service's state."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from runbook_lib.rehearsal import answers, operations
from runbook_lib.rehearsal.registry import HANDLERS, Call
from runbook_lib.rehearsal.world import World


def load_operations() -> tuple[ModuleType, ...]:
    """Import every module of `operations`, which registers its handlers; of a service's folder, the module `serving`."""
    names = [f"{each.name}.serving" if each.ispkg else each.name for each in pkgutil.iter_modules(operations.__path__)]
    return tuple(importlib.import_module(f"{operations.__name__}.{name}") for name in names)


def install(world: World) -> None:
    """Let the services listen to a world's events; doing it again is harmless. A service offers `install` or `listen`."""
    for module in load_operations():
        for name in ("install", "listen"):
            if hasattr(module, name):
                getattr(module, name)(world)


def run(world: World, service: str, operation: str, account: str, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Run one of our operations as an account's root user.

    Raises the operation's `ApiError`; the answer must still satisfy the service's model.
    """
    with world.lock:
        world.catch_up()
        principal = f"arn:{world.partition}:iam::{account}:root"
        given = (
            HANDLERS[service, operation](Call(world, service, operation, account, region, principal, parameters), **parameters)
            or {}
        )
        answers.success(service, operation, given)
        return given
