"""What happened to a finding: GetFindingHistory, which says who changed what and when."""

import datetime as dt
import json
from typing import Any

from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

from .errors import invalid
from .finding_filters import parse_moment
from .places import bounded
from .state import state_of
from .switching import require_hub
from .visibility import visible

KEPT_DAYS = 90
"""For so long a change is shown [model]."""
UNTOLD = ("ProcessedAt",)
"""Fields whose changes are no history."""


def record(world: World, before: dict[str, Any] | None, after: dict[str, Any], kind: str, identity: str) -> None:
    """Keep a change of a finding; `kind` and `identity` say who made it. One that changes nothing is not kept."""
    updates = [] if before is None else _updates(before, after)
    if before is not None and not updates:
        return
    identifier = {"Id": after["Id"], "ProductArn": after["ProductArn"]}
    state_of(world).history.setdefault((after["ProductArn"], after["Id"]), []).append(
        {
            "FindingIdentifier": identifier,
            "UpdateTime": world.now(),
            "FindingCreated": before is None,
            "UpdateSource": {"Type": kind, "Identity": identity},
            "Updates": updates,
        }
    )


def _updates(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, str]]:
    """Changed fields, the members of objects one by one, as texts."""
    old, new = _texts(before), _texts(after)
    return [
        {
            "UpdatedField": name,
            **({"OldValue": old[name]} if name in old else {}),
            **({"NewValue": new[name]} if name in new else {}),
        }
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name not in UNTOLD
    ]


def _texts(finding: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in finding.items():
        inner = value.items() if isinstance(value, dict) else ()
        members = {f"{name}.{each}": said for each, said in inner} if inner else {name: value}
        found |= {each: said if isinstance(said, str) else json.dumps(said) for each, said in members.items()}
    return found


@operation("securityhub", "GetFindingHistory")
def get_finding_history(
    call: Call,
    FindingIdentifier: dict[str, str],
    StartTime: Any = None,
    EndTime: Any = None,
    NextToken: str | None = None,
    MaxResults: int | None = None,
) -> dict[str, Any]:
    """Changes of a finding that the caller sees, the latest first [assumed], up to 100 a page [model]."""
    require_hub(call)
    bounded(MaxResults, 100)
    key = (FindingIdentifier["ProductArn"], FindingIdentifier["Id"])
    if key not in {(each["ProductArn"], each["Id"]) for each in visible(call.world, call.account, call.region)}:
        raise invalid("Finding Not Found")
    now = call.world.now()
    start, end = (_seconds(StartTime, now - KEPT_DAYS * 86_400), _seconds(EndTime, now))
    rows = [each for each in reversed(state_of(call.world).history.get(key, [])) if start <= each["UpdateTime"] <= end]
    shown, token = page(rows, NextToken, MaxResults, 100)
    return {"Records": shown, "NextToken": token}


def _seconds(given: Any, otherwise: float) -> float:
    if given is None:
        return otherwise
    return (given if isinstance(given, dt.datetime) else parse_moment(given)).timestamp()
