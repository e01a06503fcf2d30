"""YAML 1.2 read into plain values, remembering the line and the spelling of each.

Stricter than YAML, so that each value stands where it counts and means what it looks like: no tags, anchors or merge keys,
no key twice, one document.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

from runbook_lib.base.documents import DocumentError, Finding, Path, Problem, dotted
from runbook_lib.base.documents.characters import Odd, named, odd_characters, shown, unseen
from runbook_lib.base.documents.files import read_text

DEEPEST = 20
LONGEST_NUMBER = 30
MOST_VALUES = 1_000_000
TAB = "\t"


@dataclass(frozen=True)
class Form:
    """What a kind of file says of itself: where one starts from, and what to do about a key without a value ("": it means null).

    `refused`: characters that neither keys nor values may hold. `aliases`: whether anchors, aliases and merge keys are read.
    """

    start: str
    no_value: str = ""
    refused: Callable[[str], bool] = unseen
    aliases: bool = False


@dataclass
class Document:
    """The values of a file, and where each stands. Lines count from 1."""

    text: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    spans: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """From where to where in the text a key with its value stands, or an item."""
    problems: list[tuple[int, Problem]] = field(default_factory=list)
    """(line, problem)."""

    @property
    def read(self) -> bool:
        """Whether there is a mapping to look at."""
        return () in self.lines

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest key above it that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def odd(self, path: Path) -> Odd | None:
        """The first character of a key or its value that the eye misses or mistakes."""
        return next(odd_characters(self.text, *self.spans[path]), None) if path in self.spans else None

    def finding(self, file: str, problem: Problem, line: int = 0) -> Finding:
        """A problem at its line, with the value as it is written, and the character in it that the eye misses."""
        value = problem.value if problem.value is not None else self.written.get(problem.path, "")
        odd = self.odd(problem.path) if value and problem.path else None
        told = (
            f" In line {odd.line}, {odd}: type what was meant in its place."
            if odd and named(odd.character) not in problem.message
            else ""
        )
        return Finding(file, line or self.line(problem.path), dotted(problem.path), value, shown(problem.message) + told)


def read_document(text: str, form: Form) -> Document:
    """Read the file's text. What is wrong with the YAML itself is in `problems`; then `values` holds what could be read."""
    document = Document(text)
    reading = _Reading(document, form)
    try:
        reading.whole()
    except _Endless:
        pass
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        reading.forbidden.append((line, Problem((), _in_words(error) + _odd_before(text, line))))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"The character {named(_character(error))} does not belong in YAML. Remove it."
        reading.forbidden.append((line, Problem((), message)))
    except YAMLError as error:
        reading.forbidden.append((1, Problem((), f"This is not YAML: {error}.")))
    return Document(text, problems=reading.forbidden) if reading.forbidden else document


def read_yaml(path: FilePath, form: Form, most: int, longest_line: int = 0) -> Document:
    """The document of a file of at most `most` bytes. Raises DocumentError, with everything that is wrong with the YAML."""
    document = read_document(read_text(path, most, longest_line), form)
    if document.problems:
        raise DocumentError(*(document.finding(str(path), problem, line) for line, problem in document.problems))
    return document


def _character(error: ReaderError) -> str:
    return chr(error.character) if isinstance(error.character, int) else str(error.character)


def _in_words(error: MarkedYAMLError) -> str:
    problem = error.problem or error.context or "cannot be read"
    if TAB in problem or "'\\t'" in problem:
        return "There is a tab where YAML wants spaces. Indent with spaces."
    return f"This is not YAML: {problem}. Check indentation, colons and quotes on this line and the one above."


def _odd_before(text: str, line: int) -> str:
    """The last odd character on a line or on the one with something on it above: what it does shows on the next."""
    lines = text.split("\n")[:line]
    said = [number for number, each in enumerate(lines, start=1) if each.strip() and not each.lstrip().startswith("#")]
    for number in said[-1:-3:-1]:
        if found := list(odd_characters(lines[number - 1])):
            return f" In line {number}, {found[-1]}: type what was meant in its place."
    return ""


class _Endless(Exception):
    """Said already; nothing more is read."""


