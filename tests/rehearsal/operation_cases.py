"""Cases of simulated operations as data: `cases/rehearsal/operations/SERVICE.yaml`, calls in turn and what each must answer.

A case has a name, the facts that it holds, perhaps variants of the world and values of its organization, and steps. `administered`
begins with the delegated account designated and usable, in us-east-1 and eu-south-1.

A step is a call (`by`, `do`, `with`, `region`, as often as `times` says) that ends in `answer` or is `refused`; an `event` with its
facts; an account to `close`; or seconds to `skip`. `$member` and the like stand for accounts of the small world, `$email:member`
for their addresses. An answer is compared as far as it is written; null stands for a member that is not there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from small_world import CLOSED, DELEGATED, MANAGEMENT, MEMBERS, OPT_IN, OTHER, OUTSIDER, REGION, SUSPENDED, Caller
from tables import table

from runbook_lib.rehearsal.events import designate
from runbook_lib.rehearsal.organization import close_account
from runbook_lib.rehearsal.world import World

FOLDER = Path(__file__).parents[1] / "cases" / "rehearsal" / "operations"
ACCOUNTS = {
    "management": MANAGEMENT,
    "delegated": DELEGATED,
    "other": OTHER,
    "member": MEMBERS[0],
    "second": MEMBERS[1],
    "third": MEMBERS[2],
    "without": MEMBERS[20],
    "suspended": SUSPENDED,
    "closed": CLOSED,
    "outsider": OUTSIDER,
}
"""`without` has not opted in to eu-south-1."""


@dataclass(frozen=True)
class Case:
    service: str
    name: str
    steps: tuple[Mapping[str, Any], ...]
    facts: tuple[str, ...] = ()
    variants: Mapping[str, str] = field(default_factory=dict)
    organization: Mapping[str, Any] = field(default_factory=dict)
    administered: bool = False

    def run(self, world: World) -> None:
        for name, value in self.organization.items():
            setattr(world.organization, name, value)
        if self.administered:
            polls, world.settle_polls = world.settle_polls, 0
            for region in (REGION, OPT_IN):
                designate(world, self.service, region, DELEGATED)
            world.settle_polls = polls
        world.variants.update(self.variants)
        for number, step in enumerate(self.steps):
            _take(world, self.service, filled(step), f"{self.name}, step {number + 1}")


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for each in table(path):
            name, steps, facts = each.pop("case"), tuple(each.pop("steps")), tuple(each.pop("facts", ()))
            yield Case(path.stem, name, steps, facts, **each)


def _take(world: World, service: str, step: dict[str, Any], where: str) -> None:
    if "skip" in step:
        world.skip(step["skip"])
    elif "close" in step:
        close_account(world, step["close"], "SUSPENDED")
    elif "event" in step:
        world.tell(step["event"], **step.get("with", {}))
    else:
        named, _, operation = step["do"].rpartition(":")
        for _ in range(step.get("times", 1)):
            _call(Caller(world, named or service), operation, step, where)


def _call(call: Caller, operation: str, step: dict[str, Any], where: str) -> None:
    by, region, parameters = ACCOUNTS[step["by"]], step.get("region", REGION), step.get("with", {})
    if refused := step.get("refused"):
        code, text = call.refused(by, operation, region, **parameters)
        assert code == refused[0], f"{where}: {code}: {text}"
        assert all(words in text for words in refused[1:]), f"{where}: {text}"
        return
    difference = differs(step.get("answer", {}), call(by, operation, region, **parameters))
    assert not difference, f"{where}: {difference}"


def differs(expected: Any, found: Any, place: str = "answer") -> str:
    """Where an answer is not as expected; "" if it is."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        inner = (differs(each, found.get(name), f"{place}.{name}") for name, each in expected.items())
        return next((each for each in inner if each), "")
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        inner = (differs(*pair, f"{place}[{number}]") for number, pair in enumerate(zip(expected, found, strict=True)))
        return next((each for each in inner if each), "")
    return "" if expected == found else f"{place}: {expected!r} expected, found {found!r}"


def filled(value: Any) -> Any:
    """A step with account ids and addresses in the place of names."""
    if isinstance(value, dict):
        return {name: filled(each) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each) for each in value]
    if not isinstance(value, str):
        return value
    addressed = re.sub(r"\$email:(\w+)", lambda found: f"a{ACCOUNTS[found[1]]}@example.com", value)
    return re.sub(r"\$(\w+)", lambda found: ACCOUNTS[found[1]], addressed)
