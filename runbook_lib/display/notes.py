"""What a notebook cell shows: facts, sentences and tables together, as HTML and as plain text."""

from collections.abc import Mapping, Sequence

from runbook_lib.base import html
from runbook_lib.base.text import visible
from runbook_lib.coverage.matrix import Matrix
from runbook_lib.display import banner
from runbook_lib.display.owners_table import OwnersTable
from runbook_lib.display.tables import Shown


class Facts:
    """Names and values, one per line."""

    def __init__(self, title: str, facts: Mapping[str, object]) -> None:
        self.title, self.facts = title, facts

    def inside(self) -> str:
        return (html.heading(self.title, 3) if self.title else "") + html.facts(self.facts)

    def _repr_html_(self) -> str:
        return html.framed(self.inside())

    def __repr__(self) -> str:
        width = max(map(len, self.facts), default=0)
        lines = (f"{name:<{width}}  {visible(str(value))}" for name, value in self.facts.items())
        return "\n".join([*([visible(self.title)] if self.title else []), *lines])


class Card(Facts):
    """Facts under a frame that tells a rehearsal from a live run."""

    def __init__(self, mode: str, facts: Mapping[str, object]) -> None:
        super().__init__(banner.words(mode), facts)
        self.mode = mode

    def inside(self) -> str:
        return banner.banner(self.mode) + html.facts(self.facts)

    def __repr__(self) -> str:
        line = ("=" if self.mode == "live" else "-") * 72
        return f"{line}\n{super().__repr__()}\n{line}"


class Folded:
    """Detail behind one line, opened on demand; whole in plain text."""

    def __init__(self, summary: str, *parts: "Part") -> None:
        self.summary, self.parts = summary, parts

    def inside(self) -> str:
        return html.folded(self.summary, "".join(map(_inside, self.parts)))

    def __repr__(self) -> str:
        return "\n\n".join([visible(self.summary), *map(_plain, self.parts)])


class Lines:
    """Lines of text as they are, for commands."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines

    def inside(self) -> str:
        return "<pre>" + "\n".join(html.escaped(line) for line in self.lines) + "</pre>"

    def __repr__(self) -> str:
        return "\n".join(visible(line) for line in self.lines)


class Link:
    """The way to another notebook of the same folder."""

    def __init__(self, before: str, text: str, notebook: str) -> None:
        self.before, self.text, self.notebook = before, text, notebook

    def inside(self) -> str:
        return html.link(self.before, self.text, self.notebook)

    def __repr__(self) -> str:
        return visible(f"{self.before}{self.text}")


class Notes:
    """Several things shown by one cell, in order; a bare string is a sentence."""

    def __init__(self, *parts: "Part") -> None:
        self.parts = parts

    def _repr_html_(self) -> str:
        return html.framed("".join(map(_inside, self.parts)))

    def __repr__(self) -> str:
        return "\n\n".join(map(_plain, self.parts))


Part = str | Facts | Shown | Folded | Lines | Link | Matrix | OwnersTable


def _inside(part: Part) -> str:
    return html.paragraph(part) if isinstance(part, str) else part.inside()


def _plain(part: Part) -> str:
    return visible(part) if isinstance(part, str) else repr(part)
