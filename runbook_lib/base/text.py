"""Text that came from AWS or from people, made safe for where it is shown: terminal, spreadsheet, Markdown.

Account names and error messages are not ours: a name may hold markup, a formula, a line break, or a mark that turns the
reading direction. HTML is escaped by the standard library's `html.escape`, after `visible`.
"""

import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FORMULA = re.compile(r"(^|[;,\"|]|\\[tnr])\s*(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])")
_STARTS_WITH_CONTROL = re.compile(r"^\s*[\t\r\n]")
_MARKDOWN_ALWAYS = re.compile(r"([\\`*\[\]|#~$!{}])|(?<![A-Za-z0-9])(_)|(_)(?![A-Za-z0-9])")
_MARKDOWN_AT_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}


def visible(text: str) -> str:
    """Show what the eye would miss: control and format characters (line breaks, direction marks, zero widths) as escapes."""
    if text.isprintable():
        return text
    return "".join(_escape(character) if unicodedata.category(character) in _HIDDEN else character for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def spreadsheet_safe(text: str) -> str:
    """A field that no spreadsheet takes for a formula, whatever separator it was told to split at.

    An apostrophe goes before each of = + - @ (also in full width) that starts the field or follows a separator in it, and
    before a field that starts with a tab or line break.
    """
    shown = _FORMULA.sub(lambda match: match.group(0) + "'", visible(text))
    return "'" + shown if _STARTS_WITH_CONTROL.match(text) and not shown.startswith("'") else shown


def markdown_safe(text: str) -> str:
    """Text that Markdown shows as it is, also inside a table: no markup, link, mention, heading or list comes of it."""
    shown = _MARKDOWN_ALWAYS.sub(r"\\\g<0>", visible(text).strip())
    shown = "".join(_ENTITIES.get(character, character) for character in shown)
    shown = re.sub(r"(?i)(https?|ftp|www)(:|\.)", lambda m: m.group(1) + ("&#58;" if m.group(2) == ":" else "&#46;"), shown)
    return _MARKDOWN_AT_START.sub(_hold_back, shown)


def _hold_back(match: re.Match[str]) -> str:
    """A mark that would start a list, rule or heading line gets its backslash; a number gets it behind, before its dot."""
    start, mark = match.groups()
    return f"{start}{mark}\\" if mark.isdigit() else f"{start}\\{mark}"


def counted(number: int, thing: str) -> str:
    """A number of things as a phrase; `thing` is the singular of a word whose plural takes an s."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
