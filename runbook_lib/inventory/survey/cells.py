"""What a survey saw, as coverage: every account × Region × service, on, not on, or unknown with who could say. Pure."""

from collections.abc import Iterator

from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.inventory.survey.look import Look
from runbook_lib.inventory.survey.standing import Place
from runbook_lib.services.glance import Glance, glances
from runbook_lib.settings.regions import is_opt_in

ON, ABOVE = "enabled", "administrator"
"""Aspects: the service is on in the account; somebody administers it for the organization."""


def cells(look: Look) -> Cells:
    """Every account of the population in every Region once for each service, and who administers it."""
    return tuple(cell for glance in glances() for region in look.regions(glance) for cell in _region(look, glance, region))


def _region(look: Look, glance: Glance, region: str) -> Iterator[Cell]:
    name, standing = glance.spec.name, look.standing
    yield _one(look.on(name, region), name, region, standing.account)
    rest = {each.id: each for each in standing.organization.accounts.values() if each.id != standing.account}
    apart = frozenset(account for account, listed in rest.items() if not listed.active)
    if apart:
        yield Cell(name, region, ON, apart, Status.NOT_APPLICABLE, "the account is not active")
    others = frozenset(look.others())
    if standing.administers(name):
        yield from _members(look, glance, region)
        return
    if others:
        yield Cell(
            name,
            region,
            ON,
            others,
            Status.UNKNOWN,
            _unseen(look, glance),
            observed="not shown to this account",
            code="NotShown",
            next_step=_who_sees(look, glance),
            who="whoever has a profile of that account",
        )
    yield from _above(look, glance, region)


def _one(found: Observation[str], service: str, region: str, account: str) -> Cell:
    if isinstance(found, Known):
        status, gap = (Status.COVERED, None) if found.value else (Status.GAP, Gap.TO_DO)
        reason = "it is on" if found.value else "it is not on in the account that asks"
        return Cell(service, region, ON, frozenset({account}), status, reason, gap=gap)
    return _unread(found, service, region, ON, frozenset({account}))


def _unread(found: Observation[object], service: str, region: str, aspect: str, accounts: frozenset[str]) -> Cell:
    code, reason, step = (found.code, found.reason, found.next_step) if isinstance(found, Unknown) else ("NotRead", "not read", "")
    return Cell(service, region, aspect, accounts, Status.UNKNOWN, reason, code=code, next_step=step, observed="not read")


def _members(look: Look, glance: Glance, region: str) -> Iterator[Cell]:
    """The members as their administrator is told of them, batch by batch."""
    name, title = glance.spec.name, glance.spec.title
    on, off = set[str](), set[str]()
    for number, batch in enumerate(look.cut(glance)):
        found = look.wider[name].found.get((name, region, number))
        if isinstance(found, Known):
            on |= set(found.value)
            off |= set(batch) - set(found.value)
        elif found is not None:
            yield _unread(found, name, region, ON, frozenset(batch))
        else:  # not asked, for it is not on in the administrator itself
            off |= set(batch)
    if on:
        yield Cell(name, region, ON, frozenset(on), Status.COVERED, "a member account, and on")
    if off and is_opt_in(region):
        yield Cell(
            name,
            region,
            ON,
            frozenset(off),
            Status.UNKNOWN,
            f"no member of {title}; whether it has the Region is not known",
            code="NotShown",
            next_step="Read account:ListRegions as the management account.",
            who="the management account",
        )
    elif off:
        yield Cell(name, region, ON, frozenset(off), Status.GAP, f"no member account of {title} here", gap=Gap.TO_DO)


def _above(look: Look, glance: Glance, region: str) -> Iterator[Cell]:
    """Who administers the service here, as the management account lists it, or as the account itself is told."""
    name, account = glance.spec.name, look.standing.account
    found = look.wider[name].found.get((name, region, 0))
    if isinstance(found, Known):
        named = ", ".join(sorted(found.value)) if look.standing.place is Place.MANAGEMENT else found.value
        status, gap = (Status.COVERED, None) if named else (Status.GAP, Gap.TO_DO)
        reason = f"administered by {named}" if named else f"nobody administers {glance.spec.title} here"
        yield Cell(name, region, ABOVE, frozenset({account}), status, reason, gap=gap, observed=named)
    elif found is not None:
        yield _unread(found, name, region, ABOVE, frozenset({account}))


def _unseen(look: Look, glance: Glance) -> str:
    title, above = glance.spec.title, look.standing.administrator_of(glance.spec.name)
    if above:
        return f"what {title} has on in members is shown to its administrator, account {above}, alone"
    return f"nobody administers {title} for the organization, so nobody is shown all accounts"


def _who_sees(look: Look, glance: Glance) -> str:
    above = look.standing.administrator_of(glance.spec.name)
    return f"Give the same command with a profile of account {above}." if above else "Choose a delegated administrator."
