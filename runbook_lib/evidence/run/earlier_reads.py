"""Members' opt-in Regions as an earlier notebook of the same run read them, so that the next one need not ask again.

There is one such read for each account, and AWS is taken to allow about five a second: for thousands of accounts each notebook
would take many minutes before it showed anything. To opt in to a Region takes AWS minutes to hours.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.base.own_files import moment
from runbook_lib.evidence.run.answers import key
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.run.kept_answers import AnswersBroken, read_about, read_answers_of

READ = "account", "ListRegions"
BEGUN = "member_regions_read"
"""Where a file of answers says when the reading of members' Regions began, in this notebook or an earlier one."""
GOOD_FOR = dt.timedelta(hours=3)
"""From when the reading began: at half of AWS's rate ten thousand accounts take more than one."""


@dataclass(frozen=True)
class EarlierReads:
    """Answers that serve again; none by default."""

    begun: dt.datetime | None = None
    phase: str = ""
    answers: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Who read them and when; "" where they are to be read."""
        return f"read at {self.begun:%H:%M} UTC by the notebook {self.phase}, and not again" if self.begun and self.answers else ""

    def recall(
        self, service: str, operation: str, account: str, region: str, parameters: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What was answered to this read; None where it has to be made."""
        if not self.answers or (service, operation) != READ:
            return None
        return self.answers.get(key(service, operation, account, region, parameters))


def earlier_reads(run: RunFolder, now: dt.datetime) -> EarlierReads:
    """Of the notebook that read them last, not of those that took its answers over.

    A file that cannot be read counts as none: everything is asked then.
    """
    files = [(file, phase.name) for phase in run.phases() for file in sorted(phase.path.glob("answers-*.jsonl.gz"))]
    good = [(begun, *each) for each in files if (begun := _begun(each[0])) and now - begun < GOOD_FOR]
    if not good:
        return EarlierReads()
    begun, file, phase = max(good, key=lambda each: each[0])  # the first of those with the same beginning
    try:
        return EarlierReads(begun, phase, _whole(read_answers_of(file, *READ)))
    except (AnswersBroken, FileNotFoundError):
        return EarlierReads()


def _begun(file: Path) -> dt.datetime | None:
    try:
        said = read_about(file).member_regions_read
    except (AnswersBroken, FileNotFoundError):
        return None
    return moment(said) if said else None


def _whole(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The answers about members of which every page was read; the two acting accounts ask for themselves, each time."""
    about = {call: str(json.loads(call)[-1].get("AccountId", "")) for call in answers}
    failed = {about[call] for call, said in answers.items() if "failure" in said}
    return {call: said["answer"] for call, said in answers.items() if about[call] and about[call] not in failed}
