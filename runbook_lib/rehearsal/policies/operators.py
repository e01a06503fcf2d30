"""Condition operators [docs: IAM JSON policy elements, condition operators; single-valued and multivalued context keys]."""

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from runbook_lib.rehearsal.policies.wildcards import Context, PolicyError, Value, arn_like, filled, like

Parts = tuple[str, ...]
Compare = Callable[[Parts, str], bool]
"""Whether a wanted value, in parts as `filled` gives them, and a value of the request agree."""


def _text(parts: Parts) -> str:
    return "".join(parts)


def _number(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise PolicyError(f"{text!r} is not a number") from None
    if not found.is_finite():
        raise PolicyError(f"{text!r} is not a number")
    return found


def _moment(text: str) -> Decimal:
    """Seconds since the epoch, of a date in ISO 8601 or in seconds."""
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return Decimal(text)
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise PolicyError(f"{text!r} is neither an ISO 8601 date nor a time in seconds") from None
    return Decimal(str((found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()))


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise PolicyError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _in_network(wanted: str, value: str) -> bool:
    try:
        network, address = ipaddress.ip_network(wanted, strict=False), ipaddress.ip_address(value)
    except ValueError as error:
        raise PolicyError(f"no address or range of addresses: {error}") from None
    return address in network


def _ordered(read: Callable[[str], Decimal], holds: Callable[[Decimal, Decimal], bool]) -> Compare:
    return lambda parts, value: holds(read(value), read(_text(parts)))


ORDERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "Equals": lambda value, wanted: value == wanted,
    "LessThan": lambda value, wanted: value < wanted,
    "LessThanEquals": lambda value, wanted: value <= wanted,
    "GreaterThan": lambda value, wanted: value > wanted,
    "GreaterThanEquals": lambda value, wanted: value >= wanted,
}
POSITIVE: dict[str, Compare] = {
    "StringEquals": lambda parts, value: _text(parts) == value,
    "StringEqualsIgnoreCase": lambda parts, value: _text(parts).lower() == value.lower(),
    "StringLike": like,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
    "Bool": lambda parts, value: _truth(_text(parts)) == _truth(value),
    "BinaryEquals": lambda parts, value: _text(parts) == value,
    "IpAddress": lambda parts, value: _in_network(_text(parts), value),
    **{f"Numeric{name}": _ordered(_number, holds) for name, holds in ORDERS.items()},
    **{f"Date{name}": _ordered(_moment, holds) for name, holds in ORDERS.items()},
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
"""Holds where no wanted value agrees, so also where the request does not have the key."""
LITERAL = ("Numeric", "Date", "Bool", "Binary", "IpAddress", "NotIpAddress", "Null")
"""Operators that take no variables."""
_NAMES = {name.lower(): name for name in (*POSITIVE, *NEGATED, "Null")}
OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?", re.IGNORECASE)
KEY = re.compile(r"[A-Za-z0-9.-]+:[^\s:$*?]+(:[^\s$*?]+)?")


@dataclass(frozen=True)
class Condition:
    """One key under one operator. `every`: ForAllValues, False for ForAnyValue, None for neither."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    every: bool | None = None
    if_exists: bool = False

    def holds(self, context: Context, *, variables: bool = True) -> bool:
        """Whether it holds in a request. Raises `PolicyError` for what cannot be told."""
        value: Value = context(self.key) or None
        if self.operator == "Null":
            return (value is None) is _truth(self.wanted[0])
        if value is None:
            return self._without_value()
        if self.every is None and isinstance(value, tuple):
            raise PolicyError(f"{self.key} has several values: {self.operator} needs ForAllValues or ForAnyValue before it")
        values = value if isinstance(value, tuple) else (value,)
        fitting = [self._fits(each, context, variables=variables) for each in values]
        return any(fitting) if self.every is False else all(fitting)

    def _without_value(self) -> bool:
        """The key is not there: IfExists changes nothing for the set operators, which ask for the values one by one [docs]."""
        if self.every is not None:
            return self.every
        return self.if_exists or self.operator in NEGATED

    def _fits(self, value: str, context: Context, *, variables: bool) -> bool:
        compare = POSITIVE[NEGATED.get(self.operator, self.operator)]
        takes_variables = variables and not self.operator.startswith(LITERAL)
        wanted = [filled(each, context, variables=takes_variables) for each in self.wanted]
        agrees = [compare(each, value) for each in wanted if each is not None]
        return any(agrees) is not (self.operator in NEGATED)


def condition(operator: str, key: str, values: Sequence[Any]) -> Condition:
    """A condition as a policy writes it. Raises `PolicyError` for an unknown operator, and for what is no key or no value."""
    found = OPERATOR.fullmatch(operator)
    name = _NAMES.get(found[2].lower()) if found else None
    if found is None or name is None:
        raise PolicyError(f"there is no condition operator {operator!r}")
    each, if_exists = (found[1] or "").lower(), bool(found[3])
    if name == "Null" and (each or if_exists or len(values) != 1):
        raise PolicyError("Null stands alone, with one value")
    if not KEY.fullmatch(key):
        raise PolicyError(f"{key!r} is not a condition key")
    wanted = tuple(_written(value, operator) for value in values)
    if not wanted:
        raise PolicyError(f"{operator} has no value for {key}")
    made = Condition(name, key, wanted, {"": None, "forallvalues": True, "foranyvalue": False}[each], if_exists)
    _check(made)
    return made


def _written(value: Any, operator: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise PolicyError(f"{operator} compares texts, numbers and true or false, not {value!r}")
    return str(value)


def _check(made: Condition) -> None:
    """Refuse values that the operator cannot read, before any request needs them."""
    for prefix, read in (("Numeric", _number), ("Date", _moment), ("Bool", _truth), ("Null", _truth)):
        if made.operator.startswith(prefix):
            for each in made.wanted:
                read(each)
    if made.operator.endswith("IpAddress"):
        for each in made.wanted:
            _in_network(each, "192.0.2.1")
