"""A document in blocks, written once and read in two forms: Markdown for a ticket, HTML for a browser and for paper."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runbook_lib.base import html
from runbook_lib.base.text import markdown_safe


@dataclass(frozen=True)
class Heading:
    """A title. `number` goes before it and is ours, so it is not escaped."""

    level: int
    text: str
    number: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph; `lead` stands out before it."""

    text: str
    lead: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of texts below their headers; a table of two columns without headers is one of names and values."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Points:
    """A list."""

    texts: Sequence[str]


@dataclass(frozen=True)
class Code:
    """Lines to copy."""

    text: str


Block = Heading | Text | Table | Points | Code


def as_markdown(blocks: Iterable[Block]) -> str:
    """The document as Markdown that shows every text as it is."""
    return "\n".join(line for block in blocks for line in (*_markdown(block), "")).rstrip() + "\n"


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text, number):
            yield f"{'#' * level} {number}{markdown_safe(text)}"
        case Text(text, lead):
            yield f"**{markdown_safe(lead)}**: {markdown_safe(text)}" if lead else markdown_safe(text)
        case Table(headers, rows):
            yield f"| {' | '.join(headers)} |"
            yield f"| {' | '.join('---' for _ in headers)} |"
            yield from (f"| {' | '.join(markdown_safe(value) for value in row)} |" for row in rows)
        case Points(texts):
            yield from (f"* {markdown_safe(text)}" for text in texts)
        case Code(text):
            # The fence is longer than any run of back quotes in it.
            fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", text))])
            yield from (f"{fence}sh", text, fence)


def as_html(blocks: Iterable[Block]) -> Iterator[str]:
    """The same document as parts of a page."""
    for block in blocks:
        match block:
            case Heading(level, text, number):
                yield html.heading(number + text, level)
            case Text(text, lead):
                yield f"<p><b>{html.escaped(lead)}</b>: {html.escaped(text)}</p>" if lead else html.paragraph(text)
            case Table(headers, rows):
                yield html.table(headers, rows) if any(headers) else html.rows_of(rows)
            case Points(texts):
                yield html.element("ul", "".join(html.element("li", html.escaped(text)) for text in texts))
            case Code(text):
                yield html.element("pre", "\n".join(html.escaped(line) for line in text.split("\n")))
