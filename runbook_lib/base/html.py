"""Self-contained HTML pages: no script, no outside request, every text escaped; readable offline, printed and without colour."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence

from runbook_lib.base.text import visible

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of every page: even text that escaped our escaping could neither run nor load anything."""

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; color: #111; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2rem } h3 { font-size: 1.05rem }
table { border-collapse: collapse; margin: .6rem 0 1.4rem; font-size: .9rem }
caption { text-align: left; font-weight: bold; padding: .3rem 0 }
th, td { border: 1px solid #777; padding: .2rem .5rem; text-align: left; vertical-align: top; overflow-wrap: break-word }
th { background: #eee; white-space: nowrap } nav { margin: 0 0 1rem; font-size: .9rem } a { color: #0b4a8f }
ul.plain { list-style: none; margin: 0; padding: 0 } td.number { text-align: right; white-space: nowrap }
span.name { white-space: nowrap } td.long { min-width: 6.5rem; overflow-wrap: anywhere }
tr.total { font-weight: bold; border-top: 3px double #111 }
pre { background: #f4f4f4; border: 1px solid #ccc; padding: .5rem; white-space: pre-wrap; overflow-wrap: anywhere }
pre.result { background: #fff; border-style: none none none solid; border-width: 3px }
pre.failed { border: 2px solid #111 } .note { font-style: italic }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 10pt } thead { display: table-header-group }
  tr, img { break-inside: avoid } h1, h2, h3, caption, summary { break-after: avoid } nav { display: none }
  td.long { min-width: 4.5rem } details::details-content { content-visibility: visible; display: block; height: auto } }
"""


def escaped(text: object) -> str:
    """One text for HTML: markup escaped, hidden characters shown."""
    return html.escape(visible(str(text)))


def page(title: str, parts: Iterable[str], *, ways: str = "", style: str = "") -> str:
    """A whole document around parts that are HTML already. `ways`: where it leads (`ways`); `style`: rules of this page alone."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<header>{ways}"
        f"<h1>{escaped(title)}</h1></header>\n<main>\n" + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"
    )


def ways(pages: Iterable[tuple[str, str]]) -> str:
    """Where a page leads: (words, address relative to it) of each page near it."""
    return element("nav", " · ".join(anchor(words, address) for words, address in pages), aria_label="Pages")


def element(tag: str, inside: str, **attributes: str) -> str:
    """One element around HTML; of an attribute's name, a trailing _ is dropped and _ stands for a hyphen."""
    said = "".join(f' {name.removesuffix("_").replace("_", "-")}="{escaped(value)}"' for name, value in attributes.items() if value)
    return f"<{tag}{said}>{inside}</{tag}>"


def anchor(words: str, address: str) -> str:
    """A link to a page beside this one, or to a place in this one."""
    return element("a", escaped(words), href=address)


IN_CELL = (
    "<style>.runbook td,.runbook th,.runbook caption{text-align:left!important;vertical-align:top;max-width:34rem;"
    "overflow-wrap:break-word;white-space:normal}.runbook td.number{text-align:right!important;white-space:nowrap}"
    ".runbook td{min-width:2.5rem}.runbook span.name{white-space:nowrap}"
    ".runbook td.long{min-width:6.5rem;overflow-wrap:anywhere}.runbook caption{font-weight:bold}"
    ".runbook summary{cursor:pointer}.runbook tr.total{font-weight:bold}"
    "@media print{.runbook table{font-size:8pt}.runbook td.long{min-width:4.5rem}.runbook tr{break-inside:avoid}"
    ".runbook summary,.runbook caption{break-after:avoid}"
    ".runbook details::details-content{content-visibility:visible;display:block;height:auto}}</style>"
)
"""What a front end's own style for tables does to ours; without it (untrusted) they are only less tidy.

On paper nothing is folded: whoever reads it there can open nothing.
"""


def framed(parts: str) -> str:
    """HTML of one thing that a cell shows, read from left to right as on our own pages."""
    return f'{IN_CELL}<div class="runbook">{parts}</div>'


def folded(summary: str, inside: str) -> str:
    """Detail that opens on demand, without script."""
    return f"<details><summary>{escaped(summary)}</summary>{inside}</details>"


def heading(text: str, level: int = 2) -> str:
    return f"<h{level}>{escaped(text)}</h{level}>"


def paragraph(text: str) -> str:
    return f"<p>{escaped(text)}</p>"


def link(before: str, text: str, address: str) -> str:
    """A paragraph with a way to somewhere near."""
    return f'<p>{escaped(before)}<a href="{escaped(address)}">{escaped(text)}</a></p>'


def facts(pairs: Mapping[str, object]) -> str:
    """A table of names and values."""
    return rows_of(pairs.items())


def rows_of(pairs: Iterable[Sequence[object]]) -> str:
    """The same for rows of which several may have one name."""
    rows = "".join(f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(value)}</td></tr>' for name, value in pairs)
    return f"<table>{rows}</table>"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "", *, total: bool = False) -> str:
    """A table of texts and numbers; with `total` the last row is marked as the sum of the others."""
    shown = [[value if _is_number(value) else escaped(value) for value in row] for row in rows]
    return table_of(headers, shown, caption, total=total)


def table_of(headers: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "", *, total: bool = False) -> str:
    """The same, where the texts are HTML already."""
    head = "".join(f'<th scope="col">{escaped(header)}</th>' if header else "<td></td>" for header in headers)
    places = [header.lower() in ("region", "regions") for header in headers]
    lines = [f"<tr>{''.join(_cell(value, place) for value, place in zip(row, places, strict=True))}</tr>" for row in rows]
    if total and lines:
        lines[-1] = lines[-1].replace("<tr>", '<tr class="total">', 1)
    body = "\n".join(lines)
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


_BREAKS = re.compile(r"<[^<>]*>|[\s-]+")
"""Where a browser may begin a new line: between words, and after a hyphen."""
_UNBROKEN = 16
"""Characters of a word from which on it may be broken, so that a table of ten columns keeps within a window, or a printed page."""
_WRITTEN_NUMBER = re.compile(r"\d{1,3}(,\d{3})*")
"""A number that is text already; the id of an account is none."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object, place: bool) -> str:
    """One field; Regions are broken between names, never at the hyphens within one."""
    if _is_number(value):
        return f'<td class="number">{value:,}</td>'
    if _WRITTEN_NUMBER.fullmatch(str(value)):
        return f'<td class="number">{value}</td>'
    if place and "<" not in str(value):
        return f"<td>{', '.join(element('span', name, class_='name') for name in str(value).split(', '))}</td>"
    longest = max(map(len, _BREAKS.split(str(value))))
    return element("td", str(value), class_="long" if longest > _UNBROKEN else "")