class _Reading:
    """One pass over the events of a text: nothing is built of what YAML would build by itself."""

    def __init__(self, document: Document, form: Form) -> None:
        self.document, self.form = document, form
        self.anchors: dict[str, tuple[Any, int]] = {}
        """Name → value, and of how many values it is made."""
        self.made = 0
        self.yaml = YAML(typ="safe", pure=True)
        self.events = self._allowed(self.yaml.parse(document.text))
        self.forbidden: list[tuple[int, Problem]] = []

    def whole(self) -> None:
        root = next((each for each in self.events if isinstance(each, NodeEvent)), None)
        if root is None:
            self._problem(1, (), f"The file is empty. {self.form.start}")
        elif isinstance(root, MappingStartEvent):
            self.document.lines[()] = root.start_mark.line + 1
            self.document.values = self._mapping(())
        else:
            self._problem(1, (), f"The file is not a mapping of keys to values.{self._odd_in(root)} {self.form.start}")
        deque(self.events, maxlen=0)  # to the end, for what is forbidden there

    def _odd_in(self, event: Event) -> str:
        found = next(odd_characters(self.document.text, event.start_mark.index, event.end_mark.index), None)
        return f" In line {found.line}, {found}: type what was meant in its place." if found else ""

    def _allowed(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events, noting what YAML allows and these files do not."""
        depth = documents = 0
        for event in events:
            line = event.start_mark.line + 1
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > DEEPEST:
                self._forbid(line, f"Nested more than {DEEPEST} deep: no file of this kind is. Check the brackets.")
                raise _Endless
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self._forbid(line, "Another document begins here (---). Keep one in this file.")
                if event.version or event.tags:
                    self._forbid(line, "Directives (%) are not used here: they change what values mean. Remove the line.")
            if not self.form.aliases and isinstance(event, NodeEvent) and event.anchor:
                self._forbid(line, "Anchors and aliases (& and *) are not used here. Write the value out where it counts.")
            if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag:
                self._forbid(line, "Tags (!) are not used here. Write the plain value.")
            yield event

    def _forbid(self, line: int, message: str) -> None:
        self.forbidden.append((line, Problem((), message)))

    def _problem(self, line: int, path: Path, message: str, value: str | None = None) -> None:
        self.document.problems.append((line, Problem(path, message, value)))

    def _value(self, event: Event, path: Path) -> Any:
        self.made += 1
        before = self.made
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if isinstance(event, MappingStartEvent):
            value: Any = self._mapping(path)
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(path)
        elif isinstance(event, ScalarEvent):
            self.document.written[path] = event.value
            value = self._scalar(event, path)
        else:
            raise TypeError(event)
        if event.anchor:
            self.anchors[event.anchor] = value, self.made - before
        return value

    def _alias(self, event: AliasEvent, path: Path) -> Any:
        """What an alias stands for; a few lines of them may stand for more than there is memory."""
        line = event.start_mark.line + 1
        if event.anchor not in self.anchors:
            if self.form.aliases:
                self._problem(line, path, f"The alias *{event.anchor} stands for nothing above it. Write the value out.", "")
            return None
        value, made = self.anchors[event.anchor]
        self.made += made
        if self.made > MOST_VALUES:
            self._forbid(line, f"The aliases of this file stand for more than {MOST_VALUES:,} values. Write out what counts.")
            raise _Endless
        return value

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            here = (*path, len(items))
            self.document.lines[here] = event.start_mark.line + 1
            self.document.spans[here] = event.start_mark.index, event.end_mark.index
            items.append(self._value(event, here))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(key := next(self.events), MappingEndEvent):
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarEvent) or any(map(self.form.refused, key.value)) or "\n" in key.value:
                self._skip(key)
                self._skip(next(self.events))
                self._problem(line, path, f"A key is one word, without characters that cannot be shown.{self._odd_in(key)}", "")
                continue
            here = (*path, key.value)
            if self._tag(key) == "merge" and self.form.aliases:
                merged = self._merged(self._value(next(self.events), here), here, line)
            elif self._tag(key) == "merge":
                self._skip(next(self.events))
                self._problem(line, here, "Merge keys (<<) are not used here. Write the keys out.")
            elif here in self.document.lines:
                self._skip(next(self.events))
                self._problem(line, here, f"This key is here twice, first on line {self.document.lines[here]}. Keep one.", "")
            else:
                self._entry(values, key, here)
        return {**merged, **values}

    def _merged(self, value: Any, path: Path, line: int) -> dict[str, Any]:
        """What a merge key brings: of several mappings the first that has a key."""
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in listed):
            self._problem(line, path, "A merge key takes a mapping, or a list of them. Write the keys out.", "")
            return {}
        return {key: inner for each in reversed(listed) for key, inner in each.items()}

    def _entry(self, values: dict[str, Any], key: ScalarEvent, here: Path) -> None:
        self.document.lines[here] = key.start_mark.line + 1
        event = next(self.events)
        end = event if isinstance(event, ScalarEvent) else key
        self.document.spans[here] = key.start_mark.index, end.end_mark.index
        value = self._value(event, here)
        if value is not None or not self.form.no_value:
            values[key.value] = value

    def _skip(self, event: Event) -> None:
        """Leave out what begins with an event."""
        depth = int(isinstance(event, CollectionStartEvent))
        while depth:
            event = next(self.events)
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)

    def _tag(self, event: ScalarEvent) -> str:
        return str(self.yaml.resolver.resolve(ScalarNode, event.value, event.implicit)).rpartition(":")[2]

    def _scalar(self, event: ScalarEvent, path: Path) -> Any:
        """Strings, booleans, numbers; dates stay the text they are. An empty value is a problem where it could mean either."""
        text, kind, line = event.value, self._tag(event), self.document.line(path)
        if kind == "null":
            if self.form.no_value:
                self._problem(line, path, self.form.no_value)
            return None
        if found := next(filter(self.form.refused, text), ""):
            self._problem(line, path, self._named(found, path), "")
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and len(text) <= LONGEST_NUMBER:
            digits = text.replace("_", "")
            return int(digits, 0) if digits.lstrip("+-")[:2].lower() in ("0o", "0x", "0b") else int(digits)
        if kind == "float":
            return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text

    def _named(self, character: str, path: Path) -> str:
        place = self.document.odd(path)
        where = f" at column {place.column}" if place and place.character == character else ", written as an escape (\\x… or \\u…)"
        return f"There is a character in this value that cannot be shown: {named(character)}{where}. Remove it."
