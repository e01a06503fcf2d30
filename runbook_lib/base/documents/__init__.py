"""Files that people, scanners and other tools wrote: read within bounds, and refused in words with file, place, value and advice.

The lowest floor of all: it knows no AWS and no file of ours. What may be in a file of one kind is said where that kind is read;
here is what holds for every kind: bytes (`files`), letters (`characters`), JSON (`json_text`), YAML (`yaml_text`), tables
(`tables`), and what a model says of values (`models`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from runbook_lib.base.documents.characters import shown
from runbook_lib.base.errors import RunbookError

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file."""
LONGEST_SHOWN = 80
"""Characters of a value that a finding shows."""
PASSWORD = re.compile(r"(?<=//)[^/@\s:]*:[^/@\s]*@")
"""Who signs in at an address, and how."""
LONGEST_SAID = 2000
"""Characters of what is said about it: what is known at a place may be much."""
MOST_SAID = 20
"""Findings that one error says; more say nothing new."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at one place, and what to do about it. `value` replaces the value as written, where that says more."""

    path: Path
    message: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, the value as written (empty where there is none), and what to do.

    Line 0: the line is not known, or what is wrong stands in no file.
    """

    file: str
    line: int
    key: str
    value: str
    message: str

    @property
    def place(self) -> str:
        return f"{self.file}, line {self.line}" if self.line else self.file

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        parts = [
            shown(self.place),
            short(self.key),
            f"'{short(self.value)}'" if self.value else "",
            short(self.message, LONGEST_SAID),
        ]
        return ": ".join(filter(None, parts))

    def __str__(self) -> str:
        head = self.place + (f": {self.key}" if self.key else "")
        return f"{head}\n" + (f"    value:  {self.value}\n" if self.value else "") + f"    {self.message}"


class DocumentError(RunbookError, ValueError):
    """A file that cannot be read, or that is not what it should be; one sentence per finding, each with its place.

    `note`: what helps with all of them.
    """

    advice = "Give the file as it has to be, then run again. Nothing was called."

    def __init__(self, *findings: Finding, note: str = "") -> None:
        self.findings = findings
        more = len(findings) - MOST_SAID
        lines = (
            [each.sentence for each in findings[:MOST_SAID]] + ([f"and {more} more"] if more > 0 else []) + ([note] if note else [])
        )
        super().__init__("\n".join(lines))


class NotThere(DocumentError):
    """There is no file of that name."""


def refused(file: object, message: str, *, line: int = 0, key: str = "", value: str = "") -> DocumentError:
    """An error of one finding."""
    return DocumentError(Finding(str(file), line, key, value, message))


def dotted(path: Iterable[str | int]) -> str:
    """A path as people write it: exclusions[0].account."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{short(step)}" if text else short(step)
    return text


def short(text: str, most: int = LONGEST_SHOWN) -> str:
    """A value as a message shows it: on one line, with nothing in it that cannot be seen or is a password, and not for ever."""
    text = PASSWORD.sub("***@", text)
    return shown(text[: most + 1])[:most] + ("…" if len(text) > most else "")


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or nothing where none is near."""
    names, word = list(known)[:1000], word[:LONGEST_SHOWN]
    for form in (word, word.lower(), word.upper()):
        if found := get_close_matches(form, names, n=1, cutoff=0.5):
            return f" Did you mean {short(found[0])}?"
    return ""
