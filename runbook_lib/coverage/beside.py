"""Two looks at the same cells, side by side: how each account stood before, and how it stands now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.coverage import Cell

Key = tuple[str, str, str, str]
"""Service, aspect, item, Region."""


@dataclass(frozen=True)
class Pair:
    """Accounts of which the same was said before, and the same is said now, in these Regions; "" where nothing was said."""

    service: str
    aspect: str
    item: str
    regions: tuple[str, ...]
    accounts: frozenset[str]
    before: str
    now: str


def pairs(before: Iterable[Cell], now: Iterable[Cell]) -> Iterator[Pair]:
    """Everything in scope of either look, in order of aspect and item; Regions of which the same is true share a Pair."""
    earlier, later = _said(before), _said(now)
    found: dict[tuple[str, str, str, frozenset[str], str, str], list[str]] = {}
    for key in sorted(earlier.keys() | later.keys()):
        was, is_ = earlier.get(key, {}), later.get(key, {})
        groups: dict[tuple[str, str], set[str]] = {}
        for account in was.keys() | is_.keys():
            groups.setdefault((was.get(account, ""), is_.get(account, "")), set()).add(account)
        for (old, new), accounts in sorted(groups.items()):
            found.setdefault((*key[:3], frozenset(accounts), old, new), []).append(key[3])
    for (service, aspect, item, accounts_, old, new), regions in found.items():
        yield Pair(service, aspect, item, tuple(regions), accounts_, old, new)


def _said(cells: Iterable[Cell]) -> Mapping[Key, Mapping[str, str]]:
    """What is said of each account."""
    found: dict[Key, dict[str, str]] = {}
    for cell in cells:
        if cell.in_scope:
            said = found.setdefault((cell.service, cell.aspect, cell.item, cell.region), {})
            said.update(dict.fromkeys(cell.accounts, f"{cell.gap or cell.status}: {cell.reason}"))
    return found
