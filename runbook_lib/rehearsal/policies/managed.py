"""AWS's managed policies that people get for a first look, as AWS had them on a day: a dated extract, attachable by name.

Source: moto's copy of IAM's own list (moto/iam/aws_managed_policies.py, 5.2.5); each file says version and day.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "managed_policies"


@cache
def names() -> tuple[str, ...]:
    """The policies that there are."""
    return tuple(sorted(each.stem for each in FOLDER.glob("*.json")))


@cache
def _extract(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def document(name: str) -> dict[str, Any]:
    """A managed policy's document. Raises OSError for one that is not kept here."""
    found: dict[str, Any] = _extract(name)["document"]
    return found
