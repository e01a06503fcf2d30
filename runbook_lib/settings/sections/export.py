"""A section's `export`: for each Region the bucket and key that a service writes its findings or results to."""

from collections.abc import Iterator
from typing import Any

from runbook_lib.base.documents import Path, Problem
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.regions import partition_of
from runbook_lib.settings.sections.service import Fitting


def region_of(arn: str) -> str:
    """The Region of a key."""
    return arn.split(":")[3]


def exported_from(tree: Tree, section: str) -> Iterator[tuple[Path, str]]:
    """The Regions that are exported from, and where they are named."""
    for region, destination in (at(tree, section, "export") or {}).items():
        if destination is not None:
            yield (section, "export", region), region


def exported_to(tree: Tree, section: str, *keys: str) -> Iterator[tuple[Path, str]]:
    """The ARNs under these keys of every destination, and where they are named."""
    for region in at(tree, section, "export") or {}:
        for key in keys:
            yield (section, "export", region, key), at(tree, section, "export", region, key)


def check_exported_from(tree: Tree, section: str) -> Iterator[Problem]:
    """Only a Region that the section asks for has something to export."""
    asked = at(tree, section, "regions")
    for region in at(tree, section, "export") or {}:
        if asked and region not in asked:
            message = f"This Region is not in {section}.regions. Add it there, or remove it here."
            yield Problem((section, "export", region), message, "")


def fit_export(section: dict[str, Any], fitting: Fitting) -> None:
    """Replace the Regions that are exported from, and those of their keys; without one left there is no export."""
    if "export" not in section:
        return
    for region in list(section["export"]):
        destination = section["export"].pop(region)
        for new in set(fitting.kept([region])) & set(section["regions"]):
            key_region = region_of(destination["kms_key_arn"])
            moved = new if key_region == region else _moved(key_region, fitting)
            destination["kms_key_arn"] = destination["kms_key_arn"].replace(f":{key_region}:", f":{moved}:", 1)
            section["export"][new] = destination
    if not section["export"]:
        del section["export"]


def _moved(region: str, fitting: Fitting) -> str:
    """Where the one key of many Regions is in a simulated organization: it may lie in a Region that settings do not name."""
    here = region if partition_of(region) == partition_of(fitting.home) else fitting.home
    return next(iter(fitting.kept([region])), here)
