"""The operators of EventBridge's event patterns, each checked when a pattern is put and asked when an event comes.

The language and its limits [docs: comparison operators for event patterns]; in which words a pattern is refused is taken from
public threads where they have it, and assumed otherwise.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]
"""Whether one value of an event fits."""
LARGEST = 5_000_000_000
"""Numbers in numeric ranges lie between its negative and it, with up to six decimals [docs]."""
ESCAPES = ("*", "\\")


class PatternError(ValueError):
    """A pattern that EventBridge refuses; the text is the reason."""


def alternative(wanted: Any) -> Test:
    """One of a leaf's alternatives as a test: a literal, or a filter in an object of one key. `exists` is the matcher's own."""
    if not isinstance(wanted, Mapping):
        return literal(wanted)
    if len(wanted) != 1:
        raise PatternError("Only one key allowed in match expression")
    [(kind, given)] = wanted.items()
    if kind not in FILTERS:
        raise PatternError(f"Unrecognized match type {kind}")
    return FILTERS[kind](given)


def literal(wanted: Any) -> Test:
    """Texts compare with their case, numbers as numbers (1 is 1.0), true, false and null each with itself [docs]."""
    if isinstance(wanted, list):
        raise PatternError("Match value must be String, number, true, false, or null")
    if _is_number(wanted):
        return lambda value: _is_number(value) and value == wanted
    return lambda value: type(value) is type(wanted) and value == wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(given: Any, kind: str) -> str:
    if not isinstance(given, str):
        raise PatternError(f"{kind} match pattern must be a string")
    return given


def _affix(kind: str) -> Callable[[Any], Test]:
    """`prefix` or `suffix`, of a text or of {"equals-ignore-case": a text}."""
    compare = str.startswith if kind == "prefix" else str.endswith

    def made(given: Any) -> Test:
        if isinstance(given, Mapping):
            if [*given] != ["equals-ignore-case"]:
                raise PatternError(f"Unsupported expression for {kind}: {', '.join(map(str, given))}")
            folded = _text(given["equals-ignore-case"], "equals-ignore-case").lower()
            return lambda value: isinstance(value, str) and compare(value.lower(), folded)
        text = _text(given, kind)
        return lambda value: isinstance(value, str) and compare(value, text)

    return made


def _ignoring_case(given: Any) -> Test:
    folded = _text(given, "equals-ignore-case").lower()
    return lambda value: isinstance(value, str) and value.lower() == folded


def _wildcard(given: Any) -> Test:
    """Any number of characters for each *; a backslash takes the meaning from * and from itself [docs]."""
    text, expression, at = _text(given, "wildcard"), "", 0
    while at < len(text):
        if text[at] == "\\":
            if text[at + 1 : at + 2] not in ESCAPES:
                raise PatternError(f"Invalid escape character at pos {at}")
            expression += re.escape(text[at + 1])
            at += 1
        elif text[at] == "*":
            if text[at + 1 : at + 2] == "*":
                raise PatternError(f"Consecutive wildcard characters at pos {at}")
            expression += ".*"
        else:
            expression += re.escape(text[at])
        at += 1
    compiled = re.compile(expression, re.DOTALL)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _cidr(given: Any) -> Test:
    text = _text(given, "cidr")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise PatternError(f"Malformed CIDR, one '/' required: {text}") from None
    if "/" not in text:
        raise PatternError("Malformed CIDR, one '/' required")

    def within(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return within


def _numeric(given: Any) -> Test:
    """One comparison, or a lower bound and then an upper one [docs]."""
    if not isinstance(given, list) or not given:
        raise PatternError("Invalid member in numeric match: expected an array")
    signs, bounds = given[::2], given[1::2]
    if len(signs) != len(bounds) or not all(_is_number(each) for each in bounds):
        raise PatternError("Value of numeric match must be a number")
    if any(abs(each) > LARGEST for each in bounds):
        raise PatternError(f"Value must be between -{float(LARGEST)} and {float(LARGEST)}, inclusive")
    if not (len(signs) == 1 and signs[0] in COMPARED) and not _is_range(signs):
        known = all(each in COMPARED for each in signs)
        raise PatternError("Too many elements in numeric expression" if known else "Unrecognized numeric range operator")
    if len(bounds) == 2 and bounds[0] >= bounds[1]:
        raise PatternError("Bottom must be less than top")
    tests = [(COMPARED[sign], bound) for sign, bound in zip(signs, bounds, strict=True)]
    return lambda value: _is_number(value) and all(compare(value, bound) for compare, bound in tests)


def _is_range(signs: list[Any]) -> bool:
    return len(signs) == 2 and signs[0] in (">", ">=") and signs[1] in ("<", "<=")


COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def _anything_but(given: Any) -> Test:
    """Everything but a value, the values of a list, or what another operator fits."""
    if isinstance(given, Mapping):
        if len(given) != 1 or next(iter(given)) not in EXCLUDABLE:
            raise PatternError(f"Unsupported anything-but pattern: {', '.join(map(str, given))}")
        [(kind, inner)] = given.items()
        listed = inner if isinstance(inner, list) else [inner]
        if not listed:
            raise PatternError("Empty arrays are not allowed")
        unwanted = [FILTERS[kind](each) for each in listed]
        return lambda value: not any(test(value) for test in unwanted)
    listed = given if isinstance(given, list) else [given]
    if not listed:
        raise PatternError("Empty arrays are not allowed")
    if len({str if isinstance(each, str) else float if _is_number(each) else None for each in listed}) != 1:
        raise PatternError("Inside anything but list, either all values are number or string, mixed type is not supported")
    if not (isinstance(listed[0], str) or _is_number(listed[0])):
        raise PatternError("Value of anything-but must be an array or single string/number value.")
    literals = [literal(each) for each in listed]
    return lambda value: not any(test(value) for test in literals)


EXCLUDABLE = ("prefix", "suffix", "equals-ignore-case", "wildcard")
"""What may stand inside anything-but [docs]."""
FILTERS: Mapping[str, Callable[[Any], Test]] = {
    "prefix": _affix("prefix"),
    "suffix": _affix("suffix"),
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
RESERVED = frozenset({*FILTERS, "exists"})
"""Keys of match expressions: an object with one of them is none of the alternatives of $or."""
