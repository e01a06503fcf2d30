"""What a target gets of an event: the whole, a constant, a part, or a template filled from it [docs: input transformation]."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDER = re.compile(r"<([^<>\s]+)>")
RESERVED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
)
"""Variables that EventBridge has by itself [docs]."""
STEP = re.compile(r"\.([A-Za-z0-9_\-]+)|\[(\d+|\*)\]|\['([^']+)'\]")


def path_steps(path: str) -> list[str | int] | None:
    """The steps of a JSON path as EventBridge takes them (names, indices, "*" for every element); None for no such path."""
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        match = STEP.match(path, at)
        if match is None:
            return None
        name, index, quoted = match.groups()
        steps.append(int(index) if index and index != "*" else name or quoted or "*")
        at = match.end()
    return steps


def at_path(event: Any, path: str) -> Any:
    """The value at a path. Raises `KeyError` where an event has nothing there."""
    found: Any = event
    for step in path_steps(path) or []:
        if step == "*" and isinstance(found, list):
            continue
        if isinstance(found, list) and not isinstance(step, int):
            found = [each[step] for each in found if isinstance(each, Mapping) and step in each]
        elif isinstance(found, list) and isinstance(step, int) and step < len(found):
            found = found[step]
        elif isinstance(found, Mapping) and step in found:
            found = found[str(step)]
        else:
            raise KeyError(path)
    return found


def problem_of(target: Mapping[str, Any]) -> str:
    """Why EventBridge refuses a target's input; "" where it does not. That a template gives JSON is not asked [docs]."""
    name = target["Id"]
    if sum(bool(target.get(each)) for each in ("Input", "InputPath", "InputTransformer")) > 1:
        return f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}."  # [seen]
    if target.get("Input"):
        try:
            json.loads(target["Input"])
        except ValueError:
            return f"JSON syntax error in input for target {name}"  # [seen]
    if target.get("InputPath") and path_steps(target["InputPath"]) is None:
        return f"Invalid InputPath for target {name}."  # [seen]
    return _template_problem(name, target.get("InputTransformer") or {})


def _template_problem(name: str, transformer: Mapping[str, Any]) -> str:
    paths = transformer.get("InputPathsMap") or {}
    for path in paths.values():
        if path_steps(path) is None:
            return f"Invalid JSON path {path} in InputPathsMap for target {name}."  # [assumed]
    for placeholder in PLACEHOLDER.findall(transformer.get("InputTemplate", "")):
        if placeholder not in paths and placeholder not in RESERVED:
            return f"InputTemplate for target {name} contains invalid placeholder {placeholder}."  # [seen]
    return ""


def input_for(target: Mapping[str, Any], event: Mapping[str, Any], rule: str) -> str:
    """The text that a target gets of an event; `rule` is the rule's ARN."""
    if target.get("Input"):
        return str(target["Input"])
    if path := target.get("InputPath"):
        try:
            return json.dumps(at_path(event, path))
        except KeyError:
            return "{}"  # [assumed]
    if transformer := target.get("InputTransformer"):
        return "".join(_filled(transformer["InputTemplate"], _values(transformer.get("InputPathsMap") or {}, event, rule)))
    return json.dumps(event)


def _values(paths: Mapping[str, str], event: Mapping[str, Any], rule: str) -> dict[str, Any]:
    """Variables by name; one whose path leads nowhere is not made [docs]."""
    whole = dict(event)
    found: dict[str, Any] = {
        "aws.events.rule-arn": rule,
        "aws.events.rule-name": rule.rpartition("/")[2],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {name: value for name, value in whole.items() if name != "detail"},
        "aws.events.event.json": whole,
    }
    for name, path in paths.items():
        try:
            found[name] = at_path(event, path)
        except KeyError:
            continue
    return found


def _filled(template: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A template with its variables.

    Within quotes a value stands as it is, so a quote in it breaks the JSON [docs]; outside of them it is a JSON value.
    """
    quoted, at = False, 0
    for match in PLACEHOLDER.finditer(template):
        before = template[at : match.start()]
        quoted ^= len(re.findall(r'(?<!\\)"', before)) % 2 == 1
        yield before
        at = match.end()
        if match[1] in values:
            value = values[match[1]]
            yield value if quoted and isinstance(value, str) else json.dumps(value)
    yield template[at:]
