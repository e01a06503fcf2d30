"""All services, in the order of the runbook. A further AWS service is one more line here."""

from runbook_lib.services import Service
from runbook_lib.services.guardduty import SERVICE as GUARDDUTY
from runbook_lib.services.inspector2 import SERVICE as INSPECTOR
from runbook_lib.services.organizations import SERVICE as PREREQUISITES
from runbook_lib.services.securityhub import SERVICE as SECURITY_HUB

SERVICES: tuple[Service, ...] = (PREREQUISITES, SECURITY_HUB, GUARDDUTY, INSPECTOR)


def service_named(name: str) -> Service:
    """The service of that boto3 client name ("organizations" for the prerequisites)."""
    return next(service for service in SERVICES if service.name == name)
