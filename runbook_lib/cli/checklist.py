"""`runbook checklist`: what only a live account can settle, as far as reads settle it."""

import datetime as dt
import secrets
from pathlib import Path

import click

from runbook_lib.aws.access import Access
from runbook_lib.base.clock import Clock
from runbook_lib.base.files import write_text
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.inventory.checklist import BY, Answer, Verdict, ask, reads
from runbook_lib.inventory.checklist.kept import counted, settled, text_of
from runbook_lib.settings.file import load


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
    click.echo(f"\n{', '.join(f'{number} {each}' for each, number in counted(answers).items())}")
    if output is not None:
        write_text(output, text_of(settings, begun, answers))
        click.echo(f"Recorded in {output}")
    return 0 if settled(answers) else 2


def _say(answer: Answer) -> None:
    question = answer.question
    click.echo(f"{answer.verdict:<12}{question.id}: {question.asks}")
    if question.read:
        against = f"; assumed: {question.assumed}" if answer.verdict is Verdict.DIFFERS else ""
        click.echo(f"{'':<12}{question.read.name} as {question.read.door}: {answer.seen or answer.reason}{against}")
