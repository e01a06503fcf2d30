"""What a service has on, as the section of settings that asks for exactly that: the same for every service with an `as_found`.

What is there is read from the cells of a section that names Regions alone: all else is then shown as not managed, with its value.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from runbook_lib.base.documents import Path
from runbook_lib.coverage import Cell, Cells
from runbook_lib.services.registry import PACKAGES
from runbook_lib.services.spec import ServiceSpec
from runbook_lib.services.view import View

Section = MutableMapping[str, Any]
Asked = tuple[dict[str, Any], tuple[str, ...]]
"""Keys of a section with the values that ask for what is there; and a sentence for each of which that cannot be said."""


@dataclass(frozen=True)
class AsFound:
    """How one service's section is made from what is there. Pure."""

    spec: ServiceSpec
    rests_on: frozenset[str]
    """Aspects without which a Region, or an account in it, is not covered at all: it is left out, and no key is."""
    keys: Mapping[str, Callable[[str], Path]]
    """Every other aspect for which calls are planned → the key, within the section, that asks for an item of it."""
    asking: Callable[[Any, View, Cells], Asked]
    """State, view, the cells of a section that names Regions alone → what to ask for."""
    goal: Callable[[Sequence[str]], dict[str, Any]]
    """Regions → a section to begin with, where the service is off."""


@cache
def as_found() -> tuple[AsFound, ...]:
    """Those that there are, in the order of the runbook."""
    modules = [f"{package}.as_found" for package in PACKAGES if find_spec(f"{package}.as_found")]
    found: list[AsFound] = [import_module(module).AS_FOUND for module in modules]
    return tuple(found)


def put(section: Section, path: Path, value: Any) -> None:
    """Write a value at its place, with the mappings that lead there."""
    *above, last = path
    for step in above:
        section = section.setdefault(str(step), {})
    section[str(last)] = value


def take_out(section: Section, path: Path) -> bool:
    """Remove the value at a place, and what is empty without it; whether there was one."""
    if not path or path[0] not in section:
        return False
    key, below = str(path[0]), section[str(path[0])]
    if len(path) > 1 and not (isinstance(below, dict) and take_out(below, path[1:])):
        return False
    if len(path) == 1 or not below:
        del section[key]
    return True


def at_key(*path: str) -> Callable[[str], Path]:
    """One key for all items of an aspect."""
    return lambda _: path


def shown(cells: Cells, aspect: str) -> Iterator[Cell]:
    """What is there of an aspect and not managed."""
    return (cell for cell in cells if cell.aspect == aspect and not cell.in_scope)


def agreed(cells: Cells, aspect: str, item: str = "") -> str:
    """The value that all Regions show; "" where they differ, or show none."""
    values = {cell.observed for cell in shown(cells, aspect) if cell.item == item}
    return values.pop() if len(values) == 1 else ""


def differing(cells: Cells, aspect: str, item: str = "") -> str:
    """Where Regions differ: which value is in how many of them, most of them first; else ""."""
    regions: dict[str, set[str]] = {}
    for cell in shown(cells, aspect):
        if cell.item == item:
            regions.setdefault(cell.observed, set()).add(cell.region)
    if len(regions) < 2:
        return ""
    return "; ".join(f"{value} in {', '.join(sorted(where))}" for value, where in sorted(regions.items(), key=lambda e: -len(e[1])))
