"""The names that a live run calls, for whoever opens a firewall or a proxy: from botocore's own rules, and nobody is called."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from botocore.endpoint_provider import EndpointProvider

from runbook_lib.aws.endpoints import sts_region
from runbook_lib.aws.models import shared_loader
from runbook_lib.organization.reads import OTHER_WAYS, READS
from runbook_lib.services.implementations import SERVICES
from runbook_lib.services.registry import RESPONSE, specs
from runbook_lib.settings import Settings
from runbook_lib.settings.network import NetworkSection

GLOBAL = frozenset({"organizations", "account", "iam"})
"""Services with one endpoint in a partition."""
SIGN_IN = ("portal.sso.{region}", "oidc.{region}")
"""Called by whoever signs in by IAM Identity Center, in the Region of its instance, which settings do not say."""


@dataclass(frozen=True)
class Host:
    """One name, on port 443 unless it says another."""

    name: str
    reason: str


def hosts(settings: Settings) -> tuple[Host, ...]:
    """Every name, each once, in the order of services and Regions."""
    network = settings.network or NetworkSection()
    found: dict[str, Host] = {}
    for service, region, reason in _asked(settings):
        name = _name(service, region, network)
        found.setdefault(name, Host(name, reason))
    if settings.evidence and settings.evidence.bucket and settings.evidence.object_lock:
        bucket = settings.evidence.bucket.removeprefix("s3://").partition("/")[0]
        name = _name("s3", settings.evidence.object_lock.region, network, bucket)
        found.setdefault(name, Host(name, "the store of evidence"))
    return tuple(found.values())


def _asked(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Service, Region and reason of every client that a run makes."""
    home, sections = sts_region(settings), settings.sections()
    yield "sts", home, "every door"
    yield from ((each, home, "who is in the organization, and what it allows") for each in sorted(GLOBAL))
    for spec in specs():
        if spec.name in sections:
            yield from ((spec.name, region, spec.title) for region in sorted(sections[spec.name].regions))
    regions = sorted({region for section in sections.values() for region in section.regions})
    for service in sorted(_others(settings)):
        everywhere = regions if service == "config" else [settings.home_region or home]
        yield from ((service, region, "what services rest on" if service == "config" else "the response") for region in everywhere)
    if settings.evidence:
        yield "kms", settings.evidence.signing_key.split(":")[3], "the signing key of live runs"


def _others(settings: Settings) -> set[str]:
    """Services that are called and that no section names."""
    involved = [each for each in SERVICES if each.name != RESPONSE or settings.response]
    calls = (READS - OTHER_WAYS).union(*(each.reads | each.mutations for each in involved))
    return {each.partition(":")[0] for each in calls} - GLOBAL - {"sts", *(spec.name for spec in specs())}


def _name(service: str, region: str, network: NetworkSection, bucket: str = "") -> str:
    if named := network.endpoints.get(service, {}).get(region):
        return urlsplit(named).netloc
    given: dict[str, object] = {
        "Region": region,
        "UseFIPS": service in network.fips,
        "UseDualStack": service in network.dual_stack,
        **({"Bucket": bucket} if bucket else {}),
    }
    return urlsplit(_rules(service).resolve_endpoint(**given).url).netloc


@cache
def _rules(service: str) -> EndpointProvider:
    loader = shared_loader()
    return EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), loader.load_data("partitions"))


def as_table(found: Iterable[Host]) -> str:
    """One line a name, and what this cannot know."""
    listed = [*found, *(Host(f"{each}.…", "signing in by IAM Identity Center, where doors do") for each in SIGN_IN)]
    width = max(len(each.name) for each in listed) + 2
    return "".join(f"{each.name:<{width}}{each.reason}\n" for each in listed)
