"""A part of the organization, chosen at the gate: what may be chosen, and which scope a choice is. Pure; it decides nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.organization import Organization
from runbook_lib.plan import Scope
from runbook_lib.services.waves import Wave, wave_named
from runbook_lib.settings import Settings


@dataclass(frozen=True)
class Turn:
    """A wave as the gate offers it: only one whose turn it is can be chosen."""

    wave: Wave
    stands: str
    open: bool

    @property
    def words(self) -> str:
        return f"{self.wave.title} ({self.stands})"


@dataclass(frozen=True)
class Offer:
    """What may be chosen: Regions, organizational units with how many accounts are below them, waves."""

    regions: tuple[str, ...]
    units: tuple[tuple[str, int], ...]
    turns: tuple[Turn, ...] = ()

    @property
    def next(self) -> Turn | None:
        """The wave whose turn it is."""
        return next((turn for turn in self.turns if turn.open), None)


@dataclass(frozen=True)
class Choice:
    """What a person chose: Regions and organizational units, or a wave by name, or (with nothing) the whole."""

    regions: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    wave: str = ""

    def scope(self, settings: Settings) -> Scope:
        """The part that was chosen."""
        if self.wave:
            return wave_named(self.wave, settings).scope
        return Scope(tuple(sorted(self.regions)), (), tuple(sorted(self.units)))


def offer(organization: Organization, regions: Sequence[str], turns: Sequence[Turn]) -> Offer:
    """What one organization has to choose from; a root is the whole and no part."""
    below = Counter(unit for account in organization.accounts.values() if account.active for unit in account.organizational_units)
    units = tuple((unit, number) for unit, number in sorted(below.items()) if unit.startswith("ou-"))
    return Offer(tuple(regions), units, tuple(turns))
