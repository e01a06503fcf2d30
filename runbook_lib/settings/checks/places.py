"""Regions, partitions and exclusions: what the file alone shows about where the settings hold."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

from runbook_lib.base.documents import Path, Problem
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.shape import named_regions
from runbook_lib.settings.regions import is_opt_in, partition_of

SECTIONS = {"security_hub": "securityhub", "guardduty": "guardduty", "inspector": "inspector2"}
"""Key of the section → service."""
TARGETS = ("account", "organizational_unit", "region")


def check_places(tree: Tree, today: dt.date) -> Iterator[Problem]:
    """Everything about Regions and exclusions."""
    yield from _regions(tree)
    yield from _twice(tree, ())
    yield from _aggregation(tree)
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        if isinstance(exclusion, dict):
            yield from _exclusion(tree, exclusion, ("exclusions", position), today)
    yield from _overlap(tree)


def _arns(tree: Tree) -> Iterator[tuple[Path, str]]:
    for door in ("management", "delegated"):
        yield ("access", door, "role_arn"), at(tree, "access", door, "role_arn")
    for region in at(tree, "guardduty", "export") or {}:
        for key in ("bucket_arn", "kms_key_arn"):
            yield ("guardduty", "export", region, key), at(tree, "guardduty", "export", region, key)


def _regions(tree: Tree) -> Iterator[Problem]:
    """Everything that is not in the partition of the other Regions: an organization is in one."""
    placed = [(path, region, partition) for path, region in named_regions(tree) if (partition := partition_of(region))]
    if not placed:
        return
    main = Counter(partition for _, _, partition in placed).most_common(1)[0][0]
    for path, region, partition in placed:
        if partition != main:
            message = f"This Region is in partition {partition}, the others are in {main}, and an organization is in one."
            yield Problem(path, f"{message} Use one file for each.", region)
    for path, arn in _arns(tree):
        if arn and arn.split(":")[1] != main:
            yield Problem(path, f"This ARN is in partition {arn.split(':')[1]}, the Regions are in {main}. Write arn:{main}:….")


def _twice(tree: Any, path: Path) -> Iterator[Problem]:
    """The same item twice in any list."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _twice(value, (*path, key))
    elif isinstance(tree, list):
        for position, item in enumerate(tree):
            if item is not None and item in tree[:position]:
                yield Problem((*path, position), "This is in the list twice. Keep one.")
            yield from _twice(item, (*path, position))


def _aggregation(tree: Tree) -> Iterator[Problem]:
    path: Path = ("security_hub", "aggregation")
    home, mode, named = (at(tree, *path, key) for key in ("home_region", "linking_mode", "regions"))
    asked = at(tree, "security_hub", "regions")
    if home and asked and None not in asked and home not in asked:
        yield Problem(
            (*path, "home_region"), "The home Region is not in security_hub.regions. Add it there, or choose one of them."
        )
    if home and is_opt_in(home):
        message = (
            "AWS allows no opt-in Region as home Region. Choose one that every account has, for example us-east-1 or eu-central-1."
        )
        yield Problem((*path, "home_region"), message)
    takes_list = mode in ("SPECIFIED_REGIONS", "ALL_REGIONS_EXCEPT_SPECIFIED")
    said = "regions" in (at(tree, *path) or {})
    if mode and takes_list and not said:
        yield Problem((*path, "linking_mode"), f"{mode} needs a list. Add security_hub.aggregation.regions.")
    if mode and not takes_list and said:
        yield Problem((*path, "regions"), f"{mode} takes no list. Remove this key, or choose a mode that names Regions.")
    for position, region in enumerate(named or []):
        if region and region == home:
            yield Problem(
                (*path, "regions", position), "This is the home Region itself; it is never linked. Remove it from the list."
            )


def _exclusion(tree: Tree, exclusion: Tree, path: Path, today: dt.date) -> Iterator[Problem]:
    named = [key for key in TARGETS if key in exclusion]
    if len(named) != 1:
        said = " and ".join(named) or "none of them"
        message = f"An exclusion leaves out one thing: an account, an organizational_unit or a region. Here is {said}."
        yield Problem(path, f"{message} Write one exclusion for each.", "")
    expires, region = exclusion.get("expires"), exclusion.get("region")
    if expires and dt.date.fromisoformat(expires) < today:
        message = f"This exclusion has expired (today is {today}). Remove it, or decide again and write a later day."
        yield Problem((*path, "expires"), message)
    if region and "securityhub" in _services(exclusion) and region == at(tree, "security_hub", "aggregation", "home_region"):
        yield Problem((*path, "region"), "This is the home Region of finding aggregation. Choose another, or keep the Region in.")
    if exclusion.get("account"):
        yield from _special_accounts(tree, exclusion, path)


def _special_accounts(tree: Tree, exclusion: Tree, path: Path) -> Iterator[Problem]:
    account = exclusion["account"]
    if account == at(tree, "organization", "delegated_account"):
        message = "The delegated account administers the services and cannot be left out. Remove the exclusion."
        yield Problem((*path, "account"), message)
    kept = [s for s, service in SECTIONS.items() if service in _services(exclusion) and at(tree, s, "management_account")]
    if kept and account == at(tree, "organization", "management_account"):
        keys = ", ".join(f"{section}.management_account" for section in kept)
        message = f"This is the management account, and {keys} is true. Leave it out there (false), without an exclusion."
        yield Problem((*path, "account"), message)


def _services(exclusion: Tree) -> tuple[str, ...]:
    return tuple(exclusion["services"] or ()) if "services" in exclusion else tuple(SECTIONS.values())


def account_exclusions(tree: Tree, section: str) -> list[str]:
    """The accounts and OUs excluded from a section's service, as the file names them."""
    found = []
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        if isinstance(exclusion, dict) and SECTIONS[section] in _services(exclusion):
            keys = [key for key in ("account", "organizational_unit") if key in exclusion]
            found += [exclusion[key] or f"exclusions[{position}]" for key in keys]
    return found


def _overlap(tree: Tree) -> Iterator[Problem]:
    """Two exclusions of the same thing: it would be open which reason and which day holds."""
    seen: dict[tuple[str, str], list[str]] = {}
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        for key in TARGETS:
            if not (named := at(exclusion, key)):
                continue
            before = seen.setdefault((key, named), [])
            if set(before) & set(_services(exclusion)):
                message = "An exclusion above already leaves this out. Keep one, with one reason."
                yield Problem(("exclusions", position, key), message)
            before += _services(exclusion)
