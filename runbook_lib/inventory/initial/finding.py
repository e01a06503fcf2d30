"""Looks at an organization through the doors that were named, and settles settings that ask for what is there. Reads only."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_lib.aws.access import Access
from runbook_lib.aws.callers import Card
from runbook_lib.aws.errors import CallFailed, DoorFailed
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.observation import Known
from runbook_lib.inventory.initial.candidates import candidates
from runbook_lib.inventory.initial.draft import Draft
from runbook_lib.inventory.initial.settling import Seen, settle
from runbook_lib.inventory.initial.through import NOT_SHOWN, ThroughAdministrator
from runbook_lib.inventory.survey.standing import Place, Standing, stand
from runbook_lib.inventory.survey.without_settings import settings_of_nobody
from runbook_lib.organization.reads import READS, Asking
from runbook_lib.plan import Blocker, Scope
from runbook_lib.runbook.observer import Eyes, Observer
from runbook_lib.runbook.phases import PREREQUISITES
from runbook_lib.services.implementations import SERVICES, service_named
from runbook_lib.services.inventory import Writer
from runbook_lib.services.registry import by_name, specs
from runbook_lib.settings import Door, Settings
from runbook_lib.settings.sections.service import section_types

Doors = Mapping[str, Card]
"""Account → who acts there."""
Ways = Mapping[str, Door]
"""Account → the door that leads there, or would if it opened."""
ALL_READS = READS.union(*(service.reads for service in SERVICES))
"""Whatever any service reads; no operation that writes is loaded beside it."""


class NothingToWrite(RunbookError):
    """From where one stands nothing can be said of an organization."""

    advice = "Look at what this account alone has with: runbook coverage --profile PROFILE"


class DoorMissing(RunbookError):
    """Half of an organization is seen from the management account, the other half from the administrator."""


@dataclass(frozen=True)
class Found:
    """Settled settings, and what has to be said about them."""

    draft: Draft
    standing: Standing
    cards: tuple[Card, ...]
    blockers: tuple[Blocker, ...]
    unread: tuple[str, ...]
    """A sentence for everything that could not be read."""
    candidates: Mapping[str, str] = field(default_factory=dict)
    """Where nobody administers any service: accounts that could → what speaks for each."""
    whole: bool = True
    """False where what members have on is shown to an account that was not entered."""


def find(access: Access, doors: Sequence[Door], mode: str, today: dt.date, clock: Clock) -> Found:
    """Open the doors, see where they lead, look at everything, and settle what a plan would not change.

    Raises NothingToWrite, DoorMissing, and what `Access` raises.
    """
    cards, shut, ways = _enter(access, doors)
    standing = _standing(access, cards, mode)
    management, delegated = standing.organization.management_account, _delegated(standing, cards)
    alone = management not in cards and bool(administrators(standing)[delegated])
    if management not in cards and not alone:
        raise _missing(standing, management, "who administers each service")
    if not administrators(standing):
        return replace(_of_nobody(access, standing, cards, ways, mode, today), unread=shut)
    if delegated not in cards:
        return replace(_of_half(standing, cards, ways, mode, today, delegated), unread=shut)
    draft = Draft(_base(standing, mode, ways, delegated), today, _everywhere(standing))
    seen = _look(draft.settings(), ThroughAdministrator(access, standing) if alone else access, clock)
    writer = Writer(management, delegated)
    for service, state in seen.states.items():
        if service != PREREQUISITES.service:
            service_named(service).inventory(state, writer)
    # What nobody was asked as the management account stands in no plan's way once there is a door into it.
    blockers = tuple(each for each in settle(draft, seen) if NOT_SHOWN not in each.reason)
    return Found(draft, standing, _opened(cards), blockers, (*shut, *sorted(set(writer.unread))))


def _enter(access: Access, doors: Sequence[Door]) -> tuple[Doors, tuple[str, ...], Ways]:
    """Who acts behind the doors that open, why the others do not, and all of them by account.

    Raises what is said by the first where none opens, or where one stays shut on this side of AWS.
    """
    cards: dict[str, Card] = {}
    ways: dict[str, Door] = {}
    shut: list[CallFailed] = []
    for door in doors:
        try:
            card = access.whoever(door)
        except DoorFailed:
            raise
        except CallFailed as failure:
            shut.append(failure)
            if door.role_arn:
                ways.setdefault(door.role_arn.split(":")[4], door)
        else:
            cards[card.account], ways[card.account] = card, door
    if not cards:
        raise shut[0]
    return cards, tuple(str(each) for each in shut), ways


def _opened(cards: Doors) -> tuple[Card, ...]:
    return tuple(cards.values())


def _of_nobody(access: Access, standing: Standing, cards: Doors, ways: Ways, mode: str, today: dt.date) -> Found:
    """Where nobody administers any service nothing is managed, and somebody is proposed."""
    management = standing.organization.management_account
    if management not in cards:
        raise _missing(standing, management, "who could administer the services")
    asking = Asking(settings_of_nobody(mode, standing.organization.partition, management), access)
    proposed = candidates(standing, asking, access)
    others = [each.id for each in standing.organization.accounts.values() if each.active and each.id != management]
    if not others:
        raise NothingToWrite("the management account is alone in its organization: no account can administer the services")
    draft = Draft(_base(standing, mode, ways, next(iter(proposed), others[0])), today)
    for spec in specs():
        draft.note(spec.name, "nobody administers it for the organization")
    return Found(draft, standing, _opened(cards), (), (), proposed)


def _of_half(standing: Standing, cards: Doors, ways: Ways, mode: str, today: dt.date, delegated: str) -> Found:
    """Where only the management account is entered: who administers what is known, and nothing of what they have on."""
    draft = Draft(_base(standing, mode, ways, delegated), today)
    for spec in specs():
        above = standing.administrator_of(spec.name)
        role = f"--role arn:{standing.organization.partition}:iam::{above}:role/NAME"
        why = (
            f"account {above} administers it, and is alone shown what members have on: give the same command with {role} besides"
            if above
            else "nobody administers it for the organization"
        )
        draft.note(spec.name, why)
    return Found(draft, standing, _opened(cards), (), (), whole=False)


def _missing(standing: Standing, account: str, why: str) -> DoorMissing:
    missing = DoorMissing(f"{why} is shown to account {account} alone, and nothing that was given leads there")
    role = f"arn:{standing.organization.partition}:iam::{account}:role/NAME"
    missing.advice = f"Give the same command with a role of that account too: --role {role}"
    return missing


def _standing(access: Access, cards: Mapping[str, Card], mode: str) -> Standing:
    """Where the first account that sees the organization stands."""
    found = []
    for card in cards.values():
        settings = settings_of_nobody(mode, card.arn.split(":")[1], card.account)
        found.append(stand(access, card, Asking(settings, access), ()))
        if found[-1].place is Place.MANAGEMENT:
            break
    best = min(found, key=lambda each: list(Place).index(each.place))
    if best.place in (Place.MEMBER, Place.ALONE):
        raise NothingToWrite(f"account {best.account} is {best.place.value}: AWS shows it nothing of an organization's services")
    return best


def administrators(standing: Standing) -> Counter[str]:
    """Account → how many of the services it administers, by what Organizations lists."""
    listed = [found.value for found in standing.administrators.values() if isinstance(found, Known)]
    return Counter(account for accounts in listed for account in sorted(accounts))


def _delegated(standing: Standing, cards: Doors) -> str:
    """The account that administers most of the services, of those that were entered first; else one that was entered."""
    counted, entered = administrators(standing), [each for each in cards if each != standing.organization.management_account]
    ours = Counter({account: number for account, number in counted.items() if account in entered})
    most = (ours or counted).most_common(1) if ours or not entered else []
    return most[0][0] if most else next(iter(entered), "")


def _base(standing: Standing, mode: str, ways: Ways, delegated: str) -> dict[str, Any]:
    """Who the organization is and how it is entered, and limits of today's size."""
    organization = standing.organization
    both = {"management": organization.management_account, "delegated": delegated}
    doors = {name: ways[account] for name, account in both.items() if account in ways}
    active = sum(account.active for account in organization.accounts.values())
    return {
        "mode": mode,
        "organization": {
            "id": organization.id,
            "management_account": organization.management_account,
            "delegated_account": delegated,
        },
        "access": {name: door.model_dump(mode="json", exclude_defaults=True) for name, door in doors.items()},
        "limits": {"accounts": max(active, 1), "regions": max(len(standing.regions), 1)},
    }


def _everywhere(standing: Standing) -> dict[str, dict[str, Any]]:
    """Every service in every Region in which there is one, and nothing said of it but that."""
    sections: dict[str, dict[str, Any]] = {}
    for spec in specs():
        regions = [region for region in standing.regions if spec.exists_in(region)]
        if regions:
            asks = {"management_account": True} if "management_account" in section_types()[spec.section].model_fields else {}
            sections[spec.name] = {"regions": regions, **asks}
    return sections


def _look(settings: Settings, access: Eyes, clock: Clock) -> Seen:
    names = [PREREQUISITES.service, *(name for name in by_name() if name in settings.sections())]
    organization, looks = Observer(settings, access, clock, Scope()).look([service_named(name) for name in names])
    return Seen(organization, {name: each.state for name, each in zip(names, looks, strict=True)})
