"""Tampering with files: whatever lies in the place of one is named, and hides nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tampering import WITNESS, Kept, as_folder, fifo, hollow, link_outside, link_to, listening, rewritten, some, still_work

from runbook_lib.audit.verify import verify
from runbook_lib.evidence.people.trust import read_policy
from runbook_lib.evidence.run.contents import ATTACHED, LINKED, REVIEW, SEAL
from runbook_lib.evidence.seal.chain import entry_name
from runbook_lib.evidence.seal.keys import KeyProblem, read_key


def test_the_archive_itself_is_accused_of_nothing(pristine: Kept) -> None:
    assert verify(pristine.root, read_policy(pristine.policy)).faults == ()


INSTEAD: dict[str, Callable[[Path], object]] = {
    "a pipe": fifo, "8 GiB of nothing": hollow, "a folder": as_folder, "a socket": listening, "a link": link_outside,
    "a link to nothing": link_to("nothing"), "a link to itself": link_to("."), "a link to what never ends": link_to("/dev/zero"),
    "nothing": Path.unlink, "no bytes": rewritten(lambda data: b""), "one byte less": rewritten(lambda data: data[:-1]),
    "one byte more": rewritten(lambda data: data + b"\n"), "half": rewritten(lambda data: data[: len(data) // 2]),
    "UTF-16": rewritten(lambda data: data.decode("utf-8", "replace").encode("utf-16")),
    "a byte order mark": rewritten(lambda data: b"\xef\xbb\xbf" + data),
    "other ends of lines": rewritten(lambda data: data.replace(b"\n", b"\r\n") + b"\r\n"),
    "a wrong byte": rewritten(lambda data: data[: len(data) // 2] + b"\xff" + data[len(data) // 2 :]),
    "a deep nest": rewritten(lambda data: b"[" * 200_000 + b"]" * 200_000), "a long number": rewritten(lambda data: b"1" * 100_000),
    "an empty object": rewritten(lambda data: b"{}\n"), "a list": rewritten(lambda data: b"[null]\n"),
}  # fmt: skip


PLACES: dict[str, Callable[[Kept], Path]] = {
    "run.json": lambda kept: kept.run.record_file,
    "settings": lambda kept: kept.run.settings,
    "approval": lambda kept: kept.phase / "approval.json",
    "plan": lambda kept: kept.phase / "plan.json",
    "journal": lambda kept: kept.phase / "journal.jsonl",
    "coverage": lambda kept: kept.phase / "coverage-after.json",
    "notebook": lambda kept: kept.phase / "notebook.ipynb",
    "page": lambda kept: kept.phase / "notebook.html",
    "seal": lambda kept: kept.run.path / SEAL,
    "review": lambda kept: kept.run.path / REVIEW,
    "attached file": lambda kept: kept.run.path / ATTACHED / WITNESS.name / "report.json",
    "linked statement": lambda kept: kept.run.path / ATTACHED / f"{WITNESS.name}{LINKED}",
    "chain entry": lambda kept: kept.entry,
    "start record": lambda kept: kept.chain / entry_name(2),
    "linked entry": lambda kept: kept.chain / entry_name(4),
    "pinned key": lambda kept: kept.pin,
}


GONE = {"review": "emergency without review", "chain entry": "missing", "linked entry": "missing"}
"""What is said where a file is gone that nothing but what it belongs to speaks of: the run that lacks it is named."""
REPLACED = [(place, what) for place in PLACES for what in INSTEAD]


@pytest.mark.parametrize(("place", "what"), some(REPLACED, 7))
def test_whatever_lies_in_the_place_of_a_file_is_named_and_hides_nothing(kept: Kept, place: str, what: str) -> None:
    path = PLACES[place](kept)
    INSTEAD[what](path)
    found = kept.faults(pins=place == "pinned key")
    if place == "pinned key":
        assert {"cannot be judged", "wrong key"} & {kind for _, kind in found} or same_key(path)
    elif what == "nothing" and place in GONE:
        assert GONE[place] in {kind for _, kind in found}, found
    else:
        about = "chain " if path.parent == kept.chain else path.name
        assert any(about in where for where, _ in found), (place, what, found)
    still_work(kept)


def same_key(path: Path) -> bool:
    """Whether a pinned key is still that key, however its file is written: no harm was done."""
    try:
        return path.name == f"rehearsal-{read_key(path).keyid[:16]}.pub.pem"
    except KeyProblem:
        return False
