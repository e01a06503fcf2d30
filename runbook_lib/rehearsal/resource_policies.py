"""Whether a resource's policy lets an AWS service use it: what decides if an event ever arrives at a topic or queue."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

SOURCE = ("arnequals", "arnlike", "stringequals", "stringlike")


def allows(policy: str | Mapping[str, Any] | None, principal: str, action: str, source: str) -> bool:
    """Whether a policy allows a service principal an action on behalf of `source` (an ARN); any other condition is not met."""
    document = json.loads(policy) if isinstance(policy, str) and policy else policy or {}
    statements = document.get("Statement", [])
    allowed = False
    for each in statements if isinstance(statements, list) else [statements]:
        if _about(each, principal, action) and _met(each.get("Condition") or {}, source):
            if each["Effect"] == "Deny":
                return False
            allowed = True
    return allowed


def _about(statement: Mapping[str, Any], principal: str, action: str) -> bool:
    named = statement.get("Principal")
    services = _listed(named.get("Service")) if isinstance(named, Mapping) else []
    actions = [each.lower() for each in _listed(statement.get("Action"))]
    anyone = named == "*" or (isinstance(named, Mapping) and "*" in _listed(named.get("AWS")))
    return (anyone or principal in services) and any(fnmatchcase(action.lower(), each) for each in actions)


def _met(condition: Mapping[str, Mapping[str, Any]], source: str) -> bool:
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            if key.lower() != "aws:sourcearn" or operator.lower() not in SOURCE:
                return False
            if not any(fnmatchcase(source, each) for each in _listed(wanted)):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
