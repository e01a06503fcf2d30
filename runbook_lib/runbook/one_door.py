"""What of a plan is a run's that has one door: its own account's calls, as far as they come after nobody else's. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from runbook_lib.aws.other_door import OtherDoor
from runbook_lib.base.text import counted
from runbook_lib.plan import Action, Blocker, Step

HAND_OVER = "hand-over"
"""The aspect of the Blockers that say what is left to the holder of the other door."""


def own_part(steps: Sequence[Step], other: OtherDoor, reaches: Callable[[str], bool]) -> tuple[list[Step], list[Blocker]]:
    """The steps that this door may take now, and what is handed over, one Blocker for each service and Region.

    A step of this door that comes after one of the other's is not planned yet: it is when that one has been taken. So nothing
    waits in a run for a person, and an approval covers what its own run can call.
    """
    kept: list[Step] = []
    theirs: list[Step] = []
    later: list[Step] = []
    away = set[str]()
    for step in steps:
        if not reaches(step.account):
            theirs.append(step)
        elif away.intersection(step.after):
            later.append(step)
        else:
            kept.append(step)
            continue
        away.add(step.id)
    places = sorted({(step.service, step.region) for step in (*theirs, *later)})
    return kept, [_handed(place, other, theirs, later) for place in places]


def _handed(place: tuple[str, str], other: OtherDoor, theirs: Iterable[Step], later: Iterable[Step]) -> Blocker:
    def here(steps: Iterable[Step]) -> list[Step]:
        return [step for step in steps if (step.service, step.region) == place]

    own = "delegated" if other.name == "management" else "management"
    said = [f"the {other.name} account's: {_calls(here(theirs))}"] if here(theirs) else []
    said += [f"then the {own} account's: {_calls(here(later))}"] if here(later) else []
    return Blocker(
        *place, HAND_OVER, frozenset(),
        reason="; ".join(said),
        next_step=f"Give handover.json to whoever holds the {other.name} account's door.",
        who=f"whoever holds the {other.name} account's door",
        holds_up=False,
    )  # fmt: skip


def by_reason(blockers: Iterable[Blocker]) -> dict[str, list[str]]:
    """What is handed over → the Regions in which it is."""
    found: dict[str, list[str]] = {}
    for each in blockers:
        found.setdefault(each.reason, []).append(each.region)
    return found


def _calls(steps: Iterable[Step]) -> str:
    names = Counter(f"{step.service}:{step.operation}" for step in steps if isinstance(step, Action))
    if not names:
        return "waiting for AWS"
    return f"{counted(sum(names.values()), 'call')} ({', '.join(sorted(names))})"
