"""What a pydantic model finds wrong with a file's values, in words of the file: key, what it should be, and what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from runbook_lib.base.documents import DocumentError, Finding, Path, Problem, dotted, nearest
from runbook_lib.base.documents.yaml_text import Document

M = TypeVar("M", bound=BaseModel)
SAYS = "says"


@dataclass(frozen=True)
class Says:
    """Beside a type in an annotation: the sentence that is said of every text that is not of its form. The JSON schema stays."""

    sentence: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Braces are what pydantic fills in.
        said = self.sentence.replace("{", "{{").replace("}", "}}")
        return core_schema.custom_error_schema(handler(source), custom_error_type=SAYS, custom_error_message=said)


def refused_by(error: ValidationError, model: type[BaseModel], file: str) -> DocumentError:
    """Everything that a model finds wrong with a JSON file's values."""
    found = (problem_of(each, model, _written(each["input"])) for each in error.errors(include_url=False))
    return DocumentError(*(Finding(file, 0, dotted(path), problem.value or "", problem.message) for path, problem in found))


def modelled(model: type[M], document: Document, file: str, values: Mapping[str, Any], note: str = "") -> M:
    """The values of a document, with what it adds to, as a model. Raises DocumentError with lines, and the note."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = (
            problem_of(each, model, document.written.get(tuple(each["loc"]), _written(each["input"])))
            for each in error.errors(include_url=False)
        )
        raise DocumentError(*(document.finding(file, problem) for _, problem in found), note=note) from None


def _written(value: Any) -> str:
    return "" if isinstance(value, list | dict) or value is None else str(value)


def problem_of(error: Any, model: type[BaseModel], written: str) -> tuple[Path, Problem]:
    """One of a model's findings, with its path. `written`: the value as the file spells it."""
    location: Path = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        known = known_keys(model, location[:-1])
        where = dotted(location[:-1]) or "the file"
        hint = nearest(str(location[-1]), known)
        listed = f" Known here: {', '.join(known)}." if known else ""
        return location, Problem(location, f"Unknown key in {where}.{hint}{listed}", written)
    if error["type"] == "missing":
        return location, Problem(location, f"This key is missing. Add it{described(model, location)}", "")
    return location, Problem(location, value_message(error, written), written)


def value_message(error: Any, written: str) -> str:
    """What is wrong with one value, and what to write."""
    kind, context = error["type"], error.get("ctx") or {}
    if kind in {"literal_error", "enum"}:
        allowed = re.findall(r"'([^']*)'", context["expected"]) or [str(context["expected"])]
        return f"Not one of the values known here.{nearest(written, allowed)} Allowed: {', '.join(allowed)}."
    if kind == "string_type" or (kind == SAYS and not isinstance(error["input"], str)):
        return unquoted(error["input"], written)
    if kind == SAYS:
        return str(error["msg"])
    if kind == "value_error":
        return f"{context['error']}."
    return plain_message(kind, context)


def unquoted(value: Any, written: str) -> str:
    """What to do about a value that should be text."""
    if isinstance(value, list | dict):
        return "Text is wanted here, not a list or a mapping."
    return f'This is not text (an account id would lose its leading zeros). Put it in quotes: "{written}".'


def plain_message(kind: str, context: Mapping[str, Any]) -> str:
    """What is wrong with a value by pydantic's name for it."""
    said = {
        "too_short": "This is empty. Name at least one, or leave the key out.",
        "too_long": f"Too many: at most {context.get('max_length')}.",
        "bool_type": 'Not a boolean. Write true or false, without quotes ("yes", "no", "true" in quotes and numbers are none).',
        "bool_parsing": "Not a boolean. Write true or false, without quotes.",
        "int_type": "Not a whole number. Write digits without quotes.",
        "int_parsing": "Not a whole number. Write digits without quotes.",
        "int_from_float": "Not a whole number. Write digits without a point.",
        "float_type": "Not a number. Write digits, with a point where there are decimals, without quotes.",
        "float_parsing": "Not a number. Write digits, with a point where there are decimals, without quotes.",
        "finite_number": "Not a number that can be reckoned with. Write digits, with a point where there are decimals.",
        "string_too_short": "This text is empty. Say it in a word or two.",
        "string_too_long": f"This text is too long: at most {context.get('max_length')} characters.",
        "string_pattern_mismatch": f"Not of the form that is wanted here: {context.get('pattern')}",
        "date_type": "Not a day. Write it as YYYY-MM-DD.",
        "date_parsing": "Not a day. Write it as YYYY-MM-DD, and check that the calendar has it.",
        "date_from_datetime_parsing": "Not a day. Write it as YYYY-MM-DD, and check that the calendar has it.",
        "datetime_type": "Not a time. Write it as YYYY-MM-DDTHH:MM:SSZ.",
        "datetime_parsing": "Not a time. Write it as YYYY-MM-DDTHH:MM:SSZ.",
        "datetime_from_date_parsing": "Not a time. Write it as YYYY-MM-DDTHH:MM:SSZ.",
        "timezone_aware": "This time says no zone. Write it in UTC, with a Z at its end.",
        "tuple_type": "A list is wanted here: one item per line with a leading dash, or [a, b].",
        "list_type": "A list is wanted here: one item per line with a leading dash, or [a, b].",
        "greater_than": f"Too small: more than {context.get('gt')}.",
        "greater_than_equal": f"Too small: at least {context.get('ge')}.",
        "less_than": f"Too large: less than {context.get('lt')}.",
        "less_than_equal": f"Too large: at most {context.get('le')}.",
    }
    if kind in {"dict_type", "model_type", "mapping_type", "model_attributes_type"}:
        return "Keys with values are wanted here, indented below this key."
    return said.get(kind, f"This value is refused ({kind}).")


def known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that a model knows at a path."""
    return sorted(_part(model, path).get("properties", {}))


def described(model: type[BaseModel], path: Path) -> str:
    """What a model says of the key at a path, behind a colon, or a full stop."""
    about = _part(model, path[:-1]).get("properties", {}).get(path[-1] if path else "", {}).get("description", "")
    return f": {about}" if about else "."


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _part(model: type[BaseModel], path: Path) -> dict[str, Any]:
    """The part of a model's JSON schema that is about a path; nothing where the path leads beside the schema."""
    whole = _schema(model)
    here: dict[str, Any] = whole
    for step in path:
        inner = here.get("items") if isinstance(step, int) else _under(here, step)
        if not isinstance(inner, dict):
            return {}
        here = next((each for each in inner.get("anyOf", [inner]) if each.get("type") != "null"), {})
        if "$ref" in here:
            here = whole["$defs"][here["$ref"].rpartition("/")[2]]
    return here


def _under(schema: dict[str, Any], key: str) -> Any:
    """What a schema says about one key: by name, by pattern, or about any key."""
    named = schema.get("properties", {}).get(key)
    by_pattern = next(iter(schema.get("patternProperties", {}).values()), None)
    return named or by_pattern or schema.get("additionalProperties")
