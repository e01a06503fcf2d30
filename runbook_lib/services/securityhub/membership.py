"""Hubs and member accounts of one Region: who is on, who is on the way, who has to be added, and who cannot be.

Accounts are added by CreateMembers, which also switches on Security Hub with AWS's default standards in an account that does not
have it; settings must have accepted these by name. The management account must have its own hub before it can be added.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.base.privacy import masked
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Condition, ForEach, Step, Wait, batches
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_unprocessed
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import SETTINGS_OWNER, accounts_of
from runbook_lib.services.designation import STEP
from runbook_lib.services.population import Population, aside_cells
from runbook_lib.services.securityhub import observe
from runbook_lib.services.securityhub.findings import (
    Finding,
    blocked,
    cells,
    covered,
    in_progress,
    not_asked,
    to_do,
    unknown,
    waiting,
)
from runbook_lib.services.securityhub.spec import NAME, SPEC
from runbook_lib.services.securityhub.state import HUB_STEP, NOT_OBSERVED, State, items_of
from runbook_lib.settings.sections.securityhub import SecurityHubSection

Here = Place[SecurityHubSection, State]
HUB = "hub"
MEMBERSHIP = "membership"
RETURNING = ("Removed", "Resigned", "Deleted", "Invited")
"""Statuses from which an organization account comes (back) only by CreateMembers."""
ENABLED = Condition("members enabled", MEMBERSHIP)
EXPLICIT = {"EnableDefaultStandards": False, "ControlFindingGenerator": "SECURITY_CONTROL"}
"""Always sent: AWS's default would switch on standards that nobody chose."""
ALREADY_MEMBER = "already a member or associated member of the current account."
"""The full words of ProcessingResult; the first half alone also fits an account that another administrator has [seen]."""
NOT_NAMED = "settings do not name this Region"


def set_aside(population: Population, account: str, region: str) -> bool:
    """Whether an account is not asked about in a Region."""
    return any(account in aside.accounts for aside in population.aside.get(region, ()))


class Hub(Aspect[SecurityHubSection, State]):
    """The own hubs of the delegated and, where it is to be a member, the management account."""

    name = HUB
    calls = frozenset({"EnableSecurityHub"})

    def cells(self, place: Here) -> Cells:
        made: Cells = ()
        if not set_aside(place.view.population, place.delegated, place.region):
            made += cells(place.region, HUB, {place.delegated: hub_finding(place.seen.delegated_hubs.get(place.region))})
        if place.management in place.members:
            made += cells(place.region, HUB, {place.management: hub_finding(place.seen.management_hubs.get(place.region))})
        return made

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> list[Action]:
        whose = {"prepare": place.delegated, "management": place.management}
        asked = stage in whose and whose[stage] in accounts_of(self.raising(place, cells))
        return [_switch_on(place, whose[stage], stage)] if asked else []

    def effect(self, action: Action, reader: Reader) -> Progress:
        on = observe.hub(reader, action.account, action.region)
        return Progress(WHOLE if on else NONE, {}, "on" if on else "off")


def begins_after(planned: Planned) -> tuple[str, ...]:
    """What calls of the administrator come after: its wait, or its own hub where it is the administrator already."""
    return planned.usable or planned.ids(HUB, "prepare")


