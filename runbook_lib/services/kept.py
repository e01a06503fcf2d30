"""What an administrator of a service keeps that reaches its members: suppression rules, lists, paths. Pure, but for `read_kept`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.base.privacy import masked
from runbook_lib.services.departure import Ground, Losing
from runbook_lib.services.registry import sentence
from runbook_lib.services.view import View

KEPT = "what the administrator keeps"
Names = Mapping[str, tuple[str, ...]]
"""Kind ("suppression rules") → names; a kind of which there is none is left out."""
Kept = Mapping[str, Observation[Names]]
"""Region in which the service has our administrator → what it keeps there."""


def nothing_kept(seen: Mapping[str, Any], view: View, reader: Reader) -> Kept:
    """Of a service whose administrator keeps nothing that is looked at."""
    return {}


def read_kept(jobs: Mapping[str, Callable[[], Mapping[str, Iterable[str]]]], reader: Reader) -> Kept:
    """Region → what is kept there, Regions side by side; what could not be read is said so."""
    return dict(zip(jobs, reader.parallel([partial(_try, each) for each in jobs.values()]), strict=True))


def _try(read: Callable[[], Mapping[str, Iterable[str]]]) -> Observation[Names]:
    try:
        found = {kind: tuple(sorted(masked(each) for each in names)) for kind, names in read().items()}
    except CallFailed as error:
        return unread(error)
    return Known({kind: names for kind, names in found.items() if names})


def kept(ground: Ground[Any]) -> Kept:
    """What was found."""
    seen = ground.further.get(KEPT)
    return seen.value if isinstance(seen, Known) else {}


def told_of_kept(found: Kept, ground: Ground[Any]) -> Iterator[str]:
    """What could not be read. What is there stands with the losses, in the level that takes it."""
    for region, seen in sorted(found.items()):
        if isinstance(seen, Unknown):
            yield f"{KEPT} in {region} could not be read: {seen.reason}"


def taking(losing: Losing, found: Kept, kinds: Iterable[str], accounts: Callable[[str], frozenset[str]]) -> Iterator[Losing]:
    """The loss of these kinds, named in place of `{}`, where there is any of them: for the accounts of each Region.

    Where it could not be read, all of them may be lost; where there is none, nothing is.
    """
    kinds = tuple(kinds)
    there = {
        region: {kind: seen.value[kind] for kind in kinds if kind in seen.value} if isinstance(seen, Known) else None
        for region, seen in sorted(found.items())
    }
    named = tuple(kind for kind in kinds if any(each is None or kind in each for each in there.values()))
    if not named:
        return
    said = [f"{region}: {_listed(each)}" for region, each in there.items() if each != {}]
    places = frozenset((account, region) for region, each in there.items() if each != {} for account in accounts(region))
    note = f"{losing.note} {'; '.join(said)}.".lstrip()
    yield replace(losing, name=losing.name.format(sentence(named)), note=note, places=places)


def _listed(names: Names | None) -> str:
    if names is None:
        return "could not be read"
    return ", ".join(f"{kind} {sentence(each)}" for kind, each in names.items())
