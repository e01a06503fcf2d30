"""Rules that a schedule sets off, by the world's clock [docs: EventBridge scheduled rules]; every target gets a "Scheduled Event".

Simulated are `rate(…)` and a `cron(…)` of one time of day for every day; a rule with another cron is kept, and never comes.
"""

import datetime as dt
import re
import uuid
from typing import Any

from runbook_lib.rehearsal.operations.events import courier
from runbook_lib.rehearsal.operations.events.state import Rule, buses_of, state_of
from runbook_lib.rehearsal.world import World

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
DAILY = re.compile(r"cron\((\d{1,2}) (\d{1,2}) \* \* \? \*\)")
SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


def wait_for(schedule: str, now: float) -> float | None:
    """Seconds until a schedule comes next; None for one that is not simulated."""
    if rate := RATE.fullmatch(schedule):
        return float(int(rate[1]) * SECONDS[rate[2]])
    if not (daily := DAILY.fullmatch(schedule)):
        return None
    today = dt.datetime.fromtimestamp(now, dt.UTC)
    due = today.replace(hour=int(daily[2]), minute=int(daily[1]), second=0, microsecond=0)
    return ((due if due > today else due + dt.timedelta(days=1)) - today).total_seconds()


def announce(world: World, account: str, region: str, rule: Rule) -> None:
    """Let a rule's schedule come; one that it had before does not any more."""
    wait = wait_for(rule.schedule, world.now())
    rule.due = world.now() + wait if wait is not None else None
    if wait is not None:
        world.tell_later(wait, "scheduled rule due", account=account, region=region, bus=rule.bus, rule=rule.name, due=rule.due)


def come(world: World, account: str, region: str, bus: str, rule: str, due: float) -> None:
    """A schedule has come: its targets get the event where its rule is there still, and enabled."""
    there = buses_of(world, account, region)[bus].rules.get(rule)
    if there is None or there.due != due:
        return
    announce(world, account, region, there)
    if there.state == "DISABLED":
        return
    event: dict[str, Any] = {
        "version": "0", "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{there.arn} {due}")), "detail-type": "Scheduled Event",
        "source": "aws.events", "account": account, "region": region, "resources": [there.arn], "detail": {},
        "time": dt.datetime.fromtimestamp(due, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    state_of(world).events.append(event)
    for target in list(there.targets.values()):
        courier.attempt(world, courier.Errand(account, region, there.arn, target, event, began=world.now()))
