"""Tables of cases, which are YAML for those who write them: read once and kept as Python keeps what it has compiled.

Every process that collects tests reads all of them, and reading YAML was half of collecting.
"""

import hashlib
import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def table(path: Path) -> Any:
    """What a file of cases says, as new values each time."""
    text = path.read_bytes()
    digest, kept = hashlib.sha256(text).digest(), path.parent / "__pycache__" / f"{path.name}.pickle"
    with suppress(OSError, pickle.UnpicklingError, EOFError, ValueError):
        said, value = pickle.loads(kept.read_bytes())
        if said == digest:
            return value
    value = YAML(typ="safe", pure=True).load(text)
    if not sys.dont_write_bytecode:
        with suppress(OSError):
            kept.parent.mkdir(exist_ok=True)
            written = kept.with_name(f"{kept.name}.{os.getpid()}")
            written.write_bytes(pickle.dumps((digest, value)))
            written.replace(kept)
    return value
