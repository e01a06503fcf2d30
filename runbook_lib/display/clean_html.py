"""HTML that a notebook cell put out, rebuilt from a short list of harmless tags; all else becomes text or is dropped."""

import html
from html.parser import HTMLParser

from runbook_lib.base.text import visible

TAGS = frozenset(
    {"b", "br", "caption", "code", "col", "colgroup", "dd", "details", "div", "dl", "dt", "em",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre",
    "s", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"}
)  # fmt: skip
_EMPTY = frozenset({"br", "hr", "col"})
_ATTRIBUTES = frozenset({"colspan", "rowspan", "scope", "class"})
_DROPPED_WITH_CONTENT = frozenset(
    {"script", "style", "iframe", "object", "svg", "math", "template", "noscript", "title", "textarea", "select"}
)


def clean_html(text: str) -> str:
    """Rebuild `text`: known tags with harmless attributes, well nested; other tags lose their markup, active ones their content."""
    cleaner = _Cleaner()
    cleaner.feed(text)
    cleaner.close()
    return cleaner.result()


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._dropping: list[str] = []

    def result(self) -> str:
        return "".join([*self._parts, *(f"</{tag}>" for tag in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED_WITH_CONTENT:
            self._dropping.append(tag)
        if self._dropping or tag not in TAGS:
            return
        kept = [f' {name}="{html.escape(visible(value or ""))}"' for name, value in dict(attrs).items() if name in _ATTRIBUTES]
        self._parts.append(f"<{tag}{''.join(kept)}>")
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _DROPPED_WITH_CONTENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            if tag == self._dropping[-1]:
                self._dropping.pop()
            return
        if tag in self._open:
            while (last := self._open.pop()) != tag:
                self._parts.append(f"</{last}>")
            self._parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            lines = data.split("\n")
            self._parts.append("\n".join(html.escape(visible(line)) for line in lines))
