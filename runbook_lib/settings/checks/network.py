"""What the file alone shows about endpoints: names that AWS does not give to any."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from botocore.loaders import Loader

from runbook_lib.base.documents import Path, Problem, nearest
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.regions import dns_suffixes


def check_network(tree: Tree) -> Iterator[Problem]:
    """Services that are none, and endpoints that are not AWS's: what is called is signed, and what is answered believed, there."""
    named = at(tree, "network", "endpoints") or {}
    known = Loader().list_available_services("service-2") if named else []
    for service, endpoints in named.items():
        if service not in known:
            message = f"boto3 has no client of this name.{nearest(service, known)} Write the name that boto3 calls the service by."
            yield Problem(("network", "endpoints", service), message, service)
            continue
        for region, url in (endpoints or {}).items():
            suffixes = dns_suffixes(region)
            if url is None or not suffixes or f".{urlsplit(url).hostname or ''}".endswith(tuple(f".{each}" for each in suffixes)):
                continue
            path: Path = ("network", "endpoints", service, region)
            message = f"No endpoint of AWS in this partition: their names end with {' or '.join(suffixes)}."
            yield Problem(path, f"{message} Copy the name from the details of the VPC endpoint.")