class Members(Aspect[SecurityHubSection, State]):
    name = MEMBERSHIP
    calls = frozenset({"CreateMembers"})

    def of_members(self, section: SecurityHubSection) -> bool:
        return True

    def cells(self, place: Here) -> Cells:
        return cells(place.region, MEMBERSHIP, findings(place))

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Step]:
        """CreateMembers in batches, then the wait until they are enabled; the management account apart while its hub is planned."""
        if stage != "delegated":
            return []
        joining = accounts_of(self.raising(place, cells)) - {place.delegated}
        awaited = joining | accounts_of(self.under_way(place, cells))
        after, hub = begins_after(planned), planned.ids(HUB, "management")
        apart = joining & {place.management} if hub else frozenset[str]()
        made = [_create(place, batch, after) for batch in batches(joining - apart, SPEC.batches["CreateMembers"])]
        made += [_create(place, (account,), after + hub) for account in sorted(apart)]
        if not awaited:
            return made
        sentence = f"AWS lists the accounts as enabled members in {place.region}"
        before = tuple(step.id for step in made) or after
        return [*made, place.wait("GetMembers", ENABLED, sentence, before, targets=tuple(awaited))]

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        return _members(wait, reader, ("Enabled",))

    def effect(self, action: Action, reader: Reader) -> Progress:
        return _members(action, reader, ("Enabled", "Created"))

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        return judge_unprocessed(action, _handed_back(answer))


def _switch_on(place: Here, account: str, stage: str) -> Action:
    """EnableSecurityHub in one account and Region, where its hub is to be switched on."""
    why = "designation would switch on default standards" if stage == "prepare" else "AWS never does it for the management account"
    region = place.region
    return Action(
        NAME,
        "EnableSecurityHub",
        account,
        region,
        EXPLICIT,
        f"Security Hub is off in {account} in {region}, and {why}",
        frozenset({account}),
        "off",
        "on, with no standard by default",
        BackOut(
            "Possible only after the administrator's designation, or the membership, has been taken back; findings are lost.",
            "DisableSecurityHub",
        ),
        stage,
        inside_accounts="A service-linked role for Security Hub.",
    )


def _create(place: Here, batch: tuple[str, ...], after: tuple[str, ...]) -> Action:
    return Action(
        NAME, "CreateMembers", place.delegated, place.region, {"AccountDetails": ForEach({"AccountId": ACCOUNT_ID})},
        f"{count_of(batch)} to be added as members in {place.region}", frozenset(batch),
        "no members", "members, Security Hub on",
        BackOut(
            "The accounts become standalone; Security Hub and its standards stay on in them.",
            "DisassociateMembers", {"AccountIds": ForEach(ACCOUNT_ID)},
        ),
        "delegated", targets=batch, after=after, lane=f"{NAME} organization {place.region}",
        inside_accounts="Where Security Hub was off it comes on with AWS's default standards, a service-linked role and "
        "service-linked AWS Config rules; where it was on its settings stay.",
    )  # fmt: skip


def _members(step: Step, reader: Reader, good: tuple[str, ...]) -> Progress:
    """Who is waited for is asked about alone. Whether a call is to be sent again is told by the list, which answers for all."""
    if isinstance(step, Wait):
        listed = observe.named_members(reader, step.account, step.region, step.targets)
    else:
        listed = observe.members(reader, step.account, step.region)
    mine = {account: listed.get(account, "not listed") for account in step.targets}
    reached = frozenset(account for account, status in mine.items() if status in good)
    refused = {account: status for account, status in mine.items() if status == "AccountSuspended"}
    return Progress(reached, refused, f"{len(reached)} of {len(mine)} accounts: {', '.join(sorted(set(mine.values())))}")


def _handed_back(answer: Mapping[str, Any]) -> dict[str, Outcome]:
    found = {}
    for each in answer.get("UnprocessedAccounts") or ():
        account, words = each.get("AccountId", ""), each.get("ProcessingResult", "")
        verdict = Verdict.CONFIRM if ALREADY_MEMBER in words else Verdict.FAILED
        found[account] = Outcome(account, verdict, "UnprocessedAccount", masked(words))
    return found


def hub_finding(observation: Observation[bool] | None) -> Finding:
    """The verdict of one account's own hub; a hub that cannot exist yet is off."""
    if isinstance(observation, Unknown):
        return unknown(observation)
    if isinstance(observation, Known) and observation.value:
        return covered("Security Hub is on", "on")
    return to_do("Security Hub is off", "off", "on, with no standard by default")


