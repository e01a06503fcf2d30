"""What the file alone shows about the way to AWS: endpoints that AWS does not give to any, or to none there."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from botocore.loaders import Loader

from runbook_lib.base.documents import Path, Problem, nearest
from runbook_lib.services.registry import by_name
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.regions import dns_suffixes, fips_regions, partition_of

LISTS = ("fips", "dual_stack")


def check_network(tree: Tree) -> Iterator[Problem]:
    """Services that are none, and endpoints that are not AWS's: what is called is signed, and what is answered believed, there."""
    section = at(tree, "network") or {}
    known = Loader().list_available_services("service-2") if section else []
    for service, endpoints in (section.get("endpoints") or {}).items():
        path: Path = ("network", "endpoints", service)
        if problem := _no_service(path, service, known):
            yield problem
            continue
        for region, url in (endpoints or {}).items():
            if url is not None:
                yield from _address((*path, region), region, url)
    for key in LISTS:
        for number, service in enumerate(section.get(key) or ()):
            path = ("network", key, number)
            if problem := _no_service(path, service, known):
                yield problem
            elif key == "fips":
                yield from _no_fips(path, service, tree)


def _no_service(path: Path, service: str, known: list[str]) -> Problem | None:
    if service in known:
        return None
    message = f"boto3 has no client of this name.{nearest(service, known)} Write the name that boto3 calls the service by."
    return Problem(path, message, service)


def _address(path: Path, region: str, url: str) -> Iterator[Problem]:
    suffixes, host = dns_suffixes(region), urlsplit(url).hostname or ""
    if not suffixes:
        return
    if not f".{host}".endswith(tuple(f".{each}" for each in suffixes)):
        message = f"No endpoint of AWS in this partition: their names end with {' or '.join(suffixes)}."
        yield Problem(path, f"{message} Copy the name from the details of the VPC endpoint.")
        return
    if others := [label for label in host.split(".") if partition_of(label) and label != region]:
        yield Problem(
            path, f"This endpoint is in {others[0]}: it answers no request of {region}. Name the endpoint of that Region."
        )


def _no_fips(path: Path, service: str, tree: Tree) -> Iterator[Problem]:
    """A FIPS endpoint that is not there has a name all the same, which leads nowhere."""
    there, spec = fips_regions(service), by_name().get(service)
    if not there:
        yield Problem(path, "AWS has no FIPS endpoint of this service. Take it away.", service)
        return
    lacking = [each for each in (at(tree, spec.section, "regions") or ()) if each not in there] if spec else []
    if lacking:
        yield Problem(path, f"There is no FIPS endpoint of {service} in {', '.join(lacking)}. Take the service away here.", service)
