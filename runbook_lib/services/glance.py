"""How one service is looked at without settings: three small reads, the same for every service that has a `glance` of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from runbook_lib.aws.reader import Reader
from runbook_lib.services.registry import PACKAGES
from runbook_lib.services.spec import ServiceSpec


@dataclass(frozen=True)
class Glance:
    """The reads of one service, each one call. All raise CallFailed.

    `own`: account, Region → what the account has on there (an identifier, or "on"), "" where it is off. `above`: account, Region,
    what it has on → the administrator that the account names, "" for none. `members`: administrator, Region, what it has on,
    accounts (at most `batch`) → those that are on, and how AWS calls their state.
    """

    spec: ServiceSpec
    reads: frozenset[str]
    own: Callable[[Reader, str, str], str]
    above: Callable[[Reader, str, str, str], str]
    members: Callable[[Reader, str, str, str, Sequence[str]], Mapping[str, str]]
    batch: int
    needs_own: bool = True
    """Whether `above` and `members` can be asked only where the account itself has the service on."""


@cache
def glances() -> tuple[Glance, ...]:
    """Those that there are, in the order of the runbook."""
    modules = [f"{package}.glance" for package in PACKAGES if find_spec(f"{package}.glance")]
    found: list[Glance] = [import_module(module).GLANCE for module in modules]
    return tuple(found)
