"""The chains held against themselves, against the seals in the run folders, and against anchors kept elsewhere."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.folder import NAME, RunFolder, RunFolderError
from runbook_lib.evidence.seal.archive import Archive
from runbook_lib.evidence.seal.reading import Entry


@dataclass(frozen=True)
class Anchor:
    """A number and digest that were noted where the runner cannot write: in a ticket, in locked storage."""

    number: int
    digest: str
    chain: str = ""
    """"" for whichever chain has it."""


def merged(found: Archive) -> dict[str, dict[int, list[Entry]]]:
    """Chain → number → the different entries that claim it, from the chain's files and from the run folders."""
    chains: dict[str, dict[int, list[Entry]]] = {}
    everything = [each for chain in found.chains.values() for each in chain.values()] + list(found.seals.values())
    everything += [each for linked in found.linked.values() for each in linked.values()]
    for each in everything:
        claims = chains.setdefault(each.chain, {}).setdefault(each.number, [])
        if all(each.digest != other.digest for other in claims):
            claims.append(each)
    return chains


def chain_faults(found: Archive) -> Iterator[Fault]:
    """Wrong order, gaps, second chains, and entries or run folders that the other side lacks."""
    yield from _gone(found)
    yield from _misplaced(found)
    for chain, numbers in sorted(merged(found).items()):
        yield from _links(chain, numbers)
    folders = {path.name for path in found.folders}
    for chain, listed in sorted(found.chains.items()):
        for number, each in sorted(listed.items()):
            if each.kind == "run" and each.run not in folders:
                yield Fault(
                    each.run, Kind.MISSING, f"the folder of this run is gone; chain {chain} has its seal as number {number}"
                )


def _gone(found: Archive) -> Iterator[Fault]:
    """Chains of which only what lies in run folders is left."""
    for chain in sorted(merged(found).keys() - {chain for chain, listed in found.chains.items() if listed}):
        said = f"no entry of it lies in {found.chain_root}; a chain that is kept elsewhere is named with --store"
        yield Fault(f"chain {chain}", Kind.MISSING, said)


def _misplaced(found: Archive) -> Iterator[Fault]:
    for chain, listed in sorted(found.chains.items()):
        for number, each in sorted(listed.items()):
            if (each.chain, each.number) != (chain, number):
                yield Fault(f"chain {chain}, number {number}", Kind.WRONG_ORDER, f"holds number {each.number} of {each.chain}")
    digests = {chain: {each.digest for each in listed.values()} for chain, listed in found.chains.items()}
    beside = [(name, each) for name, linked in found.linked.items() for each in linked.values()]
    for name, each in sorted([*found.seals.items(), *beside], key=lambda pair: (pair[0], pair[1].number)):
        there = found.chains.get(each.chain)
        if there is not None and each.digest not in digests[each.chain]:
            said = f"number {each.number} of chain {each.chain} is not this {'seal' if each.kind == 'run' else 'linked statement'}"
            yield Fault(name, Kind.MISSING if each.number not in there else Kind.SECOND_CHAIN, said)


def _links(chain: str, numbers: Mapping[int, list[Entry]]) -> Iterator[Fault]:
    last = 0
    for number, claims in sorted(numbers.items()):
        if number > last + 1:
            which = f"number {last + 1}" if number == last + 2 else f"numbers {last + 1} to {number - 1}"
            yield Fault(f"chain {chain}, {which}", Kind.GAP, "nobody has this number")
        last = number
        if len(claims) > 1:
            said = " and ".join(sorted(each.run for each in claims))
            yield Fault(f"chain {chain}, number {number}", Kind.SECOND_CHAIN, f"claimed by {said}")
        before = {each.digest for each in numbers.get(number - 1, [])} if number > 1 else {""}
        for each in claims:
            if before and each.previous not in before:
                yield Fault(
                    f"chain {chain}, number {number}", Kind.WRONG_ORDER, f"{each.run} does not follow from the number before it"
                )


def anchor_faults(found: Archive, anchors: Iterable[Anchor]) -> Iterator[Fault]:
    """Anchors that the chains do not bear out: the end was cut off, or another end was put in its place."""
    chains = merged(found)
    for anchor in anchors:
        among = [numbers for chain, numbers in chains.items() if anchor.chain in ("", chain)]
        if any(each.digest == anchor.digest for numbers in among for each in numbers.get(anchor.number, [])):
            continue
        longest = max((max(numbers) for numbers in among), default=0)
        said = f"the chain ends at {longest}" if anchor.number > longest else "this number has another digest"
        yield Fault(f"anchor {anchor.number}:{anchor.digest[:16]}", Kind.CUT_OFF, said)


def start_faults(found: Archive, now: dt.datetime) -> Iterator[Fault]:
    """Starts without an end, runs that were declared lost, and ends that do not name their start."""
    for chain, numbers in sorted(merged(found).items()):
        open_ = dict[str, Entry]()
        for each in (each for number in sorted(numbers) for each in numbers[number]):
            if each.kind == "start":
                open_[each.run] = each
            elif each.kind == "lost":
                open_.pop(each.run, None)
                yield Fault(each.run, Kind.OPEN_START, f"was declared lost: {each.parameters.get('reason')}")
            elif each.kind == "run":
                start = open_.pop(each.run, None)
                if start is not None and each.rests_on("start-record") != start.digest:
                    yield Fault(each.run, Kind.WRONG_ORDER, "its seal does not name its start")
        for run, start in sorted(open_.items()):
            if not _under_way(found, run, now):
                yield Fault(run, Kind.OPEN_START, f"began at {start.when} (chain {chain}, number {start.number}) and has no end")


def _under_way(found: Archive, run: str, now: dt.datetime) -> bool:
    try:
        return NAME.fullmatch(run) is not None and not RunFolder(found.root / run).under_way(now)
    except RunFolderError:
        return False
