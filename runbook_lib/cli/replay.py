"""`runbook replay`: how many messages each channel would have had."""

import csv
import secrets
import sys
from pathlib import Path

import click

from runbook_lib.base.clock import Clock
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.plan import Scope
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.services.response.reconciling import COUNTED, HEADS, READS, Reckoned, read_fitted, reckoned
from runbook_lib.services.response.replay import NOWHERE, UNKNOWN, Replay, findings_of, read_findings, replay
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load

LARGEST, LONGEST_LINE = 256 * MIB, 256 * MIB
SHOWN = 10
"""Classes that are listed of a channel; the CSV has all."""


def replay_command(parameters: Path, days: int, file: Path | None, form: str, runs: str, *, sent: bool = False) -> int:
    """Print the messages of each channel. Reads only. 2: findings fit no class, a route was not told, or something was lost."""
    settings = load(parameters, today())
    if sent and file is not None:
        raise click.UsageError("--sent asks AWS what left, and --findings has nothing called: give one of them")
    if settings.response is None:
        sys.stdout.write(f"{parameters} has no response: nothing would be sent.\n")
        return 0
    left: tuple[Reckoned, ...] = ()
    if file is not None:
        made = replay(settings, findings_of(read_text(file, LARGEST, LONGEST_LINE), file), None)
    else:
        runs_folder(runs)
        with entered(kernel_environment(settings, runs)):
            made, left = _live(settings, days, sent=sent)
    if sent:
        _reckoned(left, form)
        return 2 if made.untold or any(each.lost for each in left) else 0
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["day", "channel", "class", "messages"])
        writer.writerows([*key, number] for key, number in sorted(made.messages.items()))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(made)))
    return 2 if made.untold or (UNKNOWN,) in made.by(2) else 0


def _reckoned(left: tuple[Reckoned, ...], form: str) -> None:
    """Print what left by each route, day by day."""
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(HEADS)
        writer.writerows(each.row for each in left)
        return
    sys.stdout.write("".join(f"{line}\n" for line in (COUNTED, *(each.words for each in left))))


def _live(settings: Settings, days: int, *, sent: bool) -> tuple[Replay, tuple[Reckoned, ...]]:
    clock = Clock()
    run = f"{clock.now():%Y%m%dT%H%M%SZ}-{settings.mode}-{secrets.token_hex(2)}"
    with access_for(settings, COVERAGE, run, clock, besides=READS) as access:
        organization = Runbook(COVERAGE, settings, access, clock, Scope()).organization()
        made = replay(settings, read_findings(settings, days, access), organization)
        if not sent:
            return made, ()
        now = clock.now()
        return made, reckoned(made.by_route, read_fitted(settings, days, now, access), f"{now:%Y-%m-%d}")


def _lines(made: Replay) -> list[str]:
    lines = [f"{made.findings:,} findings. Each counts once: an update of one that is still NEW would be a message again."]
    by_day, by_class = made.by(1, 0), made.by(1, 2)
    for (channel,), number in sorted(made.by(1).items()):
        days = {key[1]: found for key, found in by_day.items() if key[0] == channel}
        most = max(sorted(days), key=lambda day: days[day])
        lines.append(f"{channel}: {number:,} messages in {len(days)} days, at most {days[most]:,} (on {most})")
        found = sorted(
            ((found, key[1]) for key, found in by_class.items() if key[0] == channel), key=lambda each: (-each[0], each[1])
        )
        lines += [f"  {each:6,}  {kind}" for each, kind in found[:SHOWN]]
        lines += [f"  and {len(found) - SHOWN} more classes"] if len(found) > SHOWN else []
    if (NOWHERE,) in made.by(1):
        lines.append(f"{NOWHERE} are findings that fit no route.")
    if (UNKNOWN,) in made.by(2):
        lines.append(f"{UNKNOWN}: findings of products for which no managed service answers.")
    return [*lines, *(f"not told: {each}" for each in made.untold)]
