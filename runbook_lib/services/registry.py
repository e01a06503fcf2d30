"""The enabling services, in the order of the runbook. A further AWS service is one more line here.

Only names and numbers are loaded (the specs), so settings, limits and plans may ask; `services.implementations` has what they do.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from runbook_lib.services.spec import ServiceSpec

PACKAGES: tuple[str, ...] = (
    "runbook_lib.services.securityhub",
    "runbook_lib.services.guardduty",
    "runbook_lib.services.inspector2",
    "runbook_lib.services.macie2",
    "runbook_lib.services.accessanalyzer",
)


@cache
def specs() -> tuple[ServiceSpec, ...]:
    """Every enabling service's spec, in order."""
    return tuple(_spec(package) for package in PACKAGES)


def _spec(package: str) -> ServiceSpec:
    found: ServiceSpec = import_module(f"{package}.spec").SPEC
    return found


@cache
def by_name() -> Mapping[str, ServiceSpec]:
    """boto3 client name → spec."""
    return MappingProxyType({spec.name: spec for spec in specs()})


@cache
def by_section() -> Mapping[str, ServiceSpec]:
    """Key of the settings section → spec."""
    return MappingProxyType({spec.section: spec for spec in specs()})


RESPONSE = "response"
"""What brings findings to people: no service of AWS's, and left like one."""


@cache
def ways_out() -> Mapping[str, tuple[str, ...]]:
    """Whatever can be left → its levels, in the order that works for it."""
    return MappingProxyType({**{spec.name: spec.levels for spec in specs()}, RESPONSE: ("mute", "detach", "remove")})


SIGNED = MappingProxyType({"stepfunctions": "states"})
"""boto3 client name → name in policies, of services that have no spec and that the runbook calls [model: signing name]."""


def action_name(service: str, operation: str) -> str:
    """A call as IAM's policies name it."""
    spec = by_name().get(service)
    return f"{(spec.signing_name if spec else '') or SIGNED.get(service, service)}:{operation}"


@cache
def signed_by() -> Mapping[str, str]:
    """Name in CloudTrail's events → boto3 client name, where the two differ."""
    named = {signed: name for name, signed in SIGNED.items()}
    return MappingProxyType({**named, **{spec.signing_name: spec.name for spec in specs() if spec.signing_name}})


def sentence(words: "tuple[str, ...]", last: str = "and") -> str:
    """Words as a sentence lists them: "a, b and c"."""
    return f" {last} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def titles(last: str = "and") -> str:
    """AWS's names of all services, as a sentence lists them."""
    return sentence(tuple(spec.title for spec in specs()), last)