def findings(place: Here) -> dict[str, Finding]:
    """The verdict of every account that is to be a member; for the delegated account, that of its own hub."""
    found = {account: member_finding(place, account) for account in place.members}
    if not set_aside(place.view.population, place.delegated, place.region):
        found[place.delegated] = hub_finding(place.seen.delegated_hubs.get(place.region))
    return found


def member_finding(place: Here, account: str) -> Finding:
    """The verdict of one account that is to be a member."""
    listed = place.seen.members.get(place.region, NOT_OBSERVED)
    if isinstance(listed, Unknown):
        return unknown(listed)
    status = listed.value.get(account, "") if isinstance(listed, Known) else ""
    if status == "Enabled":
        return covered("member account", status)
    if status == "Created":
        return in_progress("AWS is adding the account", status, "Enabled")
    if status == "AccountSuspended":
        return blocked(
            "AWS suspended the account while the administrator tried to add it",
            "Have the account reinstated, or exclude it in the settings.",
            "the account's owner",
            status,
            "Enabled",
        )
    if status and status not in RETURNING:
        return unknown(Unknown(status, f"member status {status} is not known to this runbook", "Look the status up, then decide."))
    return _joining(place, account, status)


def _joining(place: Here, account: str, status: str) -> Finding:
    """The verdict of an account that CreateMembers would add."""
    seen, state, region = status or "no member", place.seen, place.region
    configuration = state.configurations.get(region, NOT_OBSERVED)
    if isinstance(configuration, Known) and configuration.value.limit_reached:
        return blocked(
            f"the number of member accounts that {region} allows is reached",
            "Ask AWS Support for a higher limit.",
            "the person who runs this",
            seen,
            "Enabled",
        )
    if account == place.management:
        own = state.management_hubs.get(region)
        return unknown(own) if isinstance(own, Unknown) else to_do(_why(state, region, status), seen, "Enabled")
    offered = state.offered.get(region, NOT_OBSERVED)
    if isinstance(offered, Unknown):
        return unknown(offered)
    refused = unaccepted(offered, place.section)
    if refused:
        return blocked(
            f"AWS switches on default standards in accounts it adds, and settings do not accept: {', '.join(refused)}",
            "Name them under security_hub.accept_default_standards (they check resources, and AWS Config charges for it), or leave "
            "the accounts out.",
            SETTINGS_OWNER,
            seen,
            "Enabled",
        )
    return to_do(_why(state, region, status), seen, "Enabled")


def unaccepted(offered: Observation[Mapping[str, bool]], part: SecurityHubSection) -> tuple[str, ...]:
    """Standards that AWS switches on by default and that settings do not accept; none while AWS's list cannot exist yet."""
    accepted = items_of(part.accept_default_standards)
    listed = offered.value if isinstance(offered, Known) else {}
    return tuple(sorted(item for item, default in listed.items() if default and item not in accepted))


def _why(state: State, region: str, status: str) -> str:
    listed = state.members.get(region, NOT_OBSERVED)
    if isinstance(listed, NotYet):
        return f"no member account: {waiting(NotYet(HUB_STEP if listed.step == HUB_STEP else STEP))}"
    return f"no member account: {status}" if status else "no member account"


def assess_other(state: State, population: Population, region: str) -> Cells:
    """A Region that settings do not name: what is visible is shown, the rest is not asked for."""
    listed = state.members.get(region)
    found: dict[str, Finding] = {}
    for account in population.members.get(region, ()):
        status = listed.value.get(account, "") if isinstance(listed, Known) else ""
        verdict = covered("member account", status) if status == "Enabled" else to_do("no member account", status or "no member")
        found[account] = unknown(listed) if isinstance(listed, Unknown) else verdict
    if not set_aside(population, population.delegated, region):
        found[population.delegated] = hub_finding(state.delegated_hubs.get(region))
    shown = {account: not_asked(finding, NOT_NAMED) for account, finding in found.items()}
    return aside_cells(NAME, MEMBERSHIP, population, region) + cells(region, MEMBERSHIP, shown)
