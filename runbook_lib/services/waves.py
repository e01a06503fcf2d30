"""The waves in which settings have a change rolled out: which part each is, what waits for later ones, what is wrong. Pure.

A wave is a scope with a name and a place in an order. The last is never named in settings: it is the whole organization, so that
it takes what is left and what reaches beyond every part. How far a wave has come is read from AWS; nothing keeps book of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from runbook_lib.base.account_sets import count_of
from runbook_lib.base.documents import Path, Problem
from runbook_lib.base.errors import RunbookError
from runbook_lib.organization import Account, Organization
from runbook_lib.plan import Scope
from runbook_lib.settings import Settings
from runbook_lib.settings.wave import REST, WaveSection

SHOWN = 5
"""Accounts named in a sentence."""


class UnknownWave(RunbookError, ValueError):
    """Settings have no wave of that name."""


@dataclass(frozen=True)
class Wave:
    """One step of a roll-out: its name, its place among how many, and the part of the organization that it is."""

    name: str
    number: int
    of: int
    scope: Scope

    @property
    def title(self) -> str:
        return f"Wave {self.number} of {self.of}: {self.name}"

    @property
    def last(self) -> bool:
        return self.number == self.of


def waves(settings: Settings) -> tuple[Wave, ...]:
    """Every wave in its order, the implicit last one included; none where settings name none."""
    named = settings.waves or ()
    scopes = [(part.name, _scope(part)) for part in named] + [(REST, Scope())] * bool(named)
    return tuple(Wave(name, number, len(scopes), scope) for number, (name, scope) in enumerate(scopes, 1))


def _scope(part: WaveSection) -> Scope:
    return Scope(tuple(sorted(part.regions)), tuple(sorted(part.accounts)), tuple(sorted(part.organizational_units)))


def wave_named(name: str, settings: Settings) -> Wave:
    """The wave of that name. Raises UnknownWave naming all there are."""
    for wave in (known := waves(settings)):
        if wave.name == name:
            return wave
    there = f"there are {', '.join(wave.name for wave in known)}" if known else "settings have no waves"
    raise UnknownWave(f"no wave is called {name!r}; {there}")


def wave_of(scope: Scope, settings: Settings) -> Wave | None:
    """The wave that a scope is, if it is one: the whole organization is the last."""
    return next((wave for wave in waves(settings) if wave.scope == scope), None)


def earlier(wave: Wave, settings: Settings) -> tuple[Wave, ...]:
    """The waves that have to be done before."""
    return waves(settings)[: wave.number - 1]


def waiting_waves(scope: Scope, settings: Settings) -> str:
    """What waits for later waves; "" where the scope is no wave, or the last."""
    wave = wave_of(scope, settings)
    if wave is None or wave.last:
        return ""
    between = [f"{later.name} ({later.scope.words})" for later in waves(settings)[wave.number : -1]]
    rest = f"{REST} (all other accounts and Regions, and what reaches beyond a part, such as automatic enabling of new accounts)"
    return ", then ".join([*between, rest])


def wave_words(scope: Scope, settings: Settings) -> str:
    """Which wave a scope is; "" where settings have no waves."""
    if not (known := waves(settings)):
        return ""
    if (wave := wave_of(scope, settings)) is None:
        return f"none of the {len(known)} waves in settings, but a part of its own"
    return f"{wave.title} (all that is left, and what reaches beyond a part)" if wave.last else wave.title


def wave_objections(organization: Organization, settings: Settings) -> tuple[Problem, ...]:
    """What is wrong with the waves, now that the accounts are known: with any of these, no plan is made at all."""
    named = settings.waves or ()
    found = [each for number, part in enumerate(named) for each in _unknown(organization, part, ("waves", number))]
    if found:
        return tuple(found)
    asked = frozenset(region for section in settings.sections().values() for region in section.regions)
    places = [(part.name, _accounts(organization, settings, part), frozenset(part.regions) or asked) for part in named]
    for number, (_, accounts, _) in enumerate(places):
        if not accounts:
            message = "It covers no account: those it names are the delegated account, not active, or excluded. Name others."
            found.append(Problem(("waves", number), message, named[number].name))
    for (name, accounts, regions), (other, accounts_too, regions_too) in combinations(places, 2):
        if (both := accounts & accounts_too) and (where := regions & regions_too):
            shown = ", ".join(sorted(both)[:SHOWN]) + (", …" if len(both) > SHOWN else "")
            message = (
                f"It overlaps with {name} in {count_of(both)} ({shown}) in {', '.join(sorted(where))}. "
                "An account and Region belongs to one wave: name it once."
            )
            found.append(Problem(("waves", [part.name for part in named].index(other)), message, other))
    return tuple(found)


def _unknown(organization: Organization, part: WaveSection, path: Path) -> Iterator[Problem]:
    units = {unit for account in organization.accounts.values() for unit in account.organizational_units}
    for number, account in enumerate(part.accounts):
        if account not in organization.accounts:
            message = f"This is not an account of organization {organization.id}. Correct or remove it."
            yield Problem((*path, "accounts", number), message, account)
    for number, unit in enumerate(part.organizational_units):
        if unit not in units:
            message = f"No account of organization {organization.id} is below such a unit. Correct or remove it."
            yield Problem((*path, "organizational_units", number), message, unit)
    for number, region in enumerate(part.regions):
        if region not in organization.enabled_regions:
            message = "It is enabled neither in the management nor in the delegated account. Enable it there, or remove it."
            yield Problem((*path, "regions", number), message, region)


def _accounts(organization: Organization, settings: Settings, part: WaveSection) -> frozenset[str]:
    """The accounts that a wave reaches; the delegated account acts in every wave and counts in none."""

    def reached(account: Account) -> bool:
        named = account.id in part.accounts or not set(part.organizational_units).isdisjoint(account.organizational_units)
        return named or not (part.accounts or part.organizational_units)

    return frozenset(
        account.id
        for account in organization.accounts.values()
        if account.active and account.id != organization.delegated_account and reached(account) and not _excluded(account, settings)
    )


def _excluded(account: Account, settings: Settings) -> bool:
    """Whether an account is left out of every managed service."""
    named = [
        each
        for each in settings.exclusions
        if each.account == account.id or each.organizational_unit in account.organizational_units
    ]
    return all(any(each.leaves_out(service) for each in named) for service in settings.sections())
