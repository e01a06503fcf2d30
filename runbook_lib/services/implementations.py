"""What the registered services do, loaded when it is asked for. From the runbook upward only; specs serve everything below."""

from functools import cache
from importlib import import_module

from runbook_lib.services.organizations.service import SERVICE as PREREQUISITES
from runbook_lib.services.protocol import Service
from runbook_lib.services.registry import PACKAGES
from runbook_lib.services.response.service import SERVICE as RESPONSE


@cache
def services() -> tuple[Service, ...]:
    """The prerequisites, every enabling service, and the response, in the order of the runbook."""
    return (PREREQUISITES, *(_service(package) for package in PACKAGES), RESPONSE)


def _service(package: str) -> Service:
    found: Service = import_module(f"{package}.service").SERVICE
    return found


SERVICES: tuple[Service, ...] = services()


def service_named(name: str) -> Service:
    """The service of that boto3 client name ("organizations" for the prerequisites)."""
    return next(service for service in SERVICES if service.name == name)
