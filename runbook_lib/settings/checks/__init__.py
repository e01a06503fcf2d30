"""What can be wrong with a parameters file, found without a call: its YAML, its keys and values, and what they say together."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file."""
Tree = Mapping[str, Any]
"""The file's values, with None for each that a check has already refused: what is not None has the right type, and a key that
is there was written, whatever became of its value. So no finding follows from another finding."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at one place, and what to do about it. `value` replaces the value as written, where that says more."""

    path: Path
    message: str
    value: str | None = None


def dotted(path: Path) -> str:
    """A path as people write it: exclusions[0].account."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def nearest(word: str, known: list[str]) -> str:
    """A hint that names the nearest known word, or nothing where none is near."""
    found = get_close_matches(word, known, n=1, cutoff=0.5) or get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    found = found or get_close_matches(word.upper(), known, n=1, cutoff=0.5)
    return f" Did you mean {found[0]}?" if found else ""


def at(tree: Any, *path: str | int) -> Any:
    """The value at a path, or None where there is none (any longer)."""
    for step in path:
        if isinstance(tree, Mapping) and isinstance(step, str):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree
