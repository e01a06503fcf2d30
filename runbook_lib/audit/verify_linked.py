"""What was attached to runs after they were sealed, held against the statements linked to their seals."""

from collections.abc import Iterator
from pathlib import Path

from runbook_lib.evidence.run.contents import ATTACHED, LINKED, SEAL, attached_contents
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.seal.archive import Archive
from runbook_lib.evidence.seal.reading import Entry


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
    run, found = folder.name, attached_contents(folder)
    said = {name: digest for each in statements for name, digest in each.subjects.items() if name != SEAL}
    withheld = {name for each in statements for name in each.withheld}
    folders = {name for each in statements for name in each.folders}
    for name, what in sorted(found.strange.items()):
        yield Fault(f"{run}/{name}", Kind.LINK, f"{what}; a sealed run has files and folders only")
    for name in sorted(said.keys() - found.files.keys() - found.strange.keys()):
        yield Fault(f"{run}/{name}", Kind.MISSING, "was attached to this run")
    for name, digest in sorted(found.files.items()):
        if name in said and digest != said[name]:
            yield Fault(f"{run}/{name}", Kind.CHANGED, "differs from what was attached")
        elif name not in said and not _is_statement(name):
            text = "was withheld when it was attached" if name in withheld else "no linked statement names it"
            yield Fault(f"{run}/{name}", Kind.ADDED, text)
    for name in sorted(found.folders - folders):
        yield Fault(f"{run}/{name}", Kind.ADDED, "no linked statement names this folder")


def _is_statement(name: str) -> bool:
    """Whether a file in `attached/` is read as a statement, so that whatever is wrong with it is a fault of its own."""
    return name.endswith(LINKED) and name.count("/") == 1
