"""The ways out of the services, loaded when one is asked for: the one registry of calls that take a service away."""

from collections.abc import Mapping
from importlib import import_module

from runbook_lib.base.errors import RunbookError
from runbook_lib.services.departure import Losing
from runbook_lib.services.departure_levels import TrustedAccess
from runbook_lib.services.leaving import Departure, Leaving
from runbook_lib.services.registry import PACKAGES, by_name, sentence, specs
from runbook_lib.services.response.leaving import UNDOING
from runbook_lib.services.response.names import NAME as RESPONSE


class NoSuchService(RunbookError, ValueError):
    """No service has that name."""


class NoSuchLevel(RunbookError, ValueError):
    """The way out of that service has no level of that name."""


def service_called(name: str) -> str:
    """The boto3 client name of a service that is named by it, by the key of its settings, or by its title."""
    asked = name.strip().lower()
    found = [spec.name for spec in specs() if asked in (spec.name, spec.section, spec.title.lower(), spec.full_title.lower())]
    if not found:
        raise NoSuchService(f"{name}: no service is called so; name one of {sentence(tuple(by_name()), 'or')}")
    return found[0]


def procedure(about: str) -> Leaving:
    """What does the work of a procedure, from what its plan says that it is about. Raises NoSuchService, NoSuchLevel."""
    service, _, level = about.partition(" ")
    name = service_called(service)
    if level not in by_name()[name].levels:
        levels = sentence(by_name()[name].levels, "or")
        raise NoSuchLevel(f"{level or 'no level'}: {by_name()[name].title} has no such level; name one of {levels}")
    return Leaving(departure_of(name), level)


def departure_of(service: str) -> Departure:
    """A service's way out, by boto3 client name."""
    package = next(each for each, spec in zip(PACKAGES, specs(), strict=True) if spec.name == service)
    found: Departure = import_module(f"{package}.departure").DEPARTURE
    return found


def undoing_calls(service: str) -> Mapping[str, Losing]:
    """The calls that take a change of a service back and stand in no level of its way out → what they take."""
    if service == RESPONSE:
        return UNDOING
    if service in by_name():
        return departure_of(service).undoing
    return {"organizations:DisableAWSServiceAccess": TrustedAccess.losing[0]}
