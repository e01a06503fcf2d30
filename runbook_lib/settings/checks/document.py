"""Reads YAML 1.2 into plain values, remembering the line and the spelling of each.

Stricter than YAML, so that each value stands where it counts and means what it looks like: no tags, anchors or merge keys,
no key twice, no key without a value, one document.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, NodeEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from runbook_lib.settings.checks import Path, Problem

DEEPEST = 20
LONGEST_NUMBER = 30
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
TAB = "\t"


@dataclass
class Document:
    """The values of a file, and where each stands. Lines count from 1."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
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


def read_document(text: str) -> Document:
    """Read the file's text. What is wrong with the YAML itself is in `problems`; then `values` holds what could be read."""
    document = Document()
    try:
        document.problems.extend(_forbidden(text))
        if not document.problems:
            root = YAML(typ="safe", pure=True).compose(text)
            _read_root(document, root)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.problems.append((mark.line + 1 if mark else 1, Problem((), _in_words(error))))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append((line, Problem((), f"The character U+{_code(error):04X} does not belong in YAML. Remove it.")))
    except YAMLError as error:
        document.problems.append((1, Problem((), f"This is not YAML: {error}.")))
    return document


def _code(error: ReaderError) -> int:
    return error.character if isinstance(error.character, int) else ord(error.character)


def _in_words(error: MarkedYAMLError) -> str:
    problem = error.problem or error.context or "cannot be read"
    if TAB in problem or "'\\t'" in problem:
        return "There is a tab where YAML wants spaces. Indent with spaces."
    return f"This is not YAML: {problem}. Check indentation, colons and quotes on this line and the one above."


def _forbidden(text: str) -> Iterator[tuple[int, Problem]]:
    """What YAML allows and these files do not; found in the stream of events, before anything is built from it."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        line = event.start_mark.line + 1
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            yield line, Problem((), f"Nested more than {DEEPEST} deep: no settings are. Check the brackets.")
            return
        if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
            yield line, Problem((), "Directives (%) are not used here: they change what values mean. Remove the line.")
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            yield line, Problem((), "Anchors and aliases (& and *) are not used here. Write the value out where it counts.")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag:
            yield line, Problem((), "Tags (!) are not used here. Write the plain value.")


def _read_root(document: Document, root: Node | None) -> None:
    if root is None:
        document.problems.append((1, Problem((), "The file is empty. Start from parameters/example.yaml.")))
    elif not isinstance(root, MappingNode):
        document.problems.append(
            (1, Problem((), "The file is not a mapping of keys to values. Start from parameters/example.yaml."))
        )
    else:
        document.lines[()] = root.start_mark.line + 1
        document.values = _mapping(document, root, ())


def _value(document: Document, node: Node, path: Path) -> Any:
    if isinstance(node, MappingNode):
        return _mapping(document, node, path)
    if isinstance(node, SequenceNode):
        items = []
        for position, item in enumerate(node.value):
            document.lines[(*path, position)] = item.start_mark.line + 1
            items.append(_value(document, item, (*path, position)))
        return items
    document.written[path] = str(node.value)
    return _scalar(document, str(node.tag), str(node.value), path)


def _mapping(document: Document, node: MappingNode, path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, item in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode) or CONTROL.search(str(key.value)):
            document.problems.append((line, Problem(path, "A key is one word, without characters that cannot be shown.", "")))
            continue
        here = (*path, str(key.value))
        if str(key.tag).endswith(":merge"):
            document.problems.append((line, Problem(here, "Merge keys (<<) are not used here. Write the keys out.")))
        elif key.value in values or here in document.lines:
            first = document.lines[here]
            document.problems.append((line, Problem(here, f"This key is here twice, first on line {first}. Keep one.", "")))
        else:
            document.lines[here] = line
            value = _value(document, item, here)
            if value is not None:
                values[str(key.value)] = value
    return values


def _scalar(document: Document, tag: str, text: str, path: Path) -> Any:
    """Strings, booleans, numbers; dates stay the text they are. An empty value is a problem: it could mean either."""
    kind = tag.rpartition(":")[2]
    if kind == "null":
        message = "The key has no value. Give it one, or leave the key out, which means: not managed here."
        document.problems.append((document.line(path), Problem(path, message)))
        return None
    if CONTROL.search(text):
        message = "There is a character in this value that cannot be shown, written as an escape (\\x… or \\u…). Remove it."
        document.problems.append((document.line(path), Problem(path, message, "")))
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int" and len(text) <= LONGEST_NUMBER:
        digits = text.replace("_", "")
        return int(digits, 0) if digits.lstrip("+-")[:2].lower() in ("0o", "0x", "0b") else int(digits)
    if kind == "float":
        return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
