"""Leaving Security Hub: dissociated first, because neither members nor administrator can be switched off; then inside each account.

Standards go before the hub: a hub that is switched off with standards on leaves AWS Config rules that nobody but AWS can remove.
The home Region is the last in which the administrator is taken away.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, has, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_ID, BackOut, Direction, ForEach, Step
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Place
from runbook_lib.services.column import Column
from runbook_lib.services.departure import ASSOCIATED, Ground, Losing, Regional, spelled, waiting
from runbook_lib.services.departure_levels import Administrator, Delegation, Dissociate, TrustedAccess
from runbook_lib.services.leaving import Departure
from runbook_lib.services.obstacles import Bar
from runbook_lib.services.population import ENABLED
from runbook_lib.services.registry import sentence
from runbook_lib.services.securityhub import observe
from runbook_lib.services.securityhub.spec import NAME, SPEC, TITLE
from runbook_lib.services.securityhub.state import NOT_OBSERVED, Configuration, Standards, State, subscription_arn
from runbook_lib.services.view import View
from runbook_lib.settings.sections.securityhub import SecurityHubSection
from runbook_lib.settings.sections.service import ServiceSection

Here = Place[None, State]
AGAIN = "Apply 10_security_hub again: settings have to ask for the Region."
HUBS, V2, AUTOMATION = "hubs", "v2", "automation rules"
ROAD = (
    "Dissociate each target from its configuration policy, delete the policies, set the configuration to LOCAL, all of it in the "
    "home Region: a change of how the organization is ruled, which is not made here."
)


def configured_centrally(place: Here) -> Bar | None:
    """While central configuration is on, no member can be dissociated, and the administrator takes the policies along."""
    found: Observation[Configuration] = place.seen.configurations.get(place.region, NOT_OBSERVED)
    if isinstance(found, Unknown):
        return Bar(found.reason, found.next_step or "Make the read possible, then look again.")
    return Bar("central configuration rules the accounts", ROAD) if isinstance(found, Known) and found.value.central else None


class StopAutoEnable(Regional[State]):
    name = "stop-auto-enable"
    operations = frozenset({f"{NAME}:UpdateOrganizationConfiguration"})
    losing = (
        Losing(
            f"automatic {TITLE} enrolment of accounts that join",
            note="Those that are there keep what they have.",
            of_accounts=False,
        ),
    )
    back = AGAIN

    def contradicted_by(self, section: ServiceSection) -> bool:
        """Where settings leave it open or off, nothing switches it on again."""
        assert isinstance(section, SecurityHubSection)
        return bool(section.auto_enable)

    def here(self, place: Here, column: Column) -> Cells:
        found: Observation[Configuration] = place.seen.configurations.get(place.region, NOT_OBSERVED)
        if not isinstance(found, Known):
            code, reason = (found.code, found.reason) if isinstance(found, Unknown) else ("NotYet", "AWS is still designating")
            return column.unknown({place.delegated}, code, reason, "Make the read possible, then look again.")
        seen = f"AutoEnable {'on' if found.value.auto_enable else 'off'}, AutoEnableStandards {found.value.standards}"
        if not (found.value.auto_enable or found.value.central):
            return column.covered({place.delegated}, "nothing is enabled automatically", seen)
        return column.to_do({place.delegated}, "accounts that join are enrolled", seen)

    def bar(self, ground: Ground[State], place: Here) -> Bar | None:
        return configured_centrally(place)

    def calls(self, ground: Ground[State], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        found = place.seen.configurations[place.region]
        assert isinstance(found, Known)
        earlier = {"AutoEnable": True, "AutoEnableStandards": found.value.standards}
        call = place.action(
            "UpdateOrganizationConfiguration", {"AutoEnable": False, "AutoEnableStandards": "NONE"}, after=before,
            affects=frozenset({place.delegated}), reason=f"{TITLE} is left in {place.region}",
            before=", ".join(cell.observed for cell in doing), becomes="AutoEnable off", direction=Direction.LOWERS,
            lane=f"{NAME} organization {place.region}",
            back_out=BackOut("Sets the earlier values.", "UpdateOrganizationConfiguration", earlier),
        )  # fmt: skip
        shown = "nothing is enabled automatically"
        return [call, waiting(self, place, "DescribeOrganizationConfiguration", shown, (*before, call.id))]

    def reached(self, step: Step, reader: Reader) -> Progress:
        on = observe.configuration(reader, step.account, step.region).auto_enable
        return Progress(NONE if on else WHOLE, {}, f"AutoEnable {'on' if on else 'off'}")


class Members(Dissociate[State]):
    """DeleteMembers is refused for accounts of the organization, so they stay listed as Removed."""

    operation = "DisassociateMembers"
    operations = frozenset({f"{NAME}:DisassociateMembers"})
    batch = SPEC.batches["DisassociateMembers"]
    joining = "CreateMembers"
    losing = (
        Losing(
            f"the administrator view of {TITLE} findings",
            unwatched=True,
            note="Hubs and standards stay on; nobody here is told.",
        ),
        Losing("administrator automation rules and custom actions", note="They apply to members alone."),
    )
    back = AGAIN

    def members(self, place: Here) -> Observation[Mapping[str, str]]:
        return place.seen.members.get(place.region, NOT_OBSERVED)

    def parameters(self, place: Here) -> Mapping[str, Any]:
        return {"AccountIds": ForEach(ACCOUNT_ID)}

    def rejoin(self, place: Here) -> Mapping[str, Any]:
        return {"AccountDetails": ForEach({"AccountId": ACCOUNT_ID})}

    def bar(self, ground: Ground[State], place: Here) -> Bar | None:
        return configured_centrally(place)

    def read(self, step: Step, reader: Reader) -> Mapping[str, str]:
        return observe.members(reader, step.account, step.region)


class HomeLast(Administrator[State]):
    """The home Region, where findings come together, is left when no other Region is."""

    def ordered(self, ground: Ground[State]) -> Sequence[str]:
        return sorted(ground.regions, key=lambda region: (region == _home(ground.seen[region]), region))

    def bar(self, ground: Ground[State], place: Here) -> Bar | None:
        if found := configured_centrally(place) or super().bar(ground, place):
            return found
        if found := _both_families(ground, place.region):
            return found
        others = [region for region in sorted(ground.administrators) if region not in ground.regions and ground.administers(region)]
        if isinstance(aggregator := place.seen.aggregator, Unknown):
            return Bar(aggregator.reason, aggregator.next_step or "Make the read possible, then look again.")
        if place.region == _home(place.seen) and others:
            return Bar(
                f"this is the home Region, and {sentence(tuple(others))} still has the administrator",
                "Leave the linked Regions first, or name all of them together with this one.",
            )
        return None


def _home(seen: State) -> str:
    found = seen.aggregator
    return found.value.home if isinstance(found, Known) and found.value else ""


def _both_families(ground: Ground[State], region: str) -> Bar | None:
    """Taking one family's administrator away takes the other's too [docs]."""
    seen = ground.further.get(V2, NotYet(""))
    if isinstance(seen, Unknown):
        return Bar(seen.reason, seen.next_step or "Make the read possible, then look again.")
    if isinstance(seen, Known) and region in seen.value:
        return Bar(
            f"Security Hub V2 has an administrator in {region}, which would go with this one", "Leave Security Hub V2 first."
        )
    return None


def read_automation(view: View, reader: Reader) -> Mapping[str, Observation[tuple[str, ...]]]:
    """Region → the automation rules of the delegated account, by name."""
    regions = view.population.regions
    return dict(
        zip(regions, reader.parallel([partial(_automation, view.delegated, each, reader) for each in regions]), strict=True)
    )


def _automation(account: str, region: str, reader: Reader) -> Observation[tuple[str, ...]]:
    try:
        pages = reader.pages(NAME, "ListAutomationRules", account, region)
        return Known(tuple(sorted(str(each["RuleName"]) for page in pages for each in page.get("AutomationRulesMetadata") or ())))
    except CallFailed as error:
        return Known(()) if error.code == "InvalidAccessException" else unread(error)


def told_of_automation(found: Mapping[str, Observation[tuple[str, ...]]], ground: Ground[State]) -> Iterator[str]:
    """Rules that apply to nobody any more once members are dissociated; only an administrator has any."""
    for region, seen in sorted(found.items()):
        if isinstance(seen, Unknown) and ground.administers(region):
            yield f"{AUTOMATION} in {region} could not be read: {seen.reason}"
        elif isinstance(seen, Known) and seen.value:
            yield f"automation rules in {region} apply to members alone: {sentence(seen.value)}"


class BothFamilies(Delegation[State]):
    """The newer V2 family has the same delegation: it would end with this one."""

    def lost_in(self, ground: Ground[State]) -> Bar | None:
        found = ground.further.get(V2, NotYet(""))
        if isinstance(found, Unknown):
            return Bar(found.reason, found.next_step or "Make the read possible, then look again.")
        if isinstance(found, Known) and found.value:
            return Bar(
                f"Security Hub V2 has an administrator by the same delegation ({sentence(tuple(sorted(found.value)))})",
                "Leave Security Hub V2 first.",
            )
        return super().lost_in(ground)


Hubs = Mapping[tuple[str, str], Observation[Standards | None]]
"""(Region, account) → its standards; None where its hub is off. Accounts that nobody here reaches are missing."""


class SwitchOff(Regional[State]):
    """From inside each account, through the member role: nobody else can."""

    name = "switch-off"
    stage = "members"
    as_administrator = False
    already = ("is not subscribed",)
    operations = frozenset({f"{NAME}:BatchDisableStandards", f"{NAME}:DisableSecurityHub"})
    inside = frozenset({f"{NAME}:DescribeHub", f"{NAME}:GetEnabledStandards"})
    losing = (
        Losing(f"{TITLE} checks", unwatched=True, note="Findings of other services are taken up no longer either."),
        Losing(f"{TITLE} findings, insights and settings", for_good=True, note="AWS deletes them after 90 days."),
    )
    back = f"{AGAIN} Standards start without history."

    def cells(self, ground: Ground[State]) -> Cells:
        """What the reading of hubs brought is looked at Region by Region."""
        read = ground.further.get(HUBS, NotYet(""))
        if isinstance(read, Unknown):
            return tuple(
                cell for region in ground.regions
                for cell in ground.column(region, self.name).unknown({ground.delegated}, read.code, read.reason, read.next_step)
            )  # fmt: skip
        hubs: Hubs = read.value if isinstance(read, Known) else {}
        return tuple(cell for region in ground.regions for cell in self._region(ground, region, hubs))

    def _region(self, ground: Ground[State], region: str, hubs: Hubs) -> Cells:
        place, column = ground.place(region), ground.column(region, self.name)
        made: Cells = ()
        listed = place.seen.members.get(region, NOT_OBSERVED)
        statuses = listed.value if isinstance(listed, Known) else {}
        members = {account for account, status in statuses.items() if spelled(status) in ASSOCIATED}
        bound = members | ({ground.delegated} if ground.administers(region) else set())
        on, off, beyond = set[str](), set[str](), set[str]()
        for account in sorted(place.members | {ground.delegated}):
            found = hubs.get((region, account))
            if found is None:
                beyond.add(account)
            elif isinstance(found, Unknown):
                made += column.unknown({account}, found.code, found.reason, "Make the read possible, then look again.")
            else:
                (on if isinstance(found, Known) and found.value is not None else off).add(account)
        role = "Name a member role under access.members, or have the accounts' owners switch it off."
        return (
            *made,
            *column.covered(off, "the hub is off", "off"),
            *column.to_do(on - bound, "the hub is on", "on"),
            *column.blocked(on & members, "AWS switches no member's hub off", "Do level dissociate first.", "on"),
            *column.blocked(on & bound - members, "AWS switches no administrator's hub off", "Do level administrator first.", "on"),
            *column.blocked(beyond, "can be switched off from inside the account alone, and settings name no role in it", role, ""),
        )

    def calls(self, ground: Ground[State], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        read = ground.further[HUBS]
        assert isinstance(read, Known)
        made: list[Step] = []
        for account in sorted(account for cell in doing for account in cell.accounts):
            standing = read.value[place.region, account].value
            made += self._of_account(ground, place, account, sorted(standing), before)
        return made

    def _of_account(
        self, ground: Ground[State], place: Here, account: str, standing: Sequence[str], before: tuple[str, ...]
    ) -> list[Step]:
        partition = ground.view.organization.partition
        arns = [subscription_arn(partition, place.region, account, item) for item in standing]
        shared: dict[str, Any] = {
            "account": account, "stage": self.stage, "affects": frozenset({account}), "direction": Direction.LOWERS,
            "reason": f"{TITLE} is left in {place.region}",
        }  # fmt: skip
        made: list[Step] = []
        if arns:
            call = place.action(
                "BatchDisableStandards", {"StandardsSubscriptionArns": arns}, after=before, before=", ".join(standing),
                becomes="none",
                back_out=BackOut("The roll-out enables them again; their history is gone."), **shared,
            )  # fmt: skip
            rest = {"account": account, "stage": self.stage, "deadline": 900}
            made += [
                call,
                waiting(self, place, "GetEnabledStandards", f"no standard is on in {account}", (*before, call.id), **rest),
            ]
        after = (*before, *(step.id for step in made))
        back = BackOut("Switches the hub on again; findings older than 90 days are gone.", "EnableSecurityHub", BARE)
        return [*made, place.action("DisableSecurityHub", {}, after=after, before="on", becomes="off", back_out=back, **shared)]

    def says_already(self, error: CallFailed) -> bool:
        """A standard that is gone, or on its way, is refused as invalid input too [seen]."""
        gone = error.code == "InvalidInputException" and error.operation == "BatchDisableStandards"
        return gone or super().says_already(error)

    def reached(self, step: Step, reader: Reader) -> Progress:
        if step.operation == "DisableSecurityHub":
            there = observe.hub(reader, step.account, step.region)
            return Progress(NONE if there else WHOLE, {}, "on" if there else "off")
        left = observe.standards(reader, step.account, step.region)
        return Progress(NONE if left else WHOLE, {}, ", ".join(sorted(left)) or "none")


BARE = {"EnableDefaultStandards": False, "ControlFindingGenerator": "SECURITY_CONTROL"}


def read_hubs(view: View, reader: Reader) -> Hubs:
    """The hub and its standards in every account that can be entered, in the Regions that are asked for."""
    places = [
        (region, account)
        for region in view.population.regions
        for account in sorted(view.population.members[region] | {view.delegated})
        if account == view.delegated or reader.reaches(account)
    ]
    found = reader.parallel([partial(_hub, reader, account, region) for region, account in places])
    return dict(zip(places, found, strict=True))


def _hub(reader: Reader, account: str, region: str) -> Observation[Standards | None]:
    try:
        return Known(observe.standards(reader, account, region)) if observe.hub(reader, account, region) else Known(None)
    except CallFailed as error:
        return unread(error)


def read_v2(view: View, reader: Reader) -> frozenset[str]:
    """The Regions in which the V2 family has an administrator; none where AWS does not know of the family."""
    opted = view.organization.regions.get(view.management)
    regions = [region for region, status in sorted(opted.value.items()) if status in ENABLED] if isinstance(opted, Known) else []
    asked = [region for region in regions if SPEC.exists_in(region)]
    found = reader.parallel([partial(_v2, view.management, region, reader) for region in asked])
    return frozenset(region for region, there in zip(asked, found, strict=True) if there)


def _v2(management: str, region: str, reader: Reader) -> bool:
    pages = reader.pages(NAME, "ListOrganizationAdminAccounts", management, region, Feature="SecurityHubV2")
    try:
        return any(page.get("AdminAccounts") for page in pages)
    except CallFailed as error:
        if error.code == "ResourceNotFoundException" or has(error, "not subscribed"):
            return False
        raise


MEMBERS = Members()
DEPARTURE = Departure(
    SPEC,
    (
        StopAutoEnable(),
        MEMBERS,
        HomeLast(
            SPEC, MEMBERS, (Losing(f"the {TITLE} administrator", note="Its own hub stays on.", of_accounts=False),), back=AGAIN
        ),
        SwitchOff(),
        BothFamilies(SPEC, back=AGAIN),
        TrustedAccess(),
    ),
    {HUBS: read_hubs, V2: read_v2, AUTOMATION: read_automation},
    frozenset({f"{NAME}:ListAutomationRules"}),
    {AUTOMATION: told_of_automation},
    undoing={
        f"{NAME}:DeleteFindingAggregator": Losing(f"{TITLE} findings of all Regions in one", of_accounts=False),
    },
)
