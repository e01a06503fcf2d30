"""What was attached to runs after they were sealed, held against the statements linked to their seals."""

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_lib.audit.compare import Words, compare
from runbook_lib.evidence.run.contents import ATTACHED, LINKED, SEAL, attached_contents
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.seal.archive import Archive
from runbook_lib.evidence.seal.reading import Entry

WORDS = Words(
    missing="was attached to this run",
    changed="differs from what was attached",
    added="no linked statement names it",
    withheld="was withheld when it was attached",
    added_folder="no linked statement names this folder",
)


@dataclass(frozen=True)
class _Attached:
    """What all statements linked to one seal say together."""

    subjects: Mapping[str, str]
    folders: Collection[str]
    withheld: Container[str]


def linked_faults(found: Archive) -> Iterator[Fault]:
    """Every difference between what lies in `attached/` of the run folders and what linked statements say lies there."""
    kept: dict[str, dict[str, Entry]] = {}
    for chain in found.chains.values():
        for each in chain.values():
            if each.kind == "linked":
                kept.setdefault(each.run, {})[str(each.parameters.get("name"))] = each
    for folder in found.folders:
        beside, seal = found.linked.get(folder.name, {}), found.seals.get(folder.name) or found.chain_entry(folder.name)
        for name, each in sorted(beside.items()):
            yield from _place_faults(folder.name, name, each, seal)
        for name, each in sorted(kept.get(folder.name, {}).items()):
            if not (folder / ATTACHED / f"{name}{LINKED}").exists():
                said = f"chain {each.chain} has it as number {each.number}"
                yield Fault(f"{folder.name}/{ATTACHED}/{name}{LINKED}", Kind.MISSING, said)
        yield from _file_faults(folder, list((kept.get(folder.name, {}) | beside).values()))


def _place_faults(run: str, name: str, each: Entry, seal: Entry | None) -> Iterator[Fault]:
    """Whether a statement lies beside the seal that it names, under its own name."""
    where = f"{run}/{ATTACHED}/{name}{LINKED}"
    if each.run != run or seal is None or each.subjects.get(SEAL) != seal.digest:
        of = f"it is about {each.run}" if each.run != run else "it names another seal than this run's"
        yield Fault(where, Kind.OTHER_RUN, of)
    if (said := each.parameters.get("name")) != name:
        yield Fault(where, Kind.RENAMED, f"this is the statement {said}")


def _file_faults(folder: Path, statements: list[Entry]) -> Iterator[Fault]:
    said = _Attached(
        {name: digest for each in statements for name, digest in each.subjects.items() if name != SEAL},
        {name for each in statements for name in each.folders},
        {name for each in statements for name in each.withheld},
    )
    found = attached_contents(folder)
    files = {name: digest for name, digest in found.files.items() if name in said.subjects or not _is_statement(name)}
    yield from compare(folder.name, said, replace(found, files=files), WORDS)


def _is_statement(name: str) -> bool:
    """Whether a file in `attached/` is read as a statement, so that whatever is wrong with it is a fault of its own."""
    return name.endswith(LINKED) and name.count("/") == 1
