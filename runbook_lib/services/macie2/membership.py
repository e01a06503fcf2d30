"""Who is a member, one call for each: becoming one enables Macie in the account. The address it asks for stands in no plan.

An account that had suspended Macie by itself may stay suspended when it becomes a member, which nobody sees before: the wait says
so at once, and the next plan resumes it. To resume whoever becomes a member would be a call more for each of them.
"""

from collections.abc import Sequence
from dataclasses import replace

from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_EMAIL, ACCOUNT_ID, Action, BackOut, Condition, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import Place, Planned
from runbook_lib.services.column import accounts_of
from runbook_lib.services.macie2.inside import ENABLING
from runbook_lib.services.macie2.observe import read_member, read_members
from runbook_lib.services.macie2.session import own_cells
from runbook_lib.services.macie2.spec import TITLE
from runbook_lib.services.macie2.state import RegionState
from runbook_lib.services.membership import CORRECT_ADDRESS, MEMBERSHIP, SETTLE_SUSPENSION, Membership, meaning
from runbook_lib.settings.sections.macie2 import MacieSection

Here = Place[MacieSection, RegionState]
SUSPENDED = "Paused"
LEFT_SUSPENDED = "it had suspended Macie before it became a member, which AWS shows only now: plan again, the next plan resumes it"
BY_INVITATION = "Have its owner settle the membership by invitation (accept, or leave it), or exclude the account; then plan again."
MEANINGS = {
    **meaning("covered", "member account, Macie is on", "Enabled"),
    **meaning("in_progress", "AWS is enabling Macie in the account", "Created"),
    **meaning("to_do", "member account, but Macie is suspended in it", SUSPENDED),
    **meaning("not_applicable", "Macie says that the Region is not enabled in the account", "RegionDisabled"),
}
STUCK = {
    "AccountSuspended": SETTLE_SUSPENSION,
    "EmailVerificationFailed": CORRECT_ADDRESS,
    "EmailVerificationInProgress": BY_INVITATION,
    "Invited": BY_INVITATION,
    "Resigned": BY_INVITATION,
}


class Members(Membership[MacieSection, RegionState]):
    title = TITLE
    member = "Enabled"
    calls = frozenset({"CreateMember", "UpdateMemberSession"})
    meanings = MEANINGS
    stuck = STUCK
    condition = Condition("members enabled", MEMBERSHIP)
    listing = "ListMembers"
    sentence = "Macie is on in {count} member accounts in {region}"

    def own(self, place: Here) -> Cells:
        return own_cells(place.column(self.name, desired="ENABLED"), place.delegated, place.seen.own)

    def join(self, place: Here, joining: frozenset[str], cells: Cells, planned: Planned) -> Sequence[Action]:
        suspended = self._suspended(place, cells) & joining
        return [
            *(self._create(place, account, planned) for account in sorted(joining - suspended)),
            *(self._resume(place, account, planned) for account in sorted(suspended)),
        ]

    def _suspended(self, place: Here, cells: Cells) -> frozenset[str]:
        return accounts_of(cell for cell in self.raising(place, cells) if cell.observed == SUSPENDED)

    def condition_for(self, place: Here, cells: Cells) -> Condition:
        """Whoever the plan resumes may be suspended for a moment more."""
        return replace(self.condition, wanted=tuple(sorted(self._suspended(place, cells))))

    def _create(self, place: Here, account: str, planned: Planned) -> Action:
        own = planned.ids("session", "management") if account == place.management else ()
        return place.action(
            "CreateMember",
            {"account": {"accountId": ACCOUNT_ID, "email": ACCOUNT_EMAIL}},
            targets=(account,),
            affects=frozenset({account}),
            after=planned.usable + own,
            reason=f"account {account} is not a member account in {place.region}",
            before="not a member account",
            becomes="member account, Macie on",
            back_out=BackOut(
                "DisassociateMember first, then DeleteMember; Macie stays on in the account.",
                "DisassociateMember",
                {"id": ACCOUNT_ID},
            ),
            inside_accounts=ENABLING,
        )

    def _resume(self, place: Here, account: str, planned: Planned) -> Action:
        named = {"id": ACCOUNT_ID}
        return place.action(
            "UpdateMemberSession",
            {**named, "status": "ENABLED"},
            targets=(account,),
            affects=frozenset({account}),
            after=planned.usable,
            reason=f"Macie is suspended in member account {account} in {place.region}",
            before="suspended",
            becomes="Macie on",
            back_out=BackOut("Suspends it again.", "UpdateMemberSession", {**named, "status": "PAUSED"}),
            inside_accounts=ENABLING,
        )

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        listed = read_members(wait.account, wait.region, reader)
        statuses = {target: listed.get(target, "none") for target in wait.targets}
        progress = self.progress(statuses, {self.member}, "enabled")
        left = [account for account, status in statuses.items() if status == SUSPENDED and account not in wait.condition.wanted]
        return replace(progress, later=dict.fromkeys(left, LEFT_SUSPENDED))

    def effect(self, action: Action, reader: Reader) -> Progress:
        """A member that AWS is still enabling is one; a suspended one is resumed by another call."""
        good = {self.member, "Created"} | ({SUSPENDED} if action.operation == "CreateMember" else set())
        statuses = {target: read_member(action.account, target, action.region, reader) for target in action.targets}
        return self.progress(statuses, good, "are members")
