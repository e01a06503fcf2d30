"""index.html beside the runs: the way in to everything that they left, newest first.

Made anew by every command, so it lies outside every seal. Its addresses are relative: the folder of runs may be moved or copied.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from runbook_lib.base import html
from runbook_lib.base.files import write_text
from runbook_lib.base.moments import moment_words
from runbook_lib.evidence.listing import PAGE, Row, address_of, rows
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunFolderError
from runbook_lib.runbook.phases import NOTEBOOKS

LINKED = 60
"""Of so many runs, the latest, every page is linked; of those before them the folder, so that the page stays small."""
FILES = (
    ("plan", ("plan.html", "plan.md")),
    ("for the change board", ("change.html",)),
    ("plan at apply", ("plan-at-apply.html", "plan-at-apply.md")),
    ("approval", ("approval.json",)),
    ("coverage before", ("coverage-before.html",)),
    ("coverage after", ("coverage-after.html",)),
    ("journal", ("journal.jsonl",)),
    ("notebook", ("notebook.html",)),
    ("notebook of the plan", ("notebook-plan.html",)),
)
"""What is linked of a phase, in the order in which it is read → its file, or what older runs have for it."""
ABOUT_RUN = (("settings", "settings.yaml"), ("log", "log.jsonl"), ("seal", SEAL))
TITLES = {notebook.name: notebook.title for notebook in NOTEBOOKS}
NOTE = (
    "Newest first. Written again by every command, and not evidence itself: "
    "runbook evidence verify --all checks the runs against their seals."
)
STYLE = """
tr.live td:first-child { border-left: 8px solid #111 } .mode { border: 1px solid #555; padding: 0 .35rem; font-size: .85em }
.mode.live { background: #111; color: #fff; border-color: #111; font-weight: bold }
td.pages li { padding-bottom: .15rem } td.wide { max-width: 16rem }
td.short { white-space: nowrap } :target { outline: 3px solid #0b4a8f }
"""


def page(root: Path) -> str:
    """All runs below a folder as one page. The modes are in its title."""
    listed = rows(root)
    modes = " and ".join(sorted({row.mode for row in listed if row.mode})) or "no runs"
    lines = [_line(root, row, linked=place < LINKED) for place, row in enumerate(reversed(listed))]
    parts = [html.paragraph(NOTE)]
    if lines:
        head = "".join(html.element("th", each, scope="col") for each in ("Run", "Result", "Coverage", "Approved", "Pages"))
        body = "\n".join(lines)
        parts += [html.paragraph(_sum(listed)), f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"]
    return html.page(f"Runs ({modes})", parts, style=STYLE)


def write_page(root: Path) -> Path:
    """Write the page beside the runs."""
    path = root / PAGE
    write_text(path, page(root))
    return path


def _sum(listed: list[Row]) -> str:
    live = sum(row.mode == "LIVE" for row in listed)
    return f"{len(listed):,} run{'s' * (len(listed) != 1)}, of which {f'{live:,}' if live else 'none'} live."


def _line(root: Path, row: Row, *, linked: bool) -> str:
    live, run = row.mode == "LIVE", RunFolder(root / row.run)
    begun = moment_words(row.started.replace(" ", "T") + "Z") if row.started else ""
    mode = html.element("span", html.escaped(row.mode), class_="mode live" if live else "mode") if row.mode else ""
    number = f"number {row.number}" if row.number.isdecimal() else row.number
    about = "".join(f"<br>{html.escaped(each)}" for each in (begun, row.organization, number) if each)
    approved = "<br>".join(html.escaped(each) for each in (row.approver, row.ticket) if each)
    cells = [
        f"<td>{mode} {html.anchor(row.run, quote(row.run) + '/')}{about}</td>",
        html.element("td", html.escaped(row.result), class_="wide"),
        html.element("td", html.escaped(row.coverage), class_="short"),
        html.element("td", approved, class_="wide"),
        html.element("td", _pages(run) if linked else html.escaped(row.phases), class_="pages"),
    ]
    return html.element("tr", "".join(cells), id=row.run, class_="live" if live else "")


def _pages(run: RunFolder) -> str:
    """What there is of a run to read: one line per phase, and one about the whole."""
    try:
        phases = run.phases()
    except OSError:
        return ""
    lines = [line for phase in phases if (line := _phase(run, phase))]
    whole = [html.anchor(words, f"{quote(run.name)}/{name}") for words, name in ABOUT_RUN if (run.path / name).exists()]
    lines += [f"Whole run: {' · '.join(whole)}"] if whole else []
    return html.element("ul", "".join(html.element("li", line) for line in lines), class_="plain")


def _phase(run: RunFolder, phase: PhaseFolder) -> str:
    links = [html.anchor(words, f"{quote(run.name)}/{quote(phase.name)}/{name}") for words, name in _there(phase)]
    number, _, rest = phase.name.partition("_")
    title = f"{number} {TITLES.get(phase.name, rest.replace('_', ' '))}"
    return f"<b>{html.escaped(title)}</b>{html.escaped(_status(run, phase))}: {' · '.join(links)}" if links else ""


def _status(run: RunFolder, phase: PhaseFolder) -> str:
    """How a phase ended, where that is not the usual."""
    try:
        said = run.record()["phases"].get(phase.name, {}).get("status", "done")
    except RunFolderError:
        return ""
    return "" if said == "done" else f" ({said})"


def ways_from(run: RunFolder, phase: PhaseFolder, here: str, *, following: str = "") -> list[tuple[str, str]]:
    """Where a page in the folder of a phase leads: back to all runs, and to what lies beside it or is written next."""
    beside = [(words, name) for words, name in _there(phase, following) if name != here]
    return [("All runs", address_of(run.name)), *beside]


def _there(phase: PhaseFolder, following: str = "") -> Iterator[tuple[str, str]]:
    for words, names in FILES:
        if name := next((each for each in names if each == following or (phase.path / each).exists()), ""):
            yield words, name
