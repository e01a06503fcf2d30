"""Commands that are described without the libraries they need: `--help` imports none of them, a command what it uses."""

import functools
import importlib
from collections.abc import Callable
from typing import Any


def done_by(module: str) -> Callable[[Callable[[], None]], Callable[..., int]]:
    """A command whose work is the function of the same name in a module of this package, which is imported once it is run."""

    def described(command: Callable[[], None]) -> Callable[..., int]:
        @functools.wraps(command)
        def run(**given: Any) -> int:
            return int(work_of(module, command.__name__)(**given))

        vars(run)["done_by"] = module, command.__name__
        return run

    return described


def work_of(module: str, name: str) -> Callable[..., int]:
    """The function that does the work."""
    work: Callable[..., int] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    return work
