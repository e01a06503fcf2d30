"""What reading AWS can yield: a value, a failure to read, or something that cannot exist yet.

The three are never mixed. "Could not read" (`Unknown`) must never look like "not there", because a plan made from it would
switch on, or leave off, something nobody has seen. `NotYet` says that a planned step has to come first (there are no members
before an administrator is designated), so a bare organization can be planned in full.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """A value that was read."""

    value: T


@dataclass(frozen=True, slots=True)
class Unknown:
    """A read that failed: the error code, a sentence for the operator, and what to do about it."""

    code: str
    reason: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Cannot exist before `step` (a sentence naming a planned step) has been taken."""

    step: str


Observation = Known[T] | Unknown | NotYet


def when_known(observation: Observation[T], change: Callable[[T], U]) -> Observation[U]:
    """Apply `change` to a known value; pass the other two through untouched."""
    return Known(change(observation.value)) if isinstance(observation, Known) else observation
