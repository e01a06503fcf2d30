"""How the simulated AWS treats its callers, apart from who is there: request rates, planned refusals, duration of designation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hiccup:
    """A planned refusal: the `call`-th request of an operation, and `times - 1` after it, are throttled, whoever makes them."""

    service: str
    operation: str
    call: int = 1
    times: int = 1


@dataclass(frozen=True)
class Conditions:
    """What a seed says about traffic."""

    throttled: bool = True
    """Whether AWS's request rates are enforced."""
    hiccups: tuple[Hiccup, ...] = ()
    designation_seconds: float = 0.0
    """How long a call that changes Organizations takes, in real time; a second one meanwhile is refused."""
