"""Waves: what the file alone shows about their names and places. Accounts and overlaps are looked at once AWS has been read."""

from collections.abc import Iterator

from runbook_lib.base.documents import Path, Problem
from runbook_lib.services.registry import specs
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.wave import REST

PLACES = ("organizational_units", "accounts", "regions")


def check_waves(tree: Tree) -> Iterator[Problem]:
    """Everything about waves."""
    asked = {region for spec in specs() for region in at(tree, spec.section, "regions") or [] if region}
    names: set[str] = set()
    for number, wave in enumerate(at(tree, "waves") or []):
        if not isinstance(wave, dict):
            continue
        path: Path = ("waves", number)
        yield from _name(wave.get("name"), names, (*path, "name"))
        if not set(PLACES) & set(wave):
            yield Problem(path, f"A wave is a part: name at least one of {', '.join(PLACES)}. The rest follows by itself.", "")
        for position, region in enumerate(wave.get("regions") or []):
            if region and asked and region not in asked:
                message = "No service is wanted in this Region. Name it under a service too, or remove it here."
                yield Problem((*path, "regions", position), message)


def _name(name: str | None, names: set[str], path: Path) -> Iterator[Problem]:
    if name == REST:
        yield Problem(path, f"{REST} is the last wave, which is never named: it takes what is left. Choose another name.")
    elif name and name in names:
        yield Problem(path, "A wave above has this name. Choose another.")
    names.add(name or "")
