"""Who is associated with Inspector's administrator, and whether Inspector is on in the delegated account itself."""

from collections.abc import Mapping

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Condition, Step, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import Place, Planned
from runbook_lib.services.inspector2.observe import read_members
from runbook_lib.services.inspector2.policies import governed
from runbook_lib.services.inspector2.scan_types import LATER, wanted_types
from runbook_lib.services.inspector2.spec import TITLE
from runbook_lib.services.inspector2.state import SETTLING, RegionState
from runbook_lib.services.membership import CORRECT_ADDRESS, MEMBERSHIP, SETTLE_SUSPENSION, Membership, meaning
from runbook_lib.settings.sections.inspector2 import InspectorSection

VISIBLE = 10_000
"""Members that Inspector shows to its administrator at most [docs]."""
UNDER_WAY = ("CREATED", "INVITED", "EMAIL_VERIFICATION_IN_PROGRESS")
STUCK = {
    "ACCOUNT_SUSPENDED": SETTLE_SUSPENSION,
    "EMAIL_VERIFICATION_FAILED": CORRECT_ADDRESS,
    "CANNOT_CREATE_DETECTOR_IN_ORG_MASTER": "Create Inspector's service-linked role in the management account, then plan again.",
}
HIDDEN = "not visible"
"""Our word for an account that is beyond what Inspector shows."""
MEANINGS = {
    **meaning("covered", "member account", "ENABLED"),
    **meaning("in_progress", "AWS is associating the account", *UNDER_WAY),
    **meaning("not_applicable", "Inspector says that the Region is not enabled in the account", "REGION_DISABLED"),
    **meaning("not_applicable", "not visible: Inspector shows its administrator 10,000 members at most", HIDDEN),
}


class Association(Membership[InspectorSection, RegionState]):
    """AWS associates one account per call, and works on; the delegated account is no member of its own."""

    title = TITLE
    member = "ENABLED"
    calls = frozenset({"AssociateMember"})
    meanings = MEANINGS
    stuck = STUCK
    condition = Condition("members associated", MEMBERSHIP)
    listing = "ListMembers"
    sentence = "{count} accounts are associated in {region}"

    def unlisted(self, place: Place[InspectorSection, RegionState]) -> str:
        statuses = place.seen.members.value if isinstance(place.seen.members, Known) else {}
        return HIDDEN if sum(status == self.member for status in statuses.values()) >= VISIBLE else "none"

    def own(self, place: Place[InspectorSection, RegionState]) -> Cells:
        """Inspector is on in the delegated account, whatever it scans."""
        column, account = place.column(self.name, desired="ENABLED"), {place.delegated}
        types, seen = wanted_types(place.section, place.region), place.seen.own
        if not types:
            return column.unmanaged(account, "not asked")
        if not isinstance(seen, Known):
            code, reason = (seen.code, seen.reason) if isinstance(seen, Unknown) else ("NotRead", "not read")
            return column.unknown(account, code, reason, "Make the read possible, then plan again.")
        statuses = {seen.value.status_of(each, place.delegated) for each in types}
        if "ENABLED" in statuses:
            return column.covered(account, "Inspector is on", "ENABLED")
        if statuses & {"ENABLING", SETTLING}:
            return column.in_progress(account, "AWS is switching Inspector on", "ENABLING")
        ruled = governed(place.seen.policies, place.view, place.region)
        held = [place.delegated in seen.value.governed.get(each, ()) or place.delegated in ruled.get(each, ()) for each in types]
        if statuses & set(LATER) and not all(held):
            return column.to_do(account, "Inspector is not on in the delegated account", "DISABLED")
        return column.blocked(account, "Inspector cannot be switched on (see scan types)", "See the scan types.", "SUSPENDED")

    def hidden(self, place: Place[InspectorSection, RegionState]) -> Mapping[str, frozenset[str]]:
        """The accounts whose scan types nobody can see: to be associated, stuck, or apart for good."""
        by_status = self.by_status(place)
        unknown = place.members if isinstance(place.seen.members, Unknown) else frozenset[str]()
        stuck = frozenset[str]().union(*(by_status.get(status, ()) for status in STUCK)) - unknown
        apart = frozenset[str]().union(*(by_status.get(status, ()) for status in ("REGION_DISABLED", HIDDEN))) - unknown
        later = place.members - stuck - apart - unknown - by_status.get(self.member, set())
        return {"later": later, "stuck": stuck, "apart": apart, "unknown": unknown}

    def join(
        self, place: Place[InspectorSection, RegionState], joining: frozenset[str], cells: Cells, planned: Planned
    ) -> list[Action]:
        return [
            place.action(
                "AssociateMember",
                {"accountId": ACCOUNT_ID},
                targets=(account,),
                affects=frozenset({account}),
                after=planned.usable,
                reason=f"account {account} is not a member account in {place.region}",
                before="not associated",
                becomes="member account",
                back_out=BackOut(
                    "The account becomes standalone; what it scans goes on.", "DisassociateMember", {"accountId": ACCOUNT_ID}
                ),
            )
            for account in sorted(joining)
        ]

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        return self.progress(_statuses(wait, reader), {self.member}, "associated")

    def effect(self, action: Action, reader: Reader) -> Progress:
        return self.progress(_statuses(action, reader), {self.member, *UNDER_WAY}, "associated")


def _statuses(step: Step, reader: Reader) -> dict[str, str]:
    listed = read_members(step.account, step.region, reader)
    return {target: listed.get(target, "none") for target in step.targets}
