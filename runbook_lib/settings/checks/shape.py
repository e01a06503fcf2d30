"""Each key and value by itself: known, of the right type, in range. pydantic finds, this module says it in the file's words."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from runbook_lib.regions import partition_of, partitions
from runbook_lib.settings import Settings
from runbook_lib.settings.checks import Path, Problem, Tree, at, dotted, nearest
from runbook_lib.settings.checks.document import Document

PATTERNS = (
    ("s3://", "Neither a folder nor s3://BUCKET/PREFIX (a bucket's name, and letters, digits and _.=- between slashes)."),
    ("days?", "Not a time: a number of days or years, for example 7 years or 400 days."),
    ("^o-", "Not an organization id: it starts with o- and has 10 to 32 small letters and digits. Copy it from AWS Organizations."),
    ("^(ou-", "Not the id of an organizational unit (ou-…) or root (r-…). Copy it from AWS Organizations."),
    ("^[0-9]{12}$", "Not an account id: exactly 12 digits in quotes. Copy it from AWS Organizations."),
    (":iam:", "Not the ARN of a role: arn:PARTITION:iam::ACCOUNT:role/NAME."),
    (":s3:", "Not the ARN of a bucket: arn:PARTITION:s3:::BUCKET, with an optional /prefix."),
    (":kms:", "Not the ARN of a KMS key: arn:PARTITION:kms:REGION:ACCOUNT:key/ID. An alias will not do."),
    ("{2,1224}", "Not an external id: 2 to 1224 letters, digits and _+=,.@:/-."),
    ("{1,576}", "Not the name of a role: letters, digits and _+=,.@- with an optional path, no leading arn:."),
    ("{0,39}", "Not the name of a wave: small letters, digits and hyphens, a letter first, for example canary."),
    ("^[A-Z]{3}$", "Not a currency: three capital letters as ISO 4217 has them, for example USD."),
    ("^[0-9]+(", 'Not a version: digits and dots, for example "1.0.0".'),
    ("^[a-z0-9][", "Not the name of a standard as its ARN spells it, for example aws-foundational-security-best-practices."),
)
REGION_PATTERN = "^[a-z]{2,4}("


def check_shape(document: Document) -> tuple[Settings | None, list[Problem], dict[str, Any]]:
    """The settings (None where something is wrong), what is wrong, and the values that are left to compare with each other."""
    tree = deepcopy(document.values)
    settings, found = None, []
    try:
        settings = Settings.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        found = [each for each in error.errors(include_url=False) if not _hollow(document, each)]
    problems: list[Problem] = []
    for _, known in document.problems:
        _refuse(tree, known.path)
    for each in found:
        path, problem = _problem(document, each)
        if each["type"] != "missing":
            _refuse(tree, path)
        problems.append(problem)
    problems += _unknown_regions(tree)
    return (None if problems else settings), problems, tree


def named_regions(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Every Region the file names, and where."""
    aggregation: Path = ("security_hub", "aggregation")
    lists: list[Path] = [(section, "regions") for section in ("security_hub", "guardduty", "inspector")]
    for path in [*lists, (*aggregation, "regions")]:
        yield from (((*path, position), region) for position, region in enumerate(at(tree, *path) or []) if region)
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        if region := at(exclusion, "region"):
            yield ("exclusions", position, "region"), region
    for number, _ in enumerate(at(tree, "waves") or []):
        path = ("waves", number, "regions")
        yield from (((*path, position), region) for position, region in enumerate(at(tree, *path) or []) if region)
    if home := at(tree, *aggregation, "home_region"):
        yield (*aggregation, "home_region"), home
    if store := at(tree, "evidence", "object_lock", "region"):
        yield ("evidence", "object_lock", "region"), store
    for region, destination in (at(tree, "guardduty", "export") or {}).items():
        if destination is not None:
            yield ("guardduty", "export", region), region


def _unknown_regions(tree: dict[str, Any]) -> list[Problem]:
    unknown = [(path, region) for path, region in named_regions(tree) if partition_of(region) is None]
    for path, _ in unknown:
        _refuse(tree, path)
    return [Problem(path, _unknown_region(region), region) for path, region in unknown]


def _unknown_region(region: str) -> str:
    return f"AWS has no Region of this name.{nearest(region, sorted(partitions()))}"


