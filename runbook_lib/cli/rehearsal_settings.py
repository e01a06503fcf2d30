"""Settings made to fit the organization that is simulated, by as few changes as it takes; each is said.

A Region that the organization has stays as the file says, a subset stays a subset, differences between services stay. A Region that
it lacks is replaced everywhere by one that it has and the file does not name, or left out where none is left. The product's own
settings (`everywhere`) are for any simulated organization: they get all of its Regions, its size and its name besides.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.base.account_sets import count_of
from runbook_lib.base.text import counted
from runbook_lib.services.registry import by_section
from runbook_lib.settings.checks import at
from runbook_lib.settings.editing import Draft
from runbook_lib.settings.regions import is_opt_in, partition_of
from runbook_lib.settings.sections.service import section_types

ARN = re.compile(r"arn:aws[a-z-]*:")
MOST_NAMED = 4
"""So many Regions are named in a line; more are counted."""


@dataclass(frozen=True)
class Simulation:
    """What a simulated organization has that settings name. `home` is the Region in which findings come together."""

    organization: str
    management: str
    partition: str
    home: str
    regions: tuple[str, ...]
    accounts: frozenset[str]
    units: frozenset[str]

    @classmethod
    def of(cls, health: Mapping[str, Any], accounts: Iterable[str], units: Iterable[str], home: str) -> "Simulation":
        """From what the control pages of a server say."""
        partition, regions = str(health["partition"]), tuple(health["regions"])
        return cls(health["organization"], health["management"], partition, home, regions, frozenset(accounts), frozenset(units))

    @property
    def words(self) -> str:
        named = ", ".join(self.regions) if len(self.regions) <= MOST_NAMED else counted(len(self.regions), "Region")
        return f"{count_of(self.accounts)}, {named}"


@dataclass(frozen=True)
class Fitted:
    """The text of settings that fit, and what of it is not as the file says."""

    text: str
    changes: tuple[str, ...] = ()


def fitted(text: str, there: Simulation, *, everywhere: bool = False) -> Fitted:
    """The text of settings (which parse) for an organization; unchanged where they fit already."""
    draft = Draft(text)
    fitting = _Fitting(draft.values, there)
    if everywhere:
        fitting.identity()
    fitting.partition()
    fitting.regions()
    if everywhere:
        fitting.all_regions()
    fitting.exclusions()
    fitting.waves()
    if everywhere:
        fitting.limits()
    return Fitted(draft.text(), tuple(dict.fromkeys(fitting.changes)))


def stores(text: str) -> list[tuple[str, str]]:
    """The buckets, with their keys, that settings (which parse) take to be there."""
    document = Draft(text).values
    return sorted({store for kind in section_types().values() for store in kind.stores(document)})


class _Fitting:
    """Changes of one document, in place."""

    def __init__(self, document: dict[str, Any], there: Simulation) -> None:
        self.document, self.there = document, there
        self.changes: list[str] = []
        self.sections = {key: document[key] for key in by_section() if key in document}
        self.home = there.home

    # Who and where.

    def identity(self) -> None:
        """The organization and its management account, and the role in it."""
        organization = self.document["organization"]
        before = organization["management_account"]
        for key, value in (("id", self.there.organization), ("management_account", self.there.management)):
            if organization[key] != value:
                self.changes.append(f"organization.{key} is {value}")
                organization[key] = value
        door = at(self.document, "access", "management") or {}
        if before != self.there.management and "role_arn" in door:
            door["role_arn"] = door["role_arn"].replace(f"::{before}:", f"::{self.there.management}:")

    def partition(self) -> None:
        """Every ARN of what the rehearsal enters or names, in the organization's partition."""
        own = f"arn:{self.there.partition}:"
        for holder, key in self._arns():
            if not holder[key].startswith(own):
                holder[key] = ARN.sub(own, holder[key], count=1)
                self.changes.append(f"ARNs are in {self.there.partition}")

    def _arns(self) -> Iterator[tuple[dict[str, Any], str]]:
        holders = [at(self.document, "access", door) for door in ("management", "delegated")]
        holders += [at(self.document, *path[:-1]) for kind in section_types().values() for path, _ in kind.arns(self.document)]
        for holder in filter(None, holders):
            yield from ((holder, key) for key, value in holder.items() if isinstance(value, str) and ARN.match(value))

    # Regions.

    def regions(self) -> None:
        """Replace, or leave out, the Regions that the organization lacks."""
        named = list(dict.fromkeys(self._named()))
        lacking = [region for region in named if region not in self.there.regions]
        free = [region for region in self._by_use() if region not in named]
        self.swapped = dict(zip(lacking, free, strict=False))
        self.changes += [f"{new} in the place of {old}" for old, new in self.swapped.items()]
        self.changes += [f"{region} left out" for region in lacking if region not in self.swapped]
        if lacking:
            for key, section in self.sections.items():
                section["regions"][:] = self.kept(section["regions"]) or [self.home]
                section_types()[key].fit(section, self)
            self._excluded_regions()
        self._unused()

    def _named(self) -> Iterator[str]:
        """The home Region first, so that it is the first to be replaced: it may be no opt-in Region."""
        besides = [each for kind in section_types().values() for each in kind.named_regions(self.document)]
        yield from (region for path, region in besides if path[-1] == "home_region")
        others = [region for path, region in besides if path[-1] != "home_region" and isinstance(path[-1], int)]
        for section in self.sections.values():
            yield from section["regions"]
        yield from others
        yield from (each["region"] for each in self.document.get("exclusions", []) if "region" in each)
        yield from (region for wave in self.document.get("waves", []) for region in wave.get("regions", []))

    def _by_use(self) -> list[str]:
        """The organization's Regions in the order in which they replace others: the home Region, opt-in Regions last."""
        return sorted(self.there.regions, key=lambda region: (is_opt_in(region), region != self.there.home, region))

    def kept(self, regions: Iterable[str]) -> list[str]:
        """The Regions with those replaced that the organization lacks, or left out where nothing is left to replace them."""
        moved = (self.swapped.get(region, region) for region in regions)
        return [region for region in moved if region in self.there.regions]

    def _excluded_regions(self) -> None:
        for each in self.document.get("exclusions", []):
            if "region" in each:
                each["region"] = next(iter(self.kept([each["region"]])), each["region"])

    def _unused(self) -> None:
        """The store of live evidence and the way to AWS are not used, but all Regions of a file are in one partition."""
        lock = at(self.document, "evidence", "object_lock") or {}
        if "region" in lock and partition_of(lock["region"]) != self.there.partition:
            lock["region"] = self.there.home
        ways = at(self.document, "network", "endpoints") or {}
        asked = at(self.document, "network", "sts_region") or self.there.home
        others = [region for endpoints in ways.values() for region in endpoints if partition_of(region) != self.there.partition]
        if others or asked not in self.there.regions:
            del self.document["network"]

    def all_regions(self) -> None:
        """Every service in every Region, and findings together in the home Region."""
        every = [self.there.home, *(region for region in self.there.regions if region != self.there.home)]
        for key, section in self.sections.items():
            if set(section["regions"]) != set(every):
                section["regions"][:] = every
                self.changes.append(f"all services are in {', '.join(every)}")
            section_types()[key].fit_everywhere(section, self, every)

    # Who is left out, and how much may be touched.

    def exclusions(self) -> None:
        """Leave out those of what is not there."""
        known = {"account": self.there.accounts, "organizational_unit": self.there.units, "region": self.there.regions}

        def there(entry: dict[str, Any]) -> bool:
            return all(entry[name] in known[name] for name in known if name in entry)

        for entry in self.document.get("exclusions", []):
            if not there(entry):
                self.changes.append(f"the exclusion of {', '.join(entry[name] for name in known if name in entry)} left out")
        self._keep("exclusions", there)

    def waves(self) -> None:
        """Leave out of each what is not there, and a wave of which a whole list is gone: without it, it would be larger."""
        asked = {region for section in self.sections.values() for region in section["regions"]}
        gone: list[str] = []
        for wave in self.document.get("waves", []):
            people = [name for name in ("accounts", "organizational_units") if name in wave]
            for name, there in (("accounts", self.there.accounts), ("organizational_units", self.there.units), ("regions", asked)):
                if name not in wave:
                    continue
                kept = [each for each in (self.kept(wave[name]) if name == "regions" else wave[name]) if each in there]
                if name != "regions" and (absent := [each for each in wave[name] if each not in kept]):
                    self.changes.append(f"{', '.join(absent)} left out of wave {wave['name']}")
                wave[name][:] = kept
            if wave.get("regions") == [] or (people and not any(wave[name] for name in people)):
                gone.append(wave["name"])
                self.changes.append(f"wave {wave['name']} left out")
            for name in [each for each in people if not wave[each]]:
                del wave[name]
        self._keep("waves", lambda wave: wave["name"] not in gone)

    def _keep(self, key: str, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Take the other entries out of a list, and the list where nothing is left."""
        for number in reversed(range(len(self.document.get(key, [])))):
            if not wanted(self.document[key][number]):
                del self.document[key][number]
        if key in self.document and not self.document[key]:
            del self.document[key]

    def limits(self) -> None:
        """No plan is stopped for the size that was asked for."""
        limits = self.document.get("limits")
        for key, size in (("accounts", len(self.there.accounts)), ("regions", len(self.there.regions))):
            if limits is not None and limits[key] < size:
                limits[key] = size
                self.changes.append(f"limits.{key} is {size:,}")
