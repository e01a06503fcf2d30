"""Whom a verification trusts: which public keys may have signed what."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from securesystemslib.signer import Key

from runbook_lib.evidence.keys import pinned


@dataclass(frozen=True)
class Trust:
    """Keys of runners by mode. `source` says, for messages, where they are from."""

    runners: Mapping[str, tuple[Key, ...]]
    source: str

    @property
    def fingerprints(self) -> str:
        """The ids of all keys, for whoever wants to compare them."""
        return ", ".join(sorted(key.keyid[:16] for keys in self.runners.values() for key in keys)) or "none"


def pinned_trust(folder: Path) -> Trust:
    """The keys pinned beside the runs: good against changes by whoever does not also change them. Raises KeyProblem."""
    return Trust({mode: pinned(folder, mode) for mode in ("rehearsal", "live")}, "keys pinned beside the runs")
