"""The two ends of a hand-over between runs with one door each: what a run leaves, and what the other person's run takes up.

Handed over is what AWS answered to one door's reads, redacted as in every file of answers, and what is left to whom. The other run
reads its own account itself and takes these answers for the rest, so that both plan by the same rules from the same facts.
"""

import copy
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.other_door import OtherDoor
from runbook_lib.base.documents import DocumentError, short
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.documents.json_text import read_json
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import write_text
from runbook_lib.base.own_files import GIB, FileBroken, digest_of, moment
from runbook_lib.evidence.run.answers import Answers, key
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.run.kept_answers import AnswersBroken, read_answers
from runbook_lib.inventory.handover import FILES, VERSION, Continued, Left, as_json, as_markdown, continued
from runbook_lib.settings import Settings, settings_digest

ANSWERS = "handover-answers.jsonl.gz"
TAKEN = "taken-over.json"
"""What was taken over, as it came, in the folder of the run that took it."""
GOOD_FOR = dt.timedelta(days=7)
"""What was read longer ago says too little of what is there."""
LARGEST = 16 * MIB


class NotTaken(RunbookError, ValueError):
    """What was handed over does not fit this run; the message says why."""

    advice = "Give the handover.json of the newest run through the other door, with its answers beside it; nothing was called."


@dataclass(frozen=True)
class Taken:
    """What the holder of the other door handed over; nothing by default."""

    text: str = ""
    run: str = ""
    written: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)

    def told(
        self, service: str, operation: str, account: str, region: str, parameters: Mapping[str, Any]
    ) -> dict[str, Any] | CallFailed | None:
        """What was answered to one read, or with what it was refused; None where it was not made."""
        found = self.answers.get(key(service, operation, account, region, parameters))
        if found is None:
            return None
        if "answer" in found:
            answer: dict[str, Any] = copy.deepcopy(found["answer"])
            return answer
        said = found["failure"]
        names = ("service", "operation", "account", "region")
        about = dict(zip(names, said.get("failed") or (service, operation, account, region), strict=True))
        rest = {name: said[name] for name in ("status", "sent")}
        return CallFailed(said["code"], said["message"], **about, **rest, next_step=said.get("next_step", ""))

    @property
    def words(self) -> str:
        return f"taken over from run {self.run} of {self.written}" if self.run else "nothing was taken over"


def other_door(settings: Settings, door: str, taken: Taken) -> OtherDoor | None:
    """The door that is somebody else's, where this run has one alone. Raises NotTaken where its own takes the other one."""
    if not door:
        return None
    told = settings.organization
    accounts = {"management": told.management_account, "delegated": told.delegated_account}
    own = accounts.pop(door)
    name, account = accounts.popitem()
    way = getattr(settings.access, door)
    if way.via == name and not way.profile:
        raise NotTaken(
            f"scope.door: access.{door}.via is {name}: the way into {own} takes the other door, so it is not one person's"
        )
    return OtherDoor(name, account, own, taken.told)


def take_over(path: Path, settings: Settings, door: str, now: dt.datetime) -> Taken:
    """What the holder of the other door handed over, held against this run. Raises NotTaken."""
    try:
        text = read_text(path, LARGEST)
        said = read_json(text, str(path))
        run = said["run"]
        if why := next(_contradictions(said, settings, door, now), ""):
            return _refuse(f"{path}: {why}")
        beside = path.parent / run["answers"]
        if digest_of(beside, 16 * GIB) != run["sha256"]:
            return _refuse(f"{beside}: is another file than the one that was handed over (SHA-256)")
        _, answers = read_answers(beside)
    except (DocumentError, AnswersBroken, FileBroken) as error:
        return _refuse(str(error))
    except FileNotFoundError as missing:
        return _refuse(f"{missing.filename}: there is no such file")
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        return _refuse(f"{path}: is not what a run with one door leaves: {type(error).__name__}: {short(str(error))}")
    return Taken(text, str(run["run"]), str(run["written"]), answers)


def _refuse(why: str) -> Taken:
    raise NotTaken(why)


def _contradictions(said: Any, settings: Settings, door: str, now: dt.datetime) -> Iterator[str]:
    """Why what was handed over does not fit this run."""
    run, mine = said["run"], settings.organization.id
    try:
        age = now - moment(run["written"])
    except ValueError:
        yield f"run.written: {short(repr(run['written']))} is not a time"
        return
    checks = (
        (said["version"] == VERSION, f"version {said['version']} is not one that is read here ({VERSION})"),
        (said["organization"] == mine, f"it is about organization {said['organization']}, settings name {mine}"),
        (said["mode"] == settings.mode, f"it is of mode {said['mode']}, settings are of mode {settings.mode}"),
        (said["digest"] == settings_digest(settings), "it was made with other settings; use the very same file"),
        (run["door"] != door, f"it comes from the {run['door']} account's door, which is this run's own"),
        (age < GOOD_FOR, f"it was written at {run['written']}, more than {GOOD_FOR.days} days ago"),
        (Path(run["answers"]).name == run["answers"], "its answers do not lie beside it"),
    )
    yield from (why for holds, why in checks if not holds)


def hand_over(run: RunFolder, settings: Settings, other: OtherDoor, caller: str, phase: str, left: Left, now: dt.datetime) -> None:
    """Write, or write anew, what a run hands over: this phase beside those of it that ended before."""
    kept = Answers()
    for call, said in _answers(run, other, names=not settings.names_hidden).items():
        kept.take(call, said)
    kept.write(run.path / ANSWERS, {})
    door = "delegated" if other.name == "management" else "management"
    written = now.isoformat(timespec="seconds")
    phases = {**_before(run.path / FILES[1]), phase: left}
    found = continued(
        settings,
        Continued(run.name, door, written, ANSWERS, digest_of(run.path / ANSWERS, 16 * GIB), dict(sorted(phases.items()))),
        caller,
    )
    for name, text in zip(FILES, (as_markdown(found), as_json(found)), strict=True):
        write_text(run.path / name, text)


def _before(path: Path) -> dict[str, Left]:
    if not path.exists():
        return {}
    said = json.loads(path.read_text(encoding="utf-8"))["run"]["phases"]
    return {name: Left(tuple(each["here"]), tuple(each["other"])) for name, each in said.items()}


def _answers(run: RunFolder, other: OtherDoor, *, names: bool) -> dict[str, Any]:
    """What the own door was answered in this run, the newest of each read; of accounts neither addresses nor hidden names."""
    found: dict[str, Any] = {}
    for phase in run.phases():
        files = [phase.path / f"answers-{which}.jsonl.gz" for which in ("before", "after")]
        for file in (each for each in files if each.exists()):
            _, answers = read_answers(file)
            found |= {call: said for call, said in answers.items() if json.loads(call)[2] == other.own}
    for call, said in found.items():
        if json.loads(call)[:2] == ["organizations", "ListAccounts"] and "answer" in said:
            hidden = {"Email"} if names else {"Email", "Name"}
            listed = said["answer"].get("Accounts") or []
            said["answer"]["Accounts"] = [{key: each[key] for key in each if key not in hidden} for each in listed]
    return found
