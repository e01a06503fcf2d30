"""What the administrator of GuardDuty keeps for its members: suppression rules, trusted and threat lists, export. Reads only."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.services.guardduty.spec import NAME
from runbook_lib.services.guardduty.state import RegionState
from runbook_lib.services.kept import Kept, read_kept
from runbook_lib.services.view import View

SUPPRESSION, EXPORT = "suppression rules", "export"
LISTS = {
    "trusted IP lists": ("IPSet", "IpSetId"),
    "trusted entity lists": ("TrustedEntitySet", "TrustedEntitySetId"),
    "threat lists": ("ThreatIntelSet", "ThreatIntelSetId"),
    "threat entity lists": ("ThreatEntitySet", "ThreatEntitySetId"),
}
"""Kind of list → as its operations name it, and the member with its id [model]."""
KINDS = (SUPPRESSION, *LISTS, EXPORT)
READS = frozenset(
    f"{NAME}:{each}"
    for each in ("ListFilters", "GetFilter", *(one for name, _ in LISTS.values() for one in (f"List{name}s", f"Get{name}")))
)


def read(seen: Mapping[str, RegionState], view: View, reader: Reader) -> Kept:
    """Region → what the delegated account's detector has there."""
    jobs: dict[str, Callable[[], dict[str, list[str]]]] = {
        region: partial(_in_region, view.delegated, region, found.delegated.value.id, found, reader)
        for region, found in seen.items()
        if isinstance(found.delegated, Known) and found.delegated.value
    }
    return read_kept(jobs, reader)


def _in_region(account: str, region: str, detector: str, seen: RegionState, reader: Reader) -> dict[str, list[str]]:
    def paged(operation: str, key: str) -> list[str]:
        pages = reader.pages(NAME, operation, account, region, DetectorId=detector)
        return [str(each) for page in pages for each in page.get(key) or ()]

    def one(operation: str, **named: str) -> dict[str, Any]:
        return reader.read(NAME, operation, account, region, DetectorId=detector, **named)

    filters = [one("GetFilter", FilterName=each) for each in paged("ListFilters", "FilterNames")]
    found = {SUPPRESSION: [str(each["Name"]) for each in filters if each.get("Action") == "ARCHIVE"]}
    for kind, (name, key) in LISTS.items():
        found[kind] = [str(one(f"Get{name}", **{key: each})["Name"]) for each in paged(f"List{name}s", f"{key}s")]
    destinations = seen.destinations.value if isinstance(seen.destinations, Known) else ()
    return {**found, EXPORT: [each.bucket_arn for each in destinations]}
