"""What one person hands to whoever holds the other account's door: which account, which role, which commands, for which settings.

A plan rests on reads of both accounts. Either both reading roles are opened to whoever plans, and everybody sees the same plan
under the same fingerprint; or each goes through the own door alone, with a plan of its own, and hands over what was read there
(`Continued`). What could not be read is never guessed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from runbook_lib.aws.callers import Card
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.privacy import masked
from runbook_lib.inventory.checkup.doors import Entered
from runbook_lib.runbook import managed
from runbook_lib.services.permissions import DELEGATED, MANAGEMENT, READING
from runbook_lib.settings import Settings, settings_digest

VERSION = 2
"""Since 2 a run with one door leaves one too (`run`)."""
FILES = ("handover.md", "handover.json")
SETTINGS = "SETTINGS"
"""In commands, in the place of the settings file: each of the two has it somewhere else."""
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
class Left:
    """What a phase leaves, in sentences: to this door, and to the other one."""

    here: tuple[str, ...]
    other: tuple[str, ...]


@dataclass(frozen=True)
class Continued:
    """A run with one door, as far as it came: what goes on from it needs no more than these files."""

    run: str
    door: str
    written: str
    """When, by this machine's clock (ISO 8601, UTC)."""
    answers: str
    """The file, beside this one, of what was answered to this door's reads."""
    sha256: str
    phases: Mapping[str, Left]

    @property
    def left(self) -> bool:
        """Whether anything is left to the other door."""
        return any(each.other for each in self.phases.values())


@dataclass(frozen=True)
class Handover:
    """Both accounts, and the settings that both persons have to use: another digest is another plan."""

    settings: str
    digest: str
    organization: str
    mode: str
    parts: tuple[Part, ...]
    run: "Continued | None" = None

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


def continued(settings: Settings, run: Continued, opened_by: str) -> Handover:
    """What a run with one door hands over. `opened_by`: who entered that account."""
    told = settings.organization
    accounts = {MANAGEMENT: told.management_account, DELEGATED: told.delegated_account}
    parts = tuple(_side(name, account, settings, opened_by if name == run.door else "") for name, account in accounts.items())
    return Handover(SETTINGS, settings_digest(settings), told.id, settings.mode, parts, run)


def _side(name: str, account: str, settings: Settings, opened_by: str) -> Part:
    reading, changing = READING[name]
    said = masked(opened_by) or "somebody else's door in this run"
    lines = tuple(_alone(name))
    return Part(name, account, bool(opened_by), said, "", reading, changing, tuple(_stages(name, settings)), lines)


def _alone(name: str) -> Iterator[str]:
    yield f"runbook requirements -p {SETTINGS} --door {name} --format cloudformation"
    yield f"runbook plan -p {SETTINGS} --door {name} --handover {FILES[1]}"
    yield f"runbook apply -p {SETTINGS} --door {name} --handover {FILES[1]} --approval APPROVAL"


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
    head = {key: value for key, value in vars(found).items() if key not in ("parts", "run")}
    if found.run is not None:
        head["run"] = asdict(found.run)
    return json.dumps({"version": VERSION, **head, "accounts": parts}, indent=2) + "\n"


def as_markdown(found: Handover) -> str:
    """The page that is handed over."""
    return "\n".join(_lines(found) if found.run is None else _continued(found, found.run)) + "\n"


def _continued(found: Handover, run: Continued) -> Iterator[str]:
    """The page of a run with one door."""
    own, theirs = sorted(found.parts, key=lambda each: each.name != run.door)
    yield f"# Hand-over for organization {found.organization} ({found.mode})"
    yield ""
    yield f"From run {run.run}, {run.written}, by the {own.name} account's door ({own.account}) alone: {own.said}."
    yield f"To whoever holds the {theirs.name} account's door ({theirs.account})."
    yield ""
    yield f"Settings digest: `{found.digest}`. Use the very same settings: others make another plan, and are refused."
    yield f"Keep `{run.answers}` beside `{FILES[1]}`: it is what AWS answered to this door, so that nobody has to open it again."
    yield ""
    yield f"## Left to the {theirs.name} account" if run.left else f"## Nothing is left to the {theirs.name} account"
    yield ""
    yield from _left((name, each.other) for name, each in run.phases.items())
    yield f"Roles: `{theirs.reading}` first, `{theirs.changing}` for what has been approved. The plan is approved by itself."
    yield ""
    yield from (f"    {command}" for command in theirs.commands)
    yield ""
    yield f"## Left to the {own.name} account"
    yield ""
    yield from _left((name, each.here) for name, each in run.phases.items())
    yield f"With what the {theirs.name} account's holder hands over then:"
    yield ""
    yield from (f"    {command}" for command in own.commands)


def _left(phases: Iterator[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    lines = [f"* {name}: {sentence}" for name, sentences in phases for sentence in sentences]
    yield from lines or ["Nothing."]
    yield ""


def _lines(found: Handover) -> Iterator[str]:
    yield f"# Hand-over for organization {found.organization} ({found.mode})"
    yield ""
    yield f"Settings: `{found.settings}`, digest `{found.digest}`. Use this very file: other settings make another plan, and an"
    yield "approval of this one does not cover it."
    yield ""
    yield "A plan is made from reads of both accounts. So the reading role of each is opened to whoever plans, which lets nobody"
    yield "change anything; then both see the same plan under the same fingerprint. What cannot be read is blocked, never guessed."
    yield "Who applies needs both changing roles for as long as that takes: their owners open them for that one approved plan."
    yield "Where neither door is opened to the other person, each runs with `--door` and hands over what is left at the end."
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
