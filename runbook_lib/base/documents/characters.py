"""Characters that cannot be seen, or that look like another: named with code point and column, so that they can be found."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_NOT_PLAIN = re.compile(r"[^\t\n\r -~]")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Part of words in some scripts, and of many pictures; they turn nothing round and hide nothing by themselves."""
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Direction marks that show a line in another order than it is read."""
_LIKE = frozenset({"Zs", "Pi", "Pf", "Pd", "Nd"})
"""Spaces, quotes, dashes and digits beside ASCII's own."""
_OTHER_LIKE = frozenset("\u201a\u201e\u2032\u2033\u02bc\u2212\u2236\u02d0\ua789\uff1a\uff1b\uff0c\uff1d\u2044\u2215")
_ALPHABETS = ("CYRILLIC", "GREEK", "ARMENIAN", "FULLWIDTH", "MATHEMATICAL", "CHEROKEE", "COPTIC")
"""Alphabets with letters that look like ours."""


@dataclass(frozen=True)
class Odd:
    """A character that the eye misses or mistakes: where it stands (from 1) and what it is."""

    line: int
    column: int
    character: str

    def __str__(self) -> str:
        return f"column {self.column} holds {named(self.character)}"


def named(character: str) -> str:
    """A character by code point and Unicode's name: U+00A0 (no-break space)."""
    name = unicodedata.name(character, "").lower() or ("control character" if unicodedata.category(character) == "Cc" else "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def unseen(character: str) -> bool:
    """Whether a character cannot be seen at all, or changes how others are: controls, direction marks, zero widths.

    Tabs and line feeds are seen by what they do; joiners belong to words.
    """
    return unicodedata.category(character) in _UNSEEN and character not in f"\t\n{_JOINERS}"


def control(character: str) -> bool:
    """Whether a character is a control or half of one; those of `unseen` that no text ever had."""
    return unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\n"


def unwritable(character: str) -> bool:
    """Whether a character is half of one, or NUL: no file and no path can hold it."""
    return unicodedata.category(character) == "Cs" or character == "\0"


def odd(character: str) -> bool:
    """Whether a character cannot be seen, or is easily taken for another."""
    if " " <= character <= "~" or character in "\t\n\r":
        return False
    category = unicodedata.category(character)
    if category in _UNSEEN or category in _LIKE or character in _OTHER_LIKE:
        return True
    return unicodedata.name(character, "").startswith(_ALPHABETS)


def odd_characters(text: str, start: int = 0, end: int | None = None) -> Iterator[Odd]:
    """The odd characters of a part of a text, each with its line and column in the whole."""
    line, counted = 1, 0
    for found in _NOT_PLAIN.finditer(text, start, len(text) if end is None else end):
        if odd(found.group()):
            at = found.start()
            line, counted = line + text.count("\n", counted, at), at
            yield Odd(line, at - text.rfind("\n", 0, at), found.group())


def shown(text: str) -> str:
    """A text on one line, with what cannot be seen, and every space but the plain one, as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if each == " " or (each.isprintable() and not each.isspace()) else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
