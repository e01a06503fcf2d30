"""Regions, partitions and exclusions: what the file alone shows about where the settings hold."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

from runbook_lib.base.documents import Path, Problem, nearest
from runbook_lib.services.registry import specs
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.exclusions import concerned, excluded_services
from runbook_lib.settings.checks.response import response_arns
from runbook_lib.settings.checks.shape import named_regions
from runbook_lib.settings.regions import partition_of
from runbook_lib.settings.sections.service import section_types

TARGETS = ("account", "organizational_unit", "region")


def check_places(tree: Tree, today: dt.date) -> Iterator[Problem]:
    """Everything about Regions and exclusions."""
    yield from _regions(tree)
    yield from _twice(tree, ())
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        if isinstance(exclusion, dict):
            yield from _exclusion(tree, exclusion, ("exclusions", position), today)
    yield from _overlap(tree)


def _arns(tree: Tree) -> Iterator[tuple[Path, str]]:
    for door in ("management", "delegated"):
        yield ("access", door, "role_arn"), at(tree, "access", door, "role_arn")
    for checks in section_types().values():
        yield from checks.arns(tree)
    yield from response_arns(tree)


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


def _exclusion(tree: Tree, exclusion: Tree, path: Path, today: dt.date) -> Iterator[Problem]:
    named = [key for key in TARGETS if key in exclusion]
    if len(named) != 1:
        said = " and ".join(named) or "none of them"
        message = f"An exclusion leaves out one thing: an account, an organizational_unit or a region. Here is {said}."
        yield Problem(path, f"{message} Write one exclusion for each.", "")
    expires = exclusion.get("expires")
    if expires and dt.date.fromisoformat(expires) < today:
        message = f"This exclusion has expired (today is {today}). Remove it, or decide again and write a later day."
        yield Problem((*path, "expires"), message)
    yield from _aspects(exclusion, path)
    if exclusion.get("account"):
        yield from _special_accounts(tree, exclusion, path)


def _aspects(exclusion: Tree, path: Path) -> Iterator[Problem]:
    """Only what is told and never planned can be excluded apart: a plan for the rest would not know of it."""
    known = sorted({aspect for spec in specs() if spec.name in concerned(exclusion) for aspect in spec.excludable})
    for position, aspect in enumerate(exclusion.get("aspects") or ()):
        if aspect and aspect not in known:
            there = f"Of these services: {', '.join(known)}.{nearest(aspect, known)}" if known else "These services have none."
            message = f"No aspect from which an account can be excluded while it stays in the service. {there}"
            yield Problem((*path, "aspects", position), message)


def _special_accounts(tree: Tree, exclusion: Tree, path: Path) -> Iterator[Problem]:
    account, excluded = exclusion["account"], excluded_services(exclusion)
    if excluded and account == at(tree, "organization", "delegated_account"):
        message = "The delegated account administers the services and cannot be left out. Remove the exclusion."
        yield Problem((*path, "account"), message)
    kept = [spec.section for spec in specs() if spec.name in excluded and at(tree, spec.section, "management_account")]
    if kept and account == at(tree, "organization", "management_account"):
        keys = ", ".join(f"{section}.management_account" for section in kept)
        message = f"This is the management account, and {keys} is true. Leave it out there (false), without an exclusion."
        yield Problem((*path, "account"), message)


def _overlap(tree: Tree) -> Iterator[Problem]:
    """Two exclusions of the same thing: it would be open which reason and which day holds."""
    seen: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        for key in TARGETS:
            if not (named := at(exclusion, key)):
                continue
            before = seen.setdefault((key, named), [])
            told = [(service, aspect) for service in concerned(exclusion) for aspect in exclusion.get("aspects") or ("",)]
            whole = {service for service, aspect in before if not aspect}
            if set(before) & set(told) or any(service in whole for service, _ in told):
                message = "An exclusion above already leaves this out. Keep one, with one reason."
                yield Problem(("exclusions", position, key), message)
            before += told
