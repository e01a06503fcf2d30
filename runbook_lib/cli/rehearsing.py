"""The work of `runbook rehearse`: everything on a simulated organization, by the notebooks or by the stack."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from runbook_lib.cli import commands, rehearsed_drill
from runbook_lib.cli.running import command_run, say
from runbook_lib.cli.simulation import Asked, ready, say_how_to_use
from runbook_lib.runbook.phases import COVERAGE


def rehearse(
    parameters: Path | None,
    organization: str,
    accounts: int | None,
    regions: str | None,
    scenario: str,
    door: str,
    keep: bool,
    cell_timeout: int | None,
    runs: str,
) -> int:
    """Run everything on a simulated organization."""
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    asked = Asked(runs, parameters, organization, accounts, regions, scenario, keep=keep)
    made = ready(asked, say)
    carried_out: Callable[[commands.Command], int] = partial(commands.rehearse, further=partial(rehearsed_drill.turns, made.server))
    try:
        if door == "stack":
            from runbook_lib.cli import stack_rehearsing  # noqa: PLC0415 only this door needs it

            made = stack_rehearsing.as_administrator(stack_rehearsing.furnished(made, asked, say))
            carried_out = stack_rehearsing.rehearse
        with command_run(made.settings, made.file, runs, cell_timeout, made.server.environment) as command:
            code = carried_out(command)
            table = command.run.phase(COVERAGE.name).path / "coverage-after.txt"
            say("")
            say(table.read_text(encoding="utf-8") if table.exists() else "No coverage: the coverage notebook did not run.")
            for line in commands.forecast(command):
                say(line)
            say(f"Run folder: {command.run.path}")
    finally:
        if not made.stays:
            environment.stop(asked.folder)
    if made.stays:
        say_how_to_use(made, runs, say)
    return code
