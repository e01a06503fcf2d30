"""The ways out of the services, loaded when one is asked for: the one registry of calls that take a service away."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.services import around
from runbook_lib.services.column import OPERATOR
from runbook_lib.services.departure import Ground, Level, Losing
from runbook_lib.services.departure_levels import TrustedAccess
from runbook_lib.services.leaving import Departure, Leaving
from runbook_lib.services.obstacles import Bar
from runbook_lib.services.registry import PACKAGES, RESPONSE, by_name, sentence, specs, ways_out
from runbook_lib.services.response.leaving import DEPARTURE as ROUTES
from runbook_lib.services.response.leaving import UNDOING, LeavingRoutes
from runbook_lib.services.response.names import HUB
from runbook_lib.services.response.ours import Listeners, active_routes, listeners

ACTIVE = "active routes"
"""What is read beside Security Hub: the rules of the response that are enabled."""
LISTENERS = "rules of others"
HEARD = frozenset({"events:ListRules", "events:ListTargetsByRule"})


class NoSuchService(RunbookError, ValueError):
    """No service has that name."""


class NoSuchLevel(RunbookError, ValueError):
    """The way out of that service has no level of that name."""


def service_called(name: str) -> str:
    """The boto3 client name of a service that is named by it, by the key of its settings, or by its title; or the response."""
    asked = name.strip().lower()
    found = [spec.name for spec in specs() if asked in (spec.name, spec.section, spec.title.lower(), spec.full_title.lower())]
    if not found and asked != RESPONSE:
        raise NoSuchService(f"{name}: no service is called so; name one of {sentence(tuple(ways_out()), 'or')}")
    return found[0] if found else RESPONSE


def leaving(service: str, level: str = "") -> Leaving:
    """The way out of a service, by boto3 client name: one level of it, or all of them to be looked at."""
    return LeavingRoutes(level) if service == RESPONSE else Leaving(departure_of(service), level)


def procedure(about: str) -> Leaving:
    """What does the work of a procedure, from what its plan says that it is about. Raises NoSuchService, NoSuchLevel."""
    service, _, level = about.partition(" ")
    name = service_called(service)
    if level not in ways_out()[name]:
        left = leaving(name)
        raise NoSuchLevel(f"{level or 'no level'}: {left.title} has no such level; name one of {sentence(ways_out()[name], 'or')}")
    return leaving(name, level)


def departure_of(service: str) -> Departure:
    """A service's way out, by boto3 client name."""
    if service == RESPONSE:
        return ROUTES
    package = next(each for each, spec in zip(PACKAGES, specs(), strict=True) if spec.name == service)
    found = _with_surroundings(import_module(f"{package}.departure").DEPARTURE)
    return _with_routes(found) if service == HUB else found


def _with_surroundings(found: Departure) -> Departure:
    """A service with what is around it: policies that would refuse its calls, findings that are open, rules that hear it."""
    spec = by_name()[found.spec.name]
    sources = frozenset({f"aws.{spec.name}", f"aws.{spec.product.removeprefix('aws/')}"} - {"aws."})
    further = {
        around.POLICIES: partial(
            around.read_refusals, around.actions_of(found.levels), any(level.stage == "members" for level in found.levels)
        ),
        around.OPEN: partial(around.read_open, spec.product),
        LISTENERS: partial(listeners, sources),
    }
    told: Mapping[str, Any] = {
        around.POLICIES: around.told_of_refusals,
        around.OPEN: around.told_of_open,
        LISTENERS: _told_of_listeners,
    }
    return replace(
        found, further={**found.further, **further}, reads=found.reads | around.READS | HEARD, told={**found.told, **told},
        held=around.refused,
    )  # fmt: skip


def _told_of_listeners(found: Listeners, ground: Ground[Any]) -> Iterator[str]:
    for region, rules in sorted(found.items()):
        for name, targets in sorted(rules.items()):
            sends = f"sends to {sentence(targets)}" if targets else "has no target"
            yield f"rule {name} in {region} hears {ground.spec.title}, is not the runbook's and {sends}: it may go silent"


def _with_routes(found: Departure) -> Departure:
    """Security Hub with what lives on it: while a route of the response is active, its findings are expected by somebody."""
    return replace(found, further={**found.further, ACTIVE: active_routes}, held=_held_by_routes)


def _held_by_routes(level: Level[Any], ground: Ground[Any]) -> Bar | None:
    """In every Region alike: the home Region's rules are sent what is found in all of them."""
    if bar := around.refused(level, ground):
        return bar
    found = ground.further.get(ACTIVE, NotYet(""))
    if level.name == "stop-auto-enable":
        return None
    if isinstance(found, Unknown):
        return Bar(found.reason, found.next_step or "Make the read possible, then look again.")
    if not isinstance(found, Known) or not found.value:
        return None
    said = "; ".join(f"{sentence(names)} in {region}" for region, names in sorted(found.value.items()))
    return Bar(
        f"routes of the response are active ({said}): they would go silent, and nobody would be told",
        f"Do level mute of the response first (runbook offboard {RESPONSE} --level mute).",
        OPERATOR,
    )


def undoing_calls(service: str) -> Mapping[str, Losing]:
    """The calls that take a change of a service back and stand in no level of its way out → what they take."""
    if service == RESPONSE:
        return UNDOING
    if service in by_name():
        return departure_of(service).undoing
    return {"organizations:DisableAWSServiceAccess": TrustedAccess.losing[0]}
