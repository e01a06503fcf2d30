"""Schedules of faults and events computed from a number: the first n of a seed's sequence are always the same n."""

import random
from dataclasses import dataclass

from runbook_lib.rehearsal.scenario import Event, Fault, Scenario
from runbook_lib.rehearsal.simulated import simulated

CALLS = (
    ("organizations", "EnableAWSServiceAccess"),
    ("organizations", "RegisterDelegatedAdministrator"),
    ("organizations", "ListDelegatedAdministrators"),
    ("organizations", "ListAccounts"),
    ("organizations", "DescribeOrganization"),
    *((each.name, operation) for each in simulated() for operation in each.drawn),
    ("account", "ListRegions"),
    ("sts", "AssumeRole"),
    ("*", "*"),
)
"""What a drawn fault may befall: operations that enabling makes, and all of a service."""
UNASKED = frozenset(each.name for each in simulated() if not each.drawn_unasked)
"""Services for which nothing is drawn unless a scenario names them."""
BATCHES = tuple((each.name, operation) for each in simulated() for operation in each.drawn_batches)
ADMINISTERED = tuple(each.name for each in simulated())
KINDS = ("throttle", "error", "error", "reset", "reset", "timeout", "deny", "unprocessed", "event")
JOINER = 161616161600
"""Accounts that drawn events add are numbered from here."""


def whole(scenario: Scenario, accounts: list[str], regions: list[str]) -> Scenario:
    """The scenario with its drawn part worked out for an organization: `accounts` are those that may be suspended."""
    if scenario.drawn is None:
        return scenario
    chance = random.Random(scenario.seed)  # noqa: S311 draws faults, guards nothing
    drawing = _Drawing(chance, sorted(accounts), sorted(regions), scenario.drawn.services)
    made = [drawing.one(index) for index in range(scenario.drawn.faults)]
    faults = tuple(each for each in made if isinstance(each, Fault))
    events = tuple(each for each in made if isinstance(each, Event))
    return scenario.model_copy(update={"faults": (*scenario.faults, *faults), "events": (*scenario.events, *events)})


@dataclass(frozen=True)
class _Drawing:
    """What may be drawn, and the chance that draws it."""

    chance: random.Random
    accounts: list[str]
    regions: list[str]
    services: tuple[str, ...]

    def one(self, index: int) -> Fault | Event:
        kind = self.chance.choice(KINDS)
        return self._event(index) if kind == "event" else self._fault(kind)

    def _fault(self, kind: str) -> Fault:
        chance = self.chance
        calls = self._of_services(BATCHES) if kind == "unprocessed" else ()
        service, operation = chance.choice(calls or self._of_services(CALLS))
        if kind == "unprocessed" and not calls:
            kind = "throttle"
        return Fault.model_validate(
            {
                "kind": kind,
                "on": {
                    "service": service,
                    "operation": operation,
                    "region": chance.choice(("*", *self.regions)) if service not in ("organizations", "account", "sts") else "*",
                    "mutating": chance.choice((True, None)) if operation == "*" else None,
                },
                "call": chance.randint(1, 12 if operation == "*" else 4),
                "times": chance.randint(1, 6 if kind == "throttle" else 3),
                "effect": chance.choice(("before", "after")) if kind in ("error", "reset", "timeout") else "before",
                "status": chance.choice((500, 502, 503, 504)),
                "by": chance.choice(("role", "policy")),
                "accounts": (f"*{chance.randint(0, 9)}",) if chance.random() < 0.5 else ("*",),
            }
        )

    def _event(self, index: int) -> Event:
        """One event, at one of the first requests to a service."""
        chance = self.chance
        kind = chance.choice(
            ("expire-credentials", "expire-credentials", "suspend-account", "add-account", "foreign-administrator")
        )
        administered = [each for each in ADMINISTERED if self._concerns(each)] or list(ADMINISTERED)
        said = {
            "kind": kind,
            "on": {"service": chance.choice(("*", *administered))},
            "call": chance.randint(1, 60),
            "account": chance.choice(self.accounts),
            "service": chance.choice(administered),
            "region": chance.choice(self.regions),
        }
        own = {"expire-credentials": "*", "add-account": str(JOINER + index)}
        return Event.model_validate({**said, "account": own.get(kind, said["account"])})

    def _of_services(self, calls: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple(each for each in calls if self._concerns(each[0]) or each[0] == "*")

    def _concerns(self, service: str) -> bool:
        return service in self.services if self.services else service not in UNASKED
