"""Tampering with runs and chains as a whole: what is added, moved, copied or taken away is named."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from tampering import CHAIN, Kept, still_work

from runbook_lib.evidence.run.contents import ATTACHED, LINKED, SEAL
from runbook_lib.evidence.seal.chain import entry_name
from runbook_lib.evidence.seal.sealing import seal


def add(name: str | bytes, *, folder: bool = False) -> Callable[[Kept], object]:
    def added(kept: Kept) -> None:
        path = os.path.join(os.fsencode(kept.run.path), name if isinstance(name, bytes) else name.encode())  # noqa: PTH118 bytes
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 as above
        if folder:
            os.mkdir(path)  # noqa: PTH102 as above
        else:
            with open(path, "wb") as file:  # noqa: PTH123 as above
                file.write(b"x")

    return added


def deep(kept: Kept) -> None:
    """More folders in each other than a path may name."""
    here = Path.cwd()
    os.chdir(kept.run.path)
    try:
        for _ in range(2100):
            Path("a").mkdir()
            os.chdir("a")
    finally:
        os.chdir(here)


def copied_as(name: str) -> Callable[[Kept], object]:
    return lambda kept: shutil.copytree(kept.run.path, kept.root / name)


def unsealed_as(name: str, **record: Any) -> Callable[[Kept], object]:
    def copied(kept: Kept) -> None:
        path = Path(shutil.copytree(kept.root / kept.names[0], kept.root / name))
        (path / SEAL).unlink()
        data = json.loads((path / "run.json").read_text())
        (path / "run.json").write_text(json.dumps(data | {"run": name} | record))

    return copied


def moved(place: str) -> Callable[[Kept], object]:
    """What lies below the folder of runs at a place is a link now to where it was moved."""

    def move(kept: Kept) -> None:
        path = kept.root / place
        path.symlink_to(path.rename(kept.root.with_name(f"moved-{path.name}")))

    return move


def beside(name: str, data: bytes = b"x") -> Callable[[Kept], object]:
    """A file among the entries of the chain."""
    return lambda kept: (kept.chain / name).write_bytes(data)


def entry_as(name: str) -> Callable[[Kept], object]:
    return lambda kept: shutil.copy(kept.entry, kept.chain / name)


WIDE, ARABIC = "\uff19" * 8, "\u0660" * 7 + "\u0666"


MORE = "20261123T075111Z-rehearsal-0000"


"""The name of a run that nobody made."""


RUNNING = {
    "status": "running", "finished": None, "exit_code": None, "started": "2026-11-20T07:46:11Z", "host": "elsewhere",
}  # fmt: skip


TO_COME = RUNNING | {"started": "2099-11-20T07:46:11Z"}


WHOLE: dict[str, tuple[Callable[[Kept], object], str]] = {
    "a file": (add("more"), "added"),
    "a hidden file": (add(".more"), "added"),
    "a file in another case": (add("SETTINGS.YAML"), "added"),
    "a file with a combined letter": (add("settings\u0301.yaml"), "added"),
    "a file with an end of line": (add("settings.yaml\n"), "added"),
    "a file with a back slash": (add("20_guardduty\\plan.json"), "added"),
    "a file with a mark that turns round": (add("\u202esettings.yaml"), "added"),
    "a file whose name is no text": (add(b"\xff\xfe"), "link instead of file"),
    "a file with a long name": (add("a" * 255), "added"),
    "a file that looks like a part": (add(f".{SEAL}.0123456789ab.part"), "added"),
    "a folder": (add("more", folder=True), "added"),
    "a folder in a folder": (add("more/more", folder=True), "added"),
    "a hidden folder": (add(".git/config"), "added"),
    "a folder like the one for what comes later": (add("20_guardduty/attached/more"), "added"),
    "folders without end": (deep, "added"),
    "a statement that nobody attached": (add(f"{ATTACHED}/more{LINKED}"), "broken seal"),
    "a file that nobody attached": (add(f"{ATTACHED}/witness-config/more"), "added"),
    "a folder that nobody attached": (add(f"{ATTACHED}/more", folder=True), "added"),
    "a run copied": (copied_as(MORE), "renamed"),
    "a run copied under a name of its own": (copied_as("copy"), "renamed"),
    "a run copied under its name with an end of line": (copied_as(f"{MORE}\n"), "renamed"),
    "a run copied under foreign digits": (copied_as(f"{WIDE}T075111Z-rehearsal-0000"), "renamed"),
    "a file in the place of a run": (
        lambda kept: (kept.root / MORE).write_text(""),
        "link instead of file",
    ),
    "a link in the place of a run": (moved("{run}"), "link instead of file"),
    "an unsealed run": (unsealed_as(MORE), "not sealed"),
    "a run that runs elsewhere for days": (
        unsealed_as("20261120T074611Z-rehearsal-0000", **RUNNING),
        "not sealed",
    ),
    "a run that will begin": (
        unsealed_as("20991120T074611Z-rehearsal-0000", **TO_COME),
        "not sealed",
    ),
    "a run without a record": (lambda kept: (kept.root / MORE).mkdir(), "not sealed"),
    "a run whose record is of none": (unsealed_as(MORE, status="well"), "not sealed"),
    "a run dropped": (lambda kept: shutil.rmtree(kept.run.path), "missing"),
    "the chains dropped": (lambda kept: shutil.rmtree(kept.root / "chain"), "missing"),
    "one mode's chains dropped": (lambda kept: shutil.rmtree(kept.chain.parent), "missing"),
    "a chain dropped": (lambda kept: shutil.rmtree(kept.chain), "missing"),
    "a chain emptied": (lambda kept: list(map(Path.unlink, kept.chain.iterdir())), "missing"),
    "the chains are a link": (moved("chain"), "link instead of file"),
    "one mode's chains are a link": (moved("chain/rehearsal"), "link instead of file"),
    "a chain is a link": (moved(f"chain/{CHAIN}"), "link instead of file"),
    "a file among the chains": (lambda kept: (kept.root / "chain" / "more").write_text(""), "added"),
    "a folder among the chains": (lambda kept: (kept.root / "chain" / "more").mkdir(), "added"),
    "a file in the place of a chain": (lambda kept: (kept.chain.parent / "o-more").write_text(""), "link instead of file"),
    "a chain whose name is none": (lambda kept: shutil.copytree(kept.chain, kept.chain.parent / "o more"), "added"),
    "a chain under another organization": (lambda kept: shutil.copytree(kept.chain, kept.chain.parent / "o-more"), "wrong order"),
    "a chain under another mode": (lambda kept: shutil.copytree(kept.chain.parent, kept.root / "chain" / "live"), "wrong order"),
    "a file in a chain": (beside("notes.txt"), "added"),
    "an entry under its name with an end of line": (entry_as(f"{entry_name(6)}\n"), "added"),
    "an entry under foreign digits": (entry_as(f"{ARABIC}.intoto.jsonl"), "added"),
    "an entry under wide digits": (entry_as(f"{WIDE}.intoto.jsonl"), "added"),
    "an entry under nine digits": (entry_as("000000006.intoto.jsonl"), "added"),
    "an entry under number 0": (entry_as(entry_name(0)), "added"),
    "an entry under another number": (entry_as(entry_name(6)), "wrong order"),
    "what looks like a part": (beside(".x.part"), "added"),
    "an entry in a folder": (lambda kept: (kept.chain / entry_name(6)).mkdir(), "link instead of file"),
    "entries swapped": (lambda kept: swap(kept.entry, kept.chain / entry_name(1)), "wrong order"),
    "an entry dropped": (lambda kept: kept.entry.unlink(), "missing"),
    "the start dropped": (lambda kept: (kept.chain / entry_name(2)).unlink(), "gap"),
    "seals swapped": (lambda kept: swap(kept.run.path / SEAL, kept.root / kept.names[0] / SEAL), "renamed"),
    "runs swapped": (lambda kept: swap(kept.run.path, kept.root / kept.names[0]), "renamed"),
}


def swap(one: Path, two: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_is_done_to_runs_and_chains_is_named(kept: Kept, name: str) -> None:
    tamper, wanted = WHOLE[name]
    if name == "a link in the place of a run":
        tamper = moved(kept.run.name)
    tamper(kept)
    try:
        assert wanted in {kind for _, kind in kept.faults()}, name
        still_work(kept)
    finally:
        if name == "folders without end":  # Python's own way of taking folders away does not get to the end either
            subprocess.run(["rm", "-rf", str(kept.run.path / "a")], check=True)


def test_foreign_digits_in_a_chain_do_not_stop_sealing(kept: Kept) -> None:
    for digits in (WIDE, ARABIC):
        shutil.copy(kept.entry, kept.chain / f"{digits}.intoto.jsonl")
    assert seal(made.ended_run(kept.root, 20), made.desk(kept.root)).number == 6
