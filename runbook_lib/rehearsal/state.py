"""The files with which a running server is found and asked, all for their owner alone."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HEADER = "control-header"
"""Beside the state file: the header that control pages ask for, as `curl -H @FILE` takes it."""


def authorization(token: str) -> str:
    """The value of the header Authorization that control pages ask for."""
    return f"Bearer {token}"


def write_private(path: Path, text: str) -> None:
    """A file that only its owner may read, from the first byte on; replaced at once: a reader sees all of it or nothing."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    draft.replace(path)


def write_state(path: Path, described: Mapping[str, Any]) -> None:
    """Say where a server listens and how its control pages are asked: `described` has its url, pid, Region and token."""
    write_private(path.with_name(HEADER), f"Authorization: {authorization(described['token'])}\n")
    write_private(path, json.dumps(described))


def remove_state(path: Path) -> None:
    """The server has ended."""
    path.unlink(missing_ok=True)
    path.with_name(HEADER).unlink(missing_ok=True)
