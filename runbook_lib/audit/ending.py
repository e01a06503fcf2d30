"""How a command ends as to evidence: it seals what it finds of earlier commands, and in the end its own run."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from runbook_lib.audit.verify import verify
from runbook_lib.base.errors import RunbookError
from runbook_lib.display.progress import Progress, progress
from runbook_lib.evidence.index_page import write_page
from runbook_lib.evidence.people.trust import pins_as_they_lie
from runbook_lib.evidence.run.contents import files_in
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import Desk, seal, seal_found
from runbook_lib.evidence.store.desk import desk_for
from runbook_lib.settings import Settings

SILENT = 5.0
"""Seconds of sealing after which somebody may think that nothing goes on."""
Attach = Callable[[Path, str, str, Callable[[], Desk]], Iterator[str]]
"""Links to sealed runs, of a mode and organization below a folder, what came later; says what."""


@contextmanager
def sealed_at_end(
    run: RunFolder, settings: Settings, environment: Mapping[str, str], say: Callable[[str], None], attach: Attach
) -> Iterator[None]:
    """Around everything that writes into a run: seals what earlier commands left, then, however the block ends, this run.

    `attach` links to earlier runs what has come since they were sealed.

    What keeps a run from being sealed is said, never raised: the run has ended as it has, and the next command seals it.
    """
    with ExitStack() as resources:
        try:
            desk = desk_for(run.path.parent, settings, environment, resources)
            run.add_endpoints(desk.endpoints)
            about = run.path.parent, settings.mode, settings.organization.id
            for line in (*seal_found(*about, desk), *attach(*about, lambda: desk)):
                say(line)
        except RunbookError as problem:
            say(f"Evidence of earlier runs is not sealed: {problem}")
    try:
        yield
    finally:
        for line in sealing(run, settings, environment):
            say(line)
        write_page(run.path.parent)


def sealing(run: RunFolder, settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Seal one run that has ended, verify it, and say number and digest, or why not."""
    with ExitStack() as resources:
        try:
            desk = desk_for(run.path.parent, settings, environment, resources)
            with progress(f"Sealing {run.name}, file by file") as shown:
                made = seal(run, desk, _counted(run, shown))
        except RunbookError as problem:
            yield f"Evidence: not sealed: {problem}"
            return
        yield from withheld(made)
        try:
            chains = desk.store.local(made.chain)
        except RunbookError as problem:
            yield f"Evidence: number {made.number} of {made.chain}, head digest {made.digest}, NOT verified: {problem}"
            return
    faults = verify(run.path.parent, pins_as_they_lie(run.path.parent / KEYS), [run.name], chains=chains).faults
    yield f"Evidence: number {made.number} of {made.chain}, head digest {made.digest}, {'NOT verified' if faults else 'verified'}"
    yield from (f"  {fault}" for fault in faults)


def _counted(run: RunFolder, shown: Progress) -> Callable[[], None]:
    """Tells how many of a run's files are read; nothing of a run that is sealed in a moment."""
    begun, total, done = time.monotonic(), files_in(run.path), 0

    def told() -> None:
        nonlocal done
        done += 1
        if time.monotonic() - begun >= SILENT:
            shown.update(done, total)

    return told


def withheld(made: Entry) -> Iterator[str]:
    """What the gate kept out of a run, and why."""
    for name, found in sorted(made.withheld.items()):
        yield f"Evidence: withheld {name} ({'; '.join(found)}); it is in the folder of withheld files, not in the run"
