"""What a notebook cell shows: facts, sentences and tables together, as HTML and as plain text."""

from collections.abc import Mapping

from runbook_lib.display import html
from runbook_lib.display.tables import Shown
from runbook_lib.escaping import visible


class Facts:
    """Names and values, one per line."""

    def __init__(self, title: str, facts: Mapping[str, object]) -> None:
        self.title, self.facts = title, facts

    def _repr_html_(self) -> str:
        return html.heading(self.title, 3) + html.facts(self.facts)

    def __repr__(self) -> str:
        width = max(map(len, self.facts), default=0)
        lines = (f"{name:<{width}}  {visible(str(value))}" for name, value in self.facts.items())
        return "\n".join([visible(self.title), *lines])


class Notes:
    """Several things shown by one cell, in order; a bare string is a sentence."""

    def __init__(self, *parts: "str | Facts | Shown") -> None:
        self.parts = parts

    def _repr_html_(self) -> str:
        return "".join(html.paragraph(part) if isinstance(part, str) else part._repr_html_() for part in self.parts)

    def __repr__(self) -> str:
        return "\n\n".join(visible(part) if isinstance(part, str) else repr(part) for part in self.parts)
