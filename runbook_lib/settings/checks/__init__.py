"""What can be wrong with a parameters file, found without a call: its YAML, its keys and values, and what they say together."""

from collections.abc import Mapping
from typing import Any

Tree = Mapping[str, Any]
"""The file's values, with None for each that a check has already refused: what is not None has the right type, and a key that
is there was written, whatever became of its value. So no finding follows from another finding."""


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
