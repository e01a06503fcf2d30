"""What leaving a service has taken, told by the simulated world itself and not by the runbook: facts before and after."""

from collections.abc import Callable, Mapping

import twins

from runbook_lib.rehearsal.world import World
from runbook_lib.services.registry import by_name

Facts = Mapping[str, frozenset[tuple[str, str]]]
"""Fact → (account, Region) of which it holds."""


Breaking = tuple[str, str, Callable[[World, str], None], str, str]
"""What it is called, of which level, how it is done to a Region of a world, what the Blocker says, and on which of the two ways."""


def broken(service: str) -> tuple[Breaking, ...]:
    """The preconditions that this service alone has."""
    found: tuple[Breaking, ...] = getattr(twins.module(service, "facts"), "BROKEN", ())
    return found


def facts(world: World, service: str) -> Facts:
    """What there is of a service, and what Organizations knows of it."""
    spec, organization = by_name()[service], world.organization
    assert spec.designation is not None
    known = {
        "registered": {(account, "global") for account in organization.delegated.get(spec.designation.principal, {})},
        "trusted": {(principal, "global") for principal in spec.principals if principal in organization.trusted},
    }
    return {kind: frozenset(places) for kind, places in {**twins.module(service, "facts").facts(world), **known}.items()}


def keep(world: World) -> None:
    """What an administrator of each service may have made by hand, so that there is something of it to lose."""
    for service in by_name():
        making: Callable[[World], None] | None = getattr(twins.module(service, "facts"), "keep", None)
        if making:
            making(world)


def emptied(world: World, service: str) -> None:
    """Let its administrator keep nothing."""
    twins.module(service, "facts").emptied(world)


def kept_notes(service: str) -> Mapping[str, str]:
    """How a loss of what is kept begins → how what is said of it ends; nothing where a service's administrator keeps nothing."""
    found: Mapping[str, str] = getattr(twins.module(service, "facts"), "NOTES", {})
    return found


def unreadable(service: str) -> str:
    """A read without which what is kept is not known."""
    return str(twins.module(service, "facts").READING)


def for_good(service: str) -> frozenset[str]:
    """The facts that may not hold any longer after coming back, each of which has been named as lost for good."""
    found: frozenset[str] = getattr(twins.module(service, "facts"), "FOR_GOOD", frozenset())
    return found


def lost(before: Facts, after: Facts) -> dict[str, frozenset[tuple[str, str]]]:
    """Fact → where it held before and holds no longer; facts that hold where they did are left out."""
    gone = {kind: places - after[kind] for kind, places in before.items()}
    return {kind: places for kind, places in gone.items() if places}


def won(before: Facts, after: Facts) -> dict[str, frozenset[tuple[str, str]]]:
    """The other way round: nothing, where something is only taken away."""
    return lost(after, before)
