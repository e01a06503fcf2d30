"""The ways out of the services, loaded when one is asked for: the one registry of calls that take a service away."""

from importlib import import_module

from runbook_lib.base.errors import RunbookError
from runbook_lib.services.leaving import Departure
from runbook_lib.services.registry import PACKAGES, by_name, sentence, specs


class NoSuchService(RunbookError, ValueError):
    """No service has that name."""


def service_called(name: str) -> str:
    """The boto3 client name of a service that is named by it, by the key of its settings, or by its title."""
    asked = name.strip().lower()
    found = [spec.name for spec in specs() if asked in (spec.name, spec.section, spec.title.lower(), spec.full_title.lower())]
    if not found:
        raise NoSuchService(f"{name}: no service is called so; name one of {sentence(tuple(by_name()), 'or')}")
    return found[0]


def departure_of(service: str) -> Departure:
    """A service's way out, by boto3 client name."""
    package = next(each for each, spec in zip(PACKAGES, specs(), strict=True) if spec.name == service)
    found: Departure = import_module(f"{package}.departure").DEPARTURE
    return found
