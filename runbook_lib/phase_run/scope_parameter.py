"""The parameter that names a part of the organization, as a door is given it."""

import re
from dataclasses import replace
from typing import Any

from runbook_lib.aws.other_door import NAMES
from runbook_lib.base.documents import DocumentError, short
from runbook_lib.base.documents.characters import odd_characters
from runbook_lib.base.documents.json_text import read_json
from runbook_lib.base.errors import RunbookError
from runbook_lib.plan import Scope
from runbook_lib.services.waves import UnknownWave, wave_named
from runbook_lib.settings import Settings

_SCOPE = {"regions": r"[a-z]{2,4}(-[a-z]+)+-[0-9]", "accounts": r"[0-9]{12}", "organizational_units": r"(ou|r)-[a-z0-9-]{4,65}"}
"""What a scope may name, and the form of each name."""
_SCOPE_WORDS = {
    "regions": "is not the name of a Region, such as us-east-1",
    "accounts": "is not a 12-digit account id",
    "organizational_units": "is not the id of an organizational unit (ou-…) or root (r-…)",
}
_LEADING_ZERO = re.compile(r"[\[,:\s]0[0-9]")


class BadParameter(RunbookError, ValueError):
    """A notebook parameter that is unknown, of the wrong type, or not what it should be."""

    advice = "Correct the parameter, then run again; a notebook's four are strings, see its first cell."


def read_scope(text: str, settings: Settings) -> Scope:
    """The scope parameter: JSON with any of regions, accounts, organizational_units as lists of strings; "" is all.

    Or with the name of a wave of settings alone. Besides either, `door` names the one door of this run, and `handover` the file
    that the holder of the other one left.
    """
    given_ = _given(text)
    if not isinstance(given_, dict):
        raise _unexpected(text)
    door, _ = given_.pop("door", ""), given_.pop("handover", "")
    if door not in ("", *NAMES):
        raise BadParameter(f"scope.door: {short(repr(door))}: is neither of {', '.join(NAMES)}")
    return replace(_part(given_, text, settings), door=door)


def handed_over(text: str) -> str:
    """The path of what the holder of the other door handed over; "" where nothing was. Raises BadParameter."""
    given_ = _given(text)
    found = given_.get("handover", "") if isinstance(given_, dict) else ""
    if not isinstance(found, str):
        raise BadParameter(f"scope.handover: {short(repr(found))}: the path of a handover.json is expected")
    if found and not given_.get("door"):
        raise BadParameter("scope.handover: what was handed over belongs to a run with one door; name it as scope.door")
    return found


def _given(text: str) -> Any:
    if not text.strip():
        return {}
    try:
        return read_json(text, "scope")
    except DocumentError as error:
        quotes = " (account ids in quotes)" if _LEADING_ZERO.search(text) else ""
        raise BadParameter(f'{error.findings[0].sentence}{quotes}; for example {{"regions": ["us-east-1"]}}') from None


def _unexpected(text: str) -> BadParameter:
    return BadParameter(f"scope: {short(text)}: a JSON object with any of {', '.join(_SCOPE)}, or with wave alone, is expected")


def _part(given_: dict[str, Any], text: str, settings: Settings) -> Scope:
    """The part of the organization."""
    if isinstance(given_.get("wave"), str) and len(given_) == 1:
        try:
            return wave_named(given_["wave"], settings).scope
        except UnknownWave as error:
            raise BadParameter(f"scope.wave: {error}") from None
    if any(name not in _SCOPE for name in given_):
        raise _unexpected(text)
    for name, listed in given_.items():
        if not (isinstance(listed, list) and listed and all(isinstance(each, str) for each in listed)):
            raise BadParameter(f"scope.{name}: {short(repr(listed))}: a list of strings is expected; account ids in quotes")
        if wrong := [each for each in listed if not re.fullmatch(_SCOPE[name], each)]:
            found = next(odd_characters(wrong[0]), None)
            odd = f" ({found})" if found else ""
            raise BadParameter(f"scope.{name}: '{short(wrong[0])}'{odd}: {_SCOPE_WORDS[name]}")
    regions, accounts, units = (tuple(sorted(given_.get(name, ()))) for name in _SCOPE)
    return Scope(regions, accounts, units)
