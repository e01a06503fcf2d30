"""Where calls go: partitions and their Regions, loopback or AWS, and whether that fits the mode of the settings."""

import ipaddress
import os
from functools import cache
from urllib.parse import urlsplit

from botocore.exceptions import UnknownRegionError
from botocore.session import Session

from runbook_lib.aws.credentials import AccessRefused
from runbook_lib.aws.models import shared_loader
from runbook_lib.settings import Settings
from runbook_lib.settings.regions import dns_suffixes, fips_regions

WITHOUT_SETTINGS = (
    "Take that away: this command reads no settings, so it calls AWS's own name alone. An endpoint in a VPC answers to that name "
    "where its private DNS is on"
)


class WrongEndpoint(AccessRefused):
    """A client's endpoint does not fit the mode of the settings; nothing was sent."""


@cache
def partition_facts(region: str) -> tuple[str, str, str]:
    """(partition, DNS suffix, the partition's own default Region) of a Region, from botocore's partition table."""
    session = Session()
    session.register_component("data_loader", shared_loader())
    try:
        name = session.get_partition_for_region(region)
    except UnknownRegionError as error:
        raise AccessRefused(f"{region!r} is not an AWS Region that this version of botocore knows") from error
    outputs = next(p["outputs"] for p in shared_loader().load_data("partitions")["partitions"] if p["id"] == name)
    return name, outputs["dnsSuffix"], outputs["implicitGlobalRegion"]


def own_region(region: str) -> str:
    """The Region that stands for the partition of a Region; the Region itself where botocore does not know it."""
    try:
        return partition_facts(region)[2]
    except AccessRefused:
        return region


def sts_region(settings: Settings) -> str:
    """Where STS is asked: where settings say; else the partition's default Region where they use it, the home Region, that default.

    A Region that is not enabled in the calling account would refuse every token there.
    """
    if settings.network and settings.network.sts_region:
        return settings.network.sts_region
    regions = sorted({region for section in settings.sections().values() for region in section.regions})
    if not regions:
        arns = [door.role_arn for door in (settings.access.management, settings.access.delegated) if door.role_arn]
        named = arns[0].split(":")[1] if arns else "aws"
        table = shared_loader().load_data("partitions")["partitions"]
        return next((p["outputs"]["implicitGlobalRegion"] for p in table if p["id"] == named), "us-east-1")
    default = partition_facts(regions[0])[2]
    return default if default in regions else settings.home_region or default


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_endpoint(mode: str, service: str, region: str, url: str) -> None:
    """Raise WrongEndpoint unless the endpoint of a client fits the mode: loopback, or a name of AWS's."""
    called = f"mode is {mode}, but {service} in {region} would be called at {url}"
    if mode == "rehearsal":
        if not is_loopback(url):
            raise WrongEndpoint(f"{called}; nothing was sent")
        return
    suffixes, address = dns_suffixes(region), urlsplit(url)
    if address.scheme != "https" or not f".{address.hostname or ''}".endswith(tuple(f".{each}" for each in suffixes)):
        raise WrongEndpoint(f"{called}, which is not an AWS endpoint ({' or '.join(suffixes)}); nothing was sent")


def refuse_configured(service: str, region: str, configured: str, own: str, *, settings: bool = True) -> None:
    """Refuse an endpoint that a live run's environment or AWS profile names, where it is another than AWS's own.

    Whoever owns its name gets signed requests, and answers what is believed. `settings`: whether there are any in which it could be
    named. Raises WrongEndpoint.
    """
    if configured.rstrip("/") == own.rstrip("/"):
        return
    variable = next((name for name in _variables(service) if os.environ.get(name, "").rstrip("/") == configured.rstrip("/")), "")
    where = f"the variable {variable}" if variable else "the AWS configuration file (endpoint_url)"
    raise WrongEndpoint(
        f"mode is live, but {service} in {region} would be called at {configured}, as {where} says; AWS's own endpoint is {own}. "
        f"{_otherwise(service, region) if settings else WITHOUT_SETTINGS}; nothing was sent"
    )


def _otherwise(service: str, region: str) -> str:
    return f"Take that away or, if it is an endpoint of AWS's, name it in the settings (network.endpoints.{service}.{region})"


def _variables(service: str) -> list[str]:
    """The variables that name an endpoint, the service's own first."""
    named = sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_"))
    return [*sorted(named, key=lambda name: not name.endswith(service.replace("-", "_").upper())), "AWS_ENDPOINT_URL"]


NOWHERE = "aws-global"
"""No Region, though botocore puts it into names where it knows no better; such names lead nowhere."""


def refuse_unlisted(service: str, region: str, url: str, *, by_settings: bool) -> None:
    """Refuse a name that is put together for FIPS or dual-stack and that AWS does not have. Raises WrongEndpoint."""
    host = urlsplit(url).hostname or ""
    made_up = NOWHERE in host.split(".") or ("fips" in host and region not in fips_regions(service))
    if not made_up:
        return
    if by_settings:
        step = f"Take {service} out of network.fips or network.dual_stack in the settings"
    else:
        step = (
            "Take AWS_USE_FIPS_ENDPOINT, or use_fips_endpoint of the profile, away, and name the services that have one in "
            "the settings (network.fips)"
        )
    raise WrongEndpoint(f"{service} in {region} would be called at {host}, which AWS does not have. {step}; nothing was sent")


def check_request(mode: str, url: str) -> None:
    """The second look, at the address of one request. Raises WrongEndpoint."""
    if is_loopback(url) != (mode == "rehearsal") or (mode == "live" and urlsplit(url).scheme != "https"):
        address = urlsplit(url)
        raise WrongEndpoint(f"mode is {mode}, but a request would go to {address.scheme}://{address.hostname}; nothing was sent")
