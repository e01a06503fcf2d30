"""What the gate kept out of sealed runs: named, and held against its digests where the withheld copies lie beside the runs.

A withheld file is no fault: secrets are not sealed. But nobody can erase evidence by having it withheld, and be told that all is
verified: where the missing file is what says which calls were made, planned or approved, that is a fault.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.base.own_files import FileBroken
from runbook_lib.evidence.run.contents import file_digest
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.seal.archive import ASIDE, Archive

_PROOF = re.compile(
    r"run\.json|[0-9a-z_]+/(?:journal|plan[^/]*\.json|approval[^/]*\.json|rejection[^/]*\.json|confirmation\.json).*"
)
"""What says which calls were made, planned, approved or rejected, and by whom."""


def withheld_faults(found: Archive) -> Iterator[Fault]:
    """Every file that was withheld from a run or from what was attached to it, and every withheld copy that was altered."""
    for folder in found.folders:
        seal = found.seals.get(folder.name) or found.chain_entry(folder.name)
        for each in [*([seal] if seal else []), *found.linked.get(folder.name, {}).values()]:
            for name, rules in sorted(each.withheld.items()):
                yield _named(f"{folder.name}/{name}", rules, proof=each is seal and _PROOF.fullmatch(name) is not None)
                yield from _altered(
                    found.root / ASIDE / folder.name / name, f"{folder.name}/{name}", each.withheld_digests.get(name)
                )


def _named(where: str, rules: tuple[str, ...], *, proof: bool) -> Fault:
    text = f"was withheld when it was sealed ({'; '.join(rules) or 'no reason is given'})"
    if not proof:
        return Fault(where, Kind.WITHHELD, text)
    return Fault(where, Kind.NO_PROOF, f"{text}, so what was done and who approved it cannot be verified")


def _altered(copy: Path, where: str, digest: str | None) -> Iterator[Fault]:
    if not os.path.lexists(copy):
        return  # it may have been taken away: its digest is in the seal
    try:
        if file_digest(copy) != digest:
            yield Fault(where, Kind.CHANGED, f"its copy in {ASIDE}/ differs from what was withheld")
    except (FileBroken, OSError) as broken:
        yield Fault(where, Kind.UNREADABLE, f"its copy in {ASIDE}/: {broken}")