def _hollow(document: Document, error: Any) -> bool:
    """Whether a list is called too short only because its items were refused; they have findings of their own."""
    return error["type"] == "too_short" and bool(at(document.values, *error["loc"]))


def _refuse(tree: Any, path: Path) -> None:
    """Put None where a value was refused; the key stays, because it was written."""
    holder: Any = at(tree, *path[:-1])
    if path and holder is not None:
        holder[path[-1]] = None


def _problem(document: Document, error: Any) -> tuple[Path, Problem]:
    location: Path = tuple(error["loc"])
    if location[-1:] == ("[key]",):
        path = location[:-1]
        message = _value_message(error, str(path[-1]))
        return path, Problem(path, message, "")
    written = document.written.get(location, "")
    if error["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        where = dotted(location[:-1]) or "the file"
        hint = nearest(str(location[-1]), known)
        return location, Problem(location, f"Unknown key in {where}.{hint} Known here: {', '.join(known)}.")
    if error["type"] == "missing":
        about = _description(location)
        return location, Problem(location, f"This key is missing. Add it: {about}", "")
    return location, Problem(location, _value_message(error, written))


def _value_message(error: Any, written: str) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"])
        return f"Not one of the values known here.{nearest(written, allowed)} Allowed: {', '.join(allowed)}."
    if kind == "string_pattern_mismatch":
        return _pattern_message(context["pattern"], written)
    if kind == "string_type":
        return _unquoted(error["input"], written)
    return _plain_message(kind, context)


def _pattern_message(pattern: str, written: str) -> str:
    if pattern.startswith(REGION_PATTERN):
        return _unknown_region(written)
    return next(message for mark, message in PATTERNS if mark in pattern)


def _unquoted(value: Any, written: str) -> str:
    if isinstance(value, list | dict):
        return "Text is wanted here, not a list or a mapping."
    return f'YAML does not read this as text (an account id would lose its leading zeros). Put it in quotes: "{written}".'


def _plain_message(kind: str, context: dict[str, Any]) -> str:
    if kind == "too_short":
        return "This is empty. Name at least one, or remove the key or its section, which means: not managed here."
    said = {
        "bool_type": 'Not a boolean. Write true or false, without quotes ("yes", "no", "true" in quotes and numbers are none).',
        "int_type": "Not a whole number. Write digits without quotes.",
        "float_type": "Not a number. Write digits, with a point where there are decimals, without quotes.",
        "finite_number": "Not a number that can be reckoned with. Write digits, with a point where there are decimals.",
        "int_from_float": "Not a whole number. Write digits without a point.",
        "string_too_short": "This text is empty. Say it in a word or two.",
        "date_type": "Not a day. Write it as YYYY-MM-DD.",
        "date_parsing": "Not a day. Write it as YYYY-MM-DD, and check that the calendar has it.",
        "date_from_datetime_parsing": "Not a day. Write it as YYYY-MM-DD, and check that the calendar has it.",
        "tuple_type": "A list is wanted here: one item per line with a leading dash, or [a, b].",
        "dict_type": "Keys with values are wanted here, indented below this key.",
        "model_type": "Keys with values are wanted here, indented below this key.",
        "greater_than_equal": f"Too small: at least {context.get('ge')}.",
        "less_than_equal": f"Too large: at most {context.get('le')}.",
    }
    return said.get(kind, f"This value is refused ({kind}).")


def _known_keys(path: Path) -> list[str]:
    return sorted(_schema(path).get("properties", {}))


def _description(path: Path) -> str:
    return str(_schema(path[:-1]).get("properties", {}).get(path[-1], {}).get("description", "see parameters/example.yaml"))


def _schema(path: Path) -> dict[str, Any]:
    """The part of the JSON schema that is about a path."""
    whole = Settings.model_json_schema()
    here: dict[str, Any] = whole
    for step in path:
        here = here["items"] if isinstance(step, int) else _under(here, step)
        here = next(each for each in here.get("anyOf", [here]) if each.get("type") != "null")
        if "$ref" in here:
            here = whole["$defs"][here["$ref"].rpartition("/")[2]]
    return here


def _under(schema: dict[str, Any], key: str) -> dict[str, Any]:
    """What a schema says about one key: by name, by pattern, or about any key."""
    named = schema.get("properties", {}).get(key)
    by_pattern = next(iter(schema.get("patternProperties", {}).values()), None)
    found: dict[str, Any] = named or by_pattern or schema["additionalProperties"]
    return found
