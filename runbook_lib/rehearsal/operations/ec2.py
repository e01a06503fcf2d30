"""ec2: the Regions of an account, which have to be those that `account` tells of; everything else of EC2 is moto's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.organization import region_enabled
from runbook_lib.rehearsal.regions import dns_suffix, enabled_by_default
from runbook_lib.rehearsal.registry import Call, operation


@operation("ec2", "DescribeRegions")
def describe_regions(
    call: Call,
    RegionNames: Sequence[str] | None = None,
    AllRegions: bool | None = None,
    Filters: Sequence[Mapping[str, Any]] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """The Regions of the own partition that the account may use; with AllRegions those too that it has not opted in to [docs]."""
    rows = {region: _row(call, region) for region in sorted(call.world.regions)}
    if unknown := [each for each in RegionNames or () if each not in rows]:
        raise ApiError("InvalidParameterValue", f"Invalid region names: [{', '.join(unknown)}]")
    shown = [row for region, row in rows.items() if not RegionNames or region in RegionNames]
    if not AllRegions:
        shown = [row for row in shown if row["OptInStatus"] != "not-opted-in"]
    for each in Filters or ():
        name, values = str(each.get("Name", "")), each.get("Values") or ()
        if name not in FILTERS:
            raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
        shown = [row for row in shown if FILTERS[name](row) in values]
    return {"Regions": shown}


FILTERS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "region-name": lambda row: row["RegionName"],
    "endpoint": lambda row: row["Endpoint"],
    "opt-in-status": lambda row: row["OptInStatus"],
}
"""[docs]"""


def _row(call: Call, region: str) -> dict[str, str]:
    if region in enabled_by_default(call.partition):
        status = "opt-in-not-required"
    else:
        status = "opted-in" if region_enabled(call.world, call.account, region) else "not-opted-in"
    return {"RegionName": region, "Endpoint": f"ec2.{region}.{dns_suffix(call.partition)}", "OptInStatus": status}
