"""Whether Security Hub evaluates where it is on: its controls run by AWS Config, which somebody else turns on.

Nothing is planned for it. An account that is on and does not record is a gap of its own kind, with a next step for people; one of
which nothing tells is unknown.
"""

from runbook_lib.coverage import Cells, Gap, Status
from runbook_lib.services.aspect import Aspect, Place
from runbook_lib.services.recording import OWNER, TURN_ON, Recorded
from runbook_lib.services.securityhub.findings import Finding, cells
from runbook_lib.services.securityhub.membership import findings
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import State
from runbook_lib.services.spec import EVALUATING
from runbook_lib.settings.sections.securityhub import SecurityHubSection

Here = Place[SecurityHubSection, State]


class Evaluating(Aspect[SecurityHubSection, State]):
    name = EVALUATING
    told_only = True

    def of_members(self, section: SecurityHubSection) -> bool:
        return True

    def cells(self, place: Here) -> Cells:
        if not place.section.evaluates:
            nothing = Finding(Status.NOT_APPLICABLE, "settings ask for no standard", in_scope=False)
            return cells(place.region, EVALUATING, dict.fromkeys(findings(place), nothing))
        verdicts = {account: _finding(place, account, member) for account, member in findings(place).items()}
        return cells(place.region, EVALUATING, verdicts)


def _finding(place: Here, account: str, member: Finding) -> Finding:
    recorded = place.seen.recording.of(account, place.region)
    if named := place.view.excluded_from(NAME, EVALUATING, account, place.region):
        return Finding(Status.EXCLUDED, named, observed=recorded.observed)
    if member.status is Status.COVERED:
        return _evaluates(recorded)
    if recorded.records is False:
        return _evaluates(recorded, "no configuration recorder records: Security Hub will evaluate nothing once it is on")
    return member._replace(reason=f"Security Hub is not on: {member.reason}", observed=recorded.observed, desired="")


def _evaluates(recorded: Recorded, reason: str = "") -> Finding:
    if recorded.records is None:
        known, code, step = recorded.observed, recorded.code, recorded.next_step
        return Finding(Status.UNKNOWN, recorded.reason, observed=known, code=code, next_step=step, who=OWNER)
    if recorded.records:
        return Finding(Status.COVERED, recorded.reason, observed=recorded.observed)
    words = reason or f"Security Hub is on and evaluates nothing that needs AWS Config: {recorded.reason}"
    return Finding(Status.GAP, words, Gap.NOT_EVALUATING, recorded.observed, "recording", "", TURN_ON, OWNER)
