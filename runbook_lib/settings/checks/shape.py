"""Each key and value by itself: known, of the right type, in range. pydantic finds, this module says it in the file's words."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from runbook_lib.base.documents import Path, Problem, nearest
from runbook_lib.base.documents.models import problem_of, value_message
from runbook_lib.base.documents.yaml_text import Document
from runbook_lib.services.registry import specs
from runbook_lib.settings import Settings
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.response import response_regions
from runbook_lib.settings.regions import partition_of, partitions
from runbook_lib.settings.section import NO_REGION
from runbook_lib.settings.sections.service import section_types


def check_shape(document: Document) -> tuple[Settings | None, list[Problem], dict[str, Any]]:
    """The settings (None where something is wrong), what is wrong, and the values that are left to compare with each other."""
    tree = deepcopy(document.values)
    settings, found = None, []
    try:
        settings = Settings.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        found = [each for each in error.errors(include_url=False) if not _hollow(document, each)]
    problems: list[Problem] = []
    for _, known in document.problems:
        _refuse(tree, known.path)
    for each in found:
        path, problem = _problem(document, each)
        if each["type"] != "missing":
            _refuse(tree, path)
        problems.append(problem)
    problems += _unknown_regions(tree)
    return (None if problems else settings), problems, tree


def named_regions(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Every Region the file names, and where."""
    for spec in specs():
        path: Path = (spec.section, "regions")
        yield from (((*path, position), region) for position, region in enumerate(at(tree, *path) or []) if region)
        yield from section_types()[spec.section].named_regions(tree)
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        if region := at(exclusion, "region"):
            yield ("exclusions", position, "region"), region
    for number, _ in enumerate(at(tree, "waves") or []):
        path = ("waves", number, "regions")
        yield from (((*path, position), region) for position, region in enumerate(at(tree, *path) or []) if region)
    yield from response_regions(tree)
    if store := at(tree, "evidence", "object_lock", "region"):
        yield ("evidence", "object_lock", "region"), store
    if asked := at(tree, "network", "sts_region"):
        yield ("network", "sts_region"), asked
    for service, endpoints in (at(tree, "network", "endpoints") or {}).items():
        yield from (
            (("network", "endpoints", service, region), region) for region, url in (endpoints or {}).items() if url is not None
        )


def _unknown_regions(tree: dict[str, Any]) -> list[Problem]:
    unknown = [(path, region) for path, region in named_regions(tree) if partition_of(region) is None]
    for path, _ in unknown:
        _refuse(tree, path)
    return [Problem(path, _unknown_region(region), region) for path, region in unknown]


def _unknown_region(region: str) -> str:
    return f"{NO_REGION}{nearest(region, sorted(partitions()))}"


def _hollow(document: Document, error: Any) -> bool:
    """Whether a list is called too short only because its items were refused; they have findings of their own."""
    return error["type"] == "too_short" and bool(at(document.values, *error["loc"]))


def _refuse(tree: Any, path: Path) -> None:
    """Put None where a value was refused; the key stays, because it was written."""
    holder: Any = at(tree, *path[:-1])
    if path and holder is not None:
        holder[path[-1]] = None


def _problem(document: Document, error: Any) -> tuple[Path, Problem]:
    location: Path = tuple(error["loc"])
    if location[-1:] == ("[key]",):
        path = location[:-1]
        message = _value_message(document, error, path, str(path[-1]))
        return path, Problem(path, message, "")
    if error["type"] in {"extra_forbidden", "missing"}:
        path, problem = problem_of(error, Settings, "")
        return path, Problem(path, problem.message, "" if error["type"] == "missing" else None)
    return location, Problem(location, _value_message(document, error, location, document.written.get(location, "")))


def _value_message(document: Document, error: Any, path: Path, written: str) -> str:
    if error["type"] == "too_short":
        return _empty(document, path)
    message = value_message(error, written)
    return _unknown_region(written) if message == NO_REGION else message


def _empty(document: Document, path: Path) -> str:
    """An empty list may be a choice of its own at AWS, which the section knows; every other one means nothing."""
    checks = section_types().get(str(path[0])) if path else None
    if checks and (instead := checks.instead_of_empty(document.values, path)):
        return f"This is empty. If that is meant, {instead}"
    return "This is empty. Name at least one, or remove the key or its section, which means: not managed here."
