"""Looks at an organization through the doors that were named, and settles settings that ask for what is there. Reads only."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.aws.access import Access
from runbook_lib.aws.callers import Card
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.observation import Known
from runbook_lib.inventory.initial.candidates import candidates
from runbook_lib.inventory.initial.draft import Draft
from runbook_lib.inventory.initial.settling import Seen, settle
from runbook_lib.inventory.survey.standing import Place, Standing, stand
from runbook_lib.inventory.survey.without_settings import settings_of_nobody
from runbook_lib.organization.reads import READS, Asking
from runbook_lib.plan import Blocker, Scope
from runbook_lib.runbook.observer import Observer
from runbook_lib.runbook.phases import PREREQUISITES
from runbook_lib.services.implementations import SERVICES, service_named
from runbook_lib.services.inventory import Writer
from runbook_lib.services.registry import by_name, specs
from runbook_lib.settings import Door, Settings
from runbook_lib.settings.sections.service import section_types

Doors = Mapping[str, tuple[Card, Door]]
"""Account → who acts there, and the door that leads there."""
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

    @property
    def chosen(self) -> bool:
        """Whether somebody administers the services."""
        return bool(_delegated(self.standing))


def find(access: Access, doors: Sequence[Door], mode: str, today: dt.date, clock: Clock) -> Found:
    """Open the doors, see where they lead, look at everything, and settle what a plan would not change.

    Raises NothingToWrite, DoorMissing, and what `Access` raises.
    """
    cards = {card.account: (card, door) for door in doors for card in [access.whoever(door)]}
    standing = _standing(access, {account: card for account, (card, _) in cards.items()}, mode)
    management, delegated = standing.organization.management_account, _delegated(standing)
    if not delegated:
        return _of_nobody(access, standing, cards, mode, today)
    for account, why in ((management, "who administers each service"), (delegated, "what its members have on")):
        if account not in cards:
            raise _missing(standing, account, why)
    draft = Draft(_base(standing, mode, cards, delegated), today, _everywhere(standing))
    seen = _look(draft.settings(), access, clock)
    writer = Writer(management, delegated)
    for service, state in seen.states.items():
        if service != PREREQUISITES.service:
            service_named(service).inventory(state, writer)
    blockers = settle(draft, seen)
    return Found(draft, standing, _opened(cards), blockers, tuple(sorted(set(writer.unread))))


def _opened(cards: Doors) -> tuple[Card, ...]:
    return tuple(card for card, _ in cards.values())


def _of_nobody(access: Access, standing: Standing, cards: Doors, mode: str, today: dt.date) -> Found:
    """Where nobody administers any service nothing is managed, and somebody is proposed."""
    management = standing.organization.management_account
    if management not in cards:
        raise _missing(standing, management, "who could administer the services")
    asking = Asking(settings_of_nobody(mode, standing.organization.partition, management), access)
    proposed = candidates(standing, asking, access)
    others = [each.id for each in standing.organization.accounts.values() if each.active and each.id != management]
    if not others:
        raise NothingToWrite("the management account is alone in its organization: no account can administer the services")
    draft = Draft(_base(standing, mode, cards, next(iter(proposed), others[0])), today)
    for spec in specs():
        draft.note(spec.name, "nobody administers it for the organization")
    return Found(draft, standing, _opened(cards), (), (), proposed)


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


def _delegated(standing: Standing) -> str:
    """The account that administers most of the services, by what Organizations lists; "" where nobody administers any."""
    listed = [found.value for found in standing.administrators.values() if isinstance(found, Known)]
    counted = Counter(account for accounts in listed for account in sorted(accounts))
    return counted.most_common(1)[0][0] if counted else ""


def _base(standing: Standing, mode: str, cards: Doors, delegated: str) -> dict[str, Any]:
    """Who the organization is and how it is entered, and limits of today's size."""
    organization = standing.organization
    both = {"management": organization.management_account, "delegated": delegated}
    doors = {name: cards[account][1] for name, account in both.items() if account in cards}
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


def _look(settings: Settings, access: Access, clock: Clock) -> Seen:
    names = [PREREQUISITES.service, *(name for name in by_name() if name in settings.sections())]
    organization, looks = Observer(settings, access, clock, Scope()).look([service_named(name) for name in names])
    return Seen(organization, {name: each.state for name, each in zip(names, looks, strict=True)})
