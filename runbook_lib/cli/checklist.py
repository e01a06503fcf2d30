"""`runbook checklist`: what only a live account can settle, as far as reads settle it."""

import datetime as dt
import json
import secrets
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from runbook_lib import __version__
from runbook_lib.aws.access import Access
from runbook_lib.aws.endpoints import sts_region
from runbook_lib.base.clock import Clock
from runbook_lib.base.files import write_text
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.inventory.checklist import BY, Answer, Verdict, ask, reads
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load

VERSION = 1


def checklist_command(parameters: Path, output: Path | None, runs: str) -> int:
    """Ask, printing each answer as it is known; 2 where anything is not as assumed, unknown or open."""
    settings = load(parameters, today())
    if output is not None and (output.exists() or output.is_symlink()):
        raise click.BadParameter(f"{output}: is there already; name another file, so that both can be compared")
    clock = Clock()
    begun = dt.datetime.now(dt.UTC)
    run = f"{begun:%Y%m%dT%H%M%SZ}-{settings.mode}-{secrets.token_hex(2)}"
    answers = []
    with (
        entered(kernel_environment(settings, runs)),
        Access(settings, reads=reads(), mutations=frozenset(), run=run, clock=clock) as access,
    ):
        for each in access.open_doors():
            click.echo(each.words)
        for answer in ask(settings, access):
            answers.append(answer)
            if answer.verdict is not Verdict.OPEN:
                _say(answer)
    for how in BY.values():
        click.echo(f"\n{Verdict.OPEN}: {how}")
        for answer in answers:
            if answer.reason == how:
                click.echo(f"  {answer.question.id}: {answer.question.asks}")
    click.echo("")
    counted = Counter(answer.verdict for answer in answers)
    click.echo(", ".join(f"{counted[each]} {each.value}" for each in Verdict))
    if output is not None:
        write_text(output, json.dumps(_record(settings, begun, answers), indent=2) + "\n")
        click.echo(f"Recorded in {output}")
    return 0 if set(counted) == {Verdict.AS_ASSUMED} else 2


def _say(answer: Answer) -> None:
    question = answer.question
    click.echo(f"{answer.verdict:<12}{question.id}: {question.asks}")
    if question.read:
        against = f"; assumed: {question.assumed}" if answer.verdict is Verdict.DIFFERS else ""
        click.echo(f"{'':<12}{question.read.name} as {question.read.door}: {answer.seen or answer.reason}{against}")


def _record(settings: Settings, when: dt.datetime, answers: Sequence[Answer]) -> dict[str, Any]:
    """What is kept: no account, no name, nothing of an answer but what it shows."""
    return {
        "version": VERSION,
        "runbook": __version__,
        "mode": settings.mode,
        "organization": settings.organization.id,
        "region": sts_region(settings),
        "asked": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "answers": [_kept(each) for each in answers],
    }


def _kept(answer: Answer) -> dict[str, str]:
    question = answer.question
    read = {"read": question.read.name, "door": question.read.door} if question.read else {"by": question.by}
    return {
        "id": question.id,
        "asks": question.asks,
        **read,
        "assumed": question.assumed,
        "seen": answer.seen,
        "verdict": answer.verdict,
    }
