"""Members' opt-in Regions as an earlier notebook of the same run read them, so that the next one need not ask again.

AWS allows about five such reads a second, one for each account: for thousands of accounts each notebook would take many minutes
before it showed anything. To opt in to a Region takes AWS minutes to hours.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.evidence.answers import AnswersBroken, key, read_about, read_answers_of
from runbook_lib.evidence.run_folder import RunFolder

READ = "account", "ListRegions"
BEGUN = "member_regions_read"
"""Where a file of answers says when the reading of members' Regions began, in this notebook or an earlier one."""
GOOD_FOR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class EarlierReads:
    """Answers that serve again; none by default."""

    begun: dt.datetime | None = None
    phase: str = ""
    answers: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Who read them and when; "" where they are to be read."""
        return f"as {self.phase} read them from {self.begun:%H:%M} UTC" if self.begun and self.answers else ""

    def recall(
        self, service: str, operation: str, account: str, region: str, parameters: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What was answered to this read; None where it has to be made."""
        if not self.answers or (service, operation) != READ:
            return None
        return self.answers.get(key(service, operation, account, region, parameters))


def earlier_reads(run: RunFolder, now: dt.datetime) -> EarlierReads:
    """Of the notebook that read them last. A file that cannot be read counts as none: everything is asked then."""
    newest, path = EarlierReads(), None
    for phase in run.phases():
        for file in phase.path.glob("answers-*.jsonl.gz"):
            try:
                said = read_about(file).get(BEGUN)
                begun = dt.datetime.fromisoformat(said) if said else None
            except (AnswersBroken, ValueError, TypeError):
                continue
            if begun and now - begun < GOOD_FOR and (newest.begun is None or begun >= newest.begun):
                newest, path = EarlierReads(begun, phase.name), file
    if path is None:
        return newest
    try:
        return EarlierReads(newest.begun, newest.phase, _whole(read_answers_of(path, *READ)))
    except AnswersBroken:
        return EarlierReads()


def _whole(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The answers about members of which every page was read; the two acting accounts ask for themselves, each time."""
    about = {call: str(json.loads(call)[-1].get("AccountId", "")) for call in answers}
    failed = {about[call] for call, said in answers.items() if "failure" in said}
    return {call: said["answer"] for call, said in answers.items() if about[call] and about[call] not in failed}
