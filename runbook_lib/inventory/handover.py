"""What one person hands to whoever holds the other account's door: which account, which role, which commands, for which settings.

A plan rests on reads of both accounts, so the reading roles come first: with them either person sees the same plan under the same
fingerprint. What could not be read is never guessed, so without the other account's reading role its stages stay blocked.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from runbook_lib.aws.callers import Card
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.privacy import masked
from runbook_lib.inventory.checkup.doors import Entered
from runbook_lib.runbook import managed
from runbook_lib.services.permissions import DELEGATED, MANAGEMENT, READING
from runbook_lib.settings import Settings, settings_digest

VERSION = 1
NO_ANSWER = "no answer in time"


@dataclass(frozen=True)
class Part:
    """One account: whether its door is open here, what is done there, and what whoever holds it does."""

    name: str
    account: str
    open: bool
    said: str
    next_step: str
    reading: str
    changing: str
    stages: tuple[str, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Handover:
    """Both accounts, and the settings that both persons have to use: another digest is another plan."""

    settings: str
    digest: str
    organization: str
    mode: str
    parts: tuple[Part, ...]

    @property
    def left(self) -> tuple[Part, ...]:
        """What somebody else has to do."""
        return tuple(each for each in self.parts if not each.open)


def handover(settings: Settings, file: str, entered: Entered) -> Handover:
    """What is open here, and what is handed over. `file`: the settings' path as the commands are given it."""
    told = settings.organization
    accounts = {MANAGEMENT: told.management_account, DELEGATED: told.delegated_account}
    parts = tuple(_part(name, account, settings, file, entered[account]) for name, account in accounts.items())
    return Handover(file, settings_digest(settings), told.id, settings.mode, parts)


def _part(name: str, account: str, settings: Settings, file: str, found: Card | RunbookError | None) -> Part:
    reading, changing = READING[name]
    said = found.words if isinstance(found, Card) else NO_ANSWER if found is None else str(found)
    step = found.advice if isinstance(found, RunbookError) else ""
    return Part(
        name,
        account,
        isinstance(found, Card),
        masked(said),
        masked(step),
        reading,
        changing,
        tuple(_stages(name, settings)),
        tuple(_commands(file, reading, changing)),
    )


def _stages(name: str, settings: Settings) -> Iterator[str]:
    """What is called from an account: the management account's own stages, and everything else as the delegated one."""
    for phase in managed(settings):
        for stage in phase.stages:
            if (stage.name == MANAGEMENT) == (name == MANAGEMENT):
                yield f"{phase.name}: {stage.title}"


def _commands(file: str, reading: str, changing: str) -> Iterator[str]:
    """Read-only first: nothing but the last two lets anybody change anything."""
    yield f"runbook requirements -p {file} --role {reading} --format cloudformation"
    yield f"runbook doctor -p {file}"
    yield f"runbook plan -p {file}"
    yield f"runbook requirements -p {file} --role {changing} --format cloudformation"
    yield f"runbook apply -p {file} --approval APPROVAL"


def as_json(found: Handover) -> str:
    """The same for machines."""
    parts = [{**vars(each), "stages": list(each.stages), "commands": list(each.commands)} for each in found.parts]
    head = {key: value for key, value in vars(found).items() if key != "parts"}
    return json.dumps({"version": VERSION, **head, "accounts": parts}, indent=2) + "\n"


def as_markdown(found: Handover) -> str:
    """The page that is handed over."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Handover) -> Iterator[str]:
    yield f"# Hand-over for organization {found.organization} ({found.mode})"
    yield ""
    yield f"Settings: `{found.settings}`, digest `{found.digest}`. Use this very file: other settings make another plan, and an"
    yield "approval of this one does not cover it."
    yield ""
    yield "A plan is made from reads of both accounts. So the reading role of each is opened to whoever plans, which lets nobody"
    yield "change anything; then both see the same plan under the same fingerprint. What cannot be read is blocked, never guessed."
    yield "Who applies needs both changing roles for as long as that takes: their owners open them for that one approved plan."
    for each in found.parts:
        yield ""
        yield f"## The {each.name} account, {each.account}: {'open here' if each.open else 'handed over'}"
        yield ""
        yield each.said
        if each.next_step:
            yield each.next_step
        yield ""
        yield f"Roles: `{each.reading}` first, `{each.changing}` for what has been approved. Whoever holds this account runs:"
        yield ""
        yield from (f"    {command}" for command in each.commands)
        yield ""
        yield "Called from here, once approved:"
        yield ""
        yield from (f"* {stage}" for stage in each.stages)
