"""Leaving Macie: members are paused by their administrator while they are members; whoever is dissociated keeps Macie on by itself.

Macie is disabled in no account: that can be done in each alone, and takes everything it knows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation, Unknown, when_known
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_EMAIL, ACCOUNT_ID, BackOut, Direction, Step
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Place
from runbook_lib.services.column import Column, accounts_of
from runbook_lib.services.departure import Ground, Losing, Regional, members_cells, spelled, waiting
from runbook_lib.services.departure_levels import Administrator, Delegation, Dissociate, TrustedAccess, still_on
from runbook_lib.services.leaving import Departure
from runbook_lib.services.macie2.observe import read_discovery, read_members, read_organization
from runbook_lib.services.macie2.spec import NAME, SPEC, TITLE
from runbook_lib.services.macie2.state import RegionState
from runbook_lib.services.obstacles import Bar
from runbook_lib.settings.sections.macie2 import MacieSection
from runbook_lib.settings.sections.service import ServiceSection

Here = Place[None, RegionState]
AGAIN = "Apply 40_macie again: settings have to ask for the Region."
JOINING, DISCOVERY = "new accounts", "automated discovery for new accounts"
AUTOMATIC = ("NEW", "ALL")


class StopAutoEnable(Regional[RegionState]):
    """Two switches: Macie itself, and automated discovery, which stays on for the accounts that have it."""

    name = "stop-auto-enable"
    operations = frozenset({f"{NAME}:UpdateOrganizationConfiguration", f"{NAME}:UpdateAutomatedDiscoveryConfiguration"})
    losing = (
        Losing(
            f"automatic {TITLE} enrolment of accounts that join",
            note="Those that are there keep what they have.",
            of_accounts=False,
        ),
    )
    back = AGAIN

    def contradicted_by(self, section: ServiceSection) -> bool:
        """Where settings ask for nothing automatic, nothing switches it on again."""
        assert isinstance(section, MacieSection)
        discovery = section.automated_discovery
        return bool(section.auto_enable) or (discovery is not None and discovery.members in AUTOMATIC)

    def here(self, place: Here, column: Column) -> Cells:
        made: Cells = ()
        flag = when_known(place.seen.organization, lambda found: "on" if found.auto_enable else "off")
        for item, found, on in ((JOINING, flag, ("on",)), (DISCOVERY, place.seen.discovery, AUTOMATIC)):
            row = Column(column.service, column.region, column.aspect, item)
            if not isinstance(found, Known):
                code, reason = (found.code, found.reason) if isinstance(found, Unknown) else ("NotYet", "AWS is still designating")
                made += row.unknown({place.delegated}, code, reason, "Make the read possible, then look again.")
            elif found.value in on:
                made += row.to_do({place.delegated}, "accounts that join get it", found.value)
            else:
                made += row.covered({place.delegated}, "accounts that join do not get it", found.value)
        return made

    def calls(self, ground: Ground[RegionState], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        operations = {JOINING: "UpdateOrganizationConfiguration", DISCOVERY: "UpdateAutomatedDiscoveryConfiguration"}
        made: list[Step] = []
        for cell in doing:
            operation = operations[cell.item]
            call = place.action(
                operation,
                _automatic(cell.item, "off"),
                after=before,
                affects=frozenset({place.delegated}),
                reason=f"{TITLE} is left in {place.region}",
                before=f"{cell.item}: {cell.observed}",
                becomes="off",
                direction=Direction.LOWERS,
                lane=f"{NAME} organization configuration {place.region}",
                back_out=BackOut("Sets the earlier choice.", operation, _automatic(cell.item, cell.observed)),
            )
            made.append(call)
        after = (*before, *(step.id for step in made))
        return [*made, waiting(self, place, "DescribeOrganizationConfiguration", "nothing is enabled automatically", after)]

    def reached(self, step: Step, reader: Reader) -> Progress:
        joining = read_organization(step.account, step.region, reader).auto_enable
        discovery = read_discovery(step.account, step.region, reader)
        on = [name for name, is_on in ((JOINING, joining), (DISCOVERY, discovery in AUTOMATIC)) if is_on]
        about = {"UpdateOrganizationConfiguration": [JOINING], "UpdateAutomatedDiscoveryConfiguration": [DISCOVERY]}
        left = set(on).intersection(about.get(step.operation, on))
        return Progress(NONE if left else WHOLE, {}, f"on: {', '.join(on) or 'nothing'}")


def _automatic(item: str, value: str) -> dict[str, Any]:
    """The parameters. AWS takes an absent choice of discovery for ALL, so it is always said [model]."""
    if item == JOINING:
        return {"autoEnable": value == "on"}
    return {"status": "ENABLED", "autoEnableOrganizationMembers": value if value in AUTOMATIC else "NONE"}


class Members(Dissociate[RegionState]):
    operation = "DisassociateMember"
    operations = frozenset({f"{NAME}:DisassociateMember"})
    joining = "CreateMember"
    already = ("not associated with", "not an associated member")
    losing = (Losing(f"the administrator view of {TITLE} findings", unwatched=True, note="Macie stays on; nobody here is told."),)
    found = Losing(f"{TITLE} automated discovery results", for_good=True, note="Discovery is off in the accounts from then on.")
    back = f"{AGAIN} Members that were paused before are resumed by the plan after the one that associates them again."

    def members(self, place: Here) -> Observation[Mapping[str, str]]:
        return place.seen.members

    def parameters(self, place: Here) -> Mapping[str, Any]:
        return {"id": ACCOUNT_ID}

    def loses(self, ground: Ground[RegionState]) -> Sequence[Losing]:
        """Of members that are paused AWS does not list whether discovery is on, so it counts wherever the administrator has it."""
        there = [seen.discovery for seen in ground.seen.values() if not isinstance(seen.discovery, NotYet)]
        return self.losing if all(each == Known("DISABLED") for each in there) else (*self.losing, self.found)

    def rejoin(self, place: Here) -> Mapping[str, Any]:
        return {"account": {"accountId": ACCOUNT_ID, "email": ACCOUNT_EMAIL}}

    def bar(self, ground: Ground[RegionState], place: Here) -> Bar | None:
        statuses = place.seen.members.value if isinstance(place.seen.members, Known) else {}
        on = frozenset(account for account, status in statuses.items() if spelled(status) == "ENABLED")
        return still_on(ground, place, on - {place.delegated})

    def read(self, step: Step, reader: Reader) -> Mapping[str, str]:
        return read_members(step.account, step.region, reader)


class SwitchOff(Regional[RegionState]):
    """Pauses Macie in the members; the administrator's own goes on."""

    name = "switch-off"
    operations = frozenset({f"{NAME}:UpdateMemberSession"})
    losing = (
        Losing(f"{TITLE} monitoring", unwatched=True, note="Settings are kept, findings for 90 days at most."),
        Losing(f"{TITLE} discovery jobs under way", for_good=True, note="AWS cancels them."),
    )
    back = f"{AGAIN} Members that are paused are resumed."

    def here(self, place: Here, column: Column) -> Cells:
        own = column.unmanaged({place.delegated}, "on", "Macie in the administrator itself is not switched off from here")
        return (*own, *members_cells(column, place, place.seen.members, {"ENABLED"}))

    def calls(self, ground: Ground[RegionState], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        accounts, named = sorted(accounts_of(doing)), {"id": ACCOUNT_ID}
        made: list[Step] = [
            place.action(
                "UpdateMemberSession",
                {**named, "status": "PAUSED"},
                targets=(account,),
                after=before,
                affects=frozenset({account}),
                reason=f"{TITLE} is left in {place.region}",
                before="Macie on",
                becomes="paused",
                direction=Direction.LOWERS,
                back_out=BackOut("Resumes it.", "UpdateMemberSession", {**named, "status": "ENABLED"}),
            )
            for account in accounts
        ]
        after = tuple(step.id for step in made)
        return [*made, waiting(self, place, "ListMembers", "members are paused", after, targets=tuple(accounts))]

    def reached(self, step: Step, reader: Reader) -> Progress:
        statuses = read_members(step.account, step.region, reader)
        off = frozenset(each for each in step.targets if spelled(statuses.get(each, "none")) == "PAUSED")
        return Progress(off, {}, f"{len(off)} of {len(step.targets)} are paused")


MEMBERS = Members()
DEPARTURE = Departure(
    SPEC,
    (
        StopAutoEnable(),
        SwitchOff(),
        MEMBERS,
        Administrator(
            SPEC, MEMBERS, (Losing(f"the {TITLE} administrator", note="Macie in it stays on.", of_accounts=False),), back=AGAIN
        ),
        Delegation(SPEC, back=AGAIN),
        TrustedAccess(),
    ),
    undoing={f"{NAME}:DisableMacie": Losing(f"{TITLE} findings and settings", for_good=True, note="AWS deletes them at once.")},
)
