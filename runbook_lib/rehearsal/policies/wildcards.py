"""Texts with wildcards and variables, and ARNs, as policies compare them [docs: IAM JSON policy elements]."""

import re
from collections.abc import Callable
from functools import lru_cache

Value = str | tuple[str, ...] | None
"""What a condition key is in one request: a text, several texts (a multivalued key), or not there."""
Context = Callable[[str], Value]
"""Gives the value of a condition key. Raises `PolicyError` for a key of which nobody knows whether the request has it."""
VARIABLE = re.compile(r"\$\{([^}]*)\}")
DEFAULTED = re.compile(r"([^,']+?)\s*,\s*'([^']*)'")
LITERAL = ("*", "?", "$")
"""${*}, ${?} and ${$} stand for the character itself."""
SEGMENTS = 6


class PolicyError(ValueError):
    """A policy says something that is not simulated, or no policy at all: nobody can tell what it allows."""


def filled(text: str, context: Context, *, variables: bool = True) -> tuple[str, ...] | None:
    """A policy's text in parts: texts, whose wildcards count, at even places; values, taken as they are, at odd ones.

    None when a variable has no value in this request: then the text is equal to nothing.
    """
    if not variables or "${" not in text:
        return (text,)
    parts: list[str] = []
    for place, part in enumerate(VARIABLE.split(text)):
        value = part if not place % 2 or part in LITERAL else _value(part, context)
        if value is None:
            return None
        parts.append(value)
    return tuple(parts)


def _value(variable: str, context: Context) -> str | None:
    defaulted = DEFAULTED.fullmatch(variable)
    key, default = (defaulted[1], defaulted[2]) if defaulted else (variable, None)
    value = context(key)
    if isinstance(value, tuple):
        raise PolicyError(f"${{{variable}}} has several values, and a variable stands for one")
    return default if value is None else value


@lru_cache(maxsize=16384)
def _expression(parts: tuple[str, ...], *, ignore_case: bool) -> re.Pattern[str]:
    text = ""
    for place, part in enumerate(parts):
        escaped = re.escape(part)
        text += escaped if place % 2 else escaped.replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, (re.IGNORECASE if ignore_case else 0) | re.DOTALL)


def like(parts: tuple[str, ...], value: str, *, ignore_case: bool = False) -> bool:
    """Whether a value fits a text in which * is any characters and ? any one, in parts as `filled` gives them."""
    return _expression(parts, ignore_case=ignore_case).fullmatch(value) is not None


def arn_like(parts: tuple[str, ...], value: str) -> bool:
    """Whether an ARN fits a pattern, each of its six segments by itself; a pattern that is too short is filled up with *."""
    if parts == ("*",):
        return True
    wanted = _segments(parts)
    wanted += [("*",)] * (SEGMENTS - len(wanted))
    there = value.split(":", SEGMENTS - 1)
    return len(there) == SEGMENTS and all(like(each, segment) for each, segment in zip(wanted, there, strict=True))


def _segments(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """A pattern cut at its own first five colons, so each piece begins with a text; a variable's value stays whole."""
    found: list[list[str]] = [[]]
    for place, part in enumerate(parts):
        pieces = [part] if place % 2 else part.split(":", SEGMENTS - len(found))
        found[-1].append(pieces[0])
        found += [[piece] for piece in pieces[1:]]
    return [tuple(each) for each in found]
