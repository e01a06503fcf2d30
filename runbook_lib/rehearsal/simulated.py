"""What each simulated service is by name and number: how it refuses, how fast it may be asked, what may befall its calls.

Every folder of `operations` with an `about` module is a simulated service; what all services need is read from there. The runbook
has its own table (its specs) on purpose, so that one wrong belief does not sit on both sides.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from runbook_lib.rehearsal import operations
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.regions import has_endpoint

Bucket = tuple[float, float]
"""Requests per second, burst."""
Batch = tuple[str, str, Callable[[str, str], dict[str, Any]]]
"""How a batch hands accounts back: the parameter, the member of the answer, and one entry of it from account and reason."""


@dataclass(frozen=True, kw_only=True)
class SimulatedService:
    """One enabling service of the simulated organization."""

    name: str
    order: int
    """Its place among the services: what is drawn by a seed's number depends on it."""
    invalid: tuple[str, str]
    """Code and text by which it refuses what its own model rules out; `{problem}` is botocore's word for it."""
    invalid_members: Mapping[str, str] = field(default_factory=dict)
    throttle: Callable[[], ApiError]
    """What it says when it is asked too often."""
    failure: str
    """What it calls a failure of its own, status 500."""
    concurrent: str
    """Its form of Organizations' ConcurrentModificationException."""
    rates: Mapping[str, Bucket]
    """Operation, or "*" for the rest → its token bucket."""
    designation: tuple[str, str, str] | None = None
    """The operations that designate an administrator and take it back, and their parameter; None: Organizations registers it."""
    principal: str
    signing_name: str = ""
    """Its name in signatures and in IAM's actions, where that is not the client's name."""
    regions: frozenset[str] | None = None
    """The Regions in which it has an endpoint; None: those that botocore lists for it."""
    trusted: tuple[str, ...] = ()
    """Further principals that Organizations can trust."""
    roles: Mapping[str, str]
    """Service principal → its service-linked role."""
    policy_types: frozenset[str] = frozenset()
    """Organizations policies that govern it (aws-behaviour 8)."""
    batches: Mapping[str, Batch] = field(default_factory=dict)
    """Operation → how it hands accounts back."""
    nothing_done: Mapping[str, Any] = field(default_factory=dict)
    """What a batch answers besides when none of its accounts was left to carry it out for."""
    drawn: tuple[str, ...] = ()
    """Operations that a drawn fault may befall."""
    drawn_batches: tuple[str, ...] = ()
    drawn_unasked: bool = True
    """Whether faults are drawn for it by a scenario that names no services: one that few rehearse would draw them in vain."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """Operation, or "*" for the rest → the ARN it is authorized on, "*" for none; an operation that is not here: nobody knows."""
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Operation → actions that the service takes on its caller's behalf, which the caller has to be allowed too."""
    settles: bool = True
    """Whether its members have states on their way, which a scenario may keep from settling."""
    error_body: Callable[[ApiError, dict[str, Any]], dict[str, Any]] | None = None
    """The JSON body of an error where it is not `__type` beside the shape's members."""

    @property
    def signs(self) -> str:
        """Its name in signatures, IAM's actions and CloudTrail's event source."""
        return self.signing_name or self.name

    def exists_in(self, region: str) -> bool:
        """Whether a Region has an endpoint of it."""
        return has_endpoint(self.signs, region) if self.regions is None else region in self.regions

    def module(self, name: str) -> Any:
        """A module of the service's folder."""
        return import_module(f"{operations.__name__}.{self.name}.{name}")


@cache
def simulated() -> tuple[SimulatedService, ...]:
    """Every simulated enabling service, in order."""
    packages = [each.name for each in pkgutil.iter_modules(operations.__path__) if each.ispkg and _has_about(each.name)]
    found: list[SimulatedService] = [import_module(f"{operations.__name__}.{name}.about").ABOUT for name in packages]
    return tuple(sorted(found, key=lambda each: each.order))


def _has_about(folder: str) -> bool:
    """The other folders are services around the enabling ones (events, ssm): nobody is designated or rated there."""
    return find_spec(f"{operations.__name__}.{folder}.about") is not None


@cache
def signing_names() -> Mapping[str, str]:
    """Client name → name in signatures and actions, of the services for which they differ."""
    return {each.name: each.signs for each in simulated() if each.signs != each.name}


@cache
def by_name() -> Mapping[str, SimulatedService]:
    """Client name → service."""
    return {each.name: each for each in simulated()}
