"""An executed notebook as one HTML file that an auditor can open anywhere: no script, no outside request, nothing hidden.

Widgets, JavaScript and vector graphics are left out; what they say is in the cell's text form. Links in prose are shown as text.
papermill marks cells as completed that a timeout or signal kept from running, so "Not run" is told from the missing execution
count, not from papermill's metadata.
"""

import html as standard_html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.base.notebook_format import nbformat

# isort: split
import mistune
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.ansi import strip_ansi

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import write_text
from runbook_lib.base.html import POLICY, STYLE, escaped, facts, ways
from runbook_lib.base.moments import moment_words
from runbook_lib.base.text import visible
from runbook_lib.coverage import matrix
from runbook_lib.display import banner
from runbook_lib.display.clean_html import clean_html

STYLE_HERE = """
@page { size: A4 landscape; margin: 12mm }
@media print { table { font-size: 8pt } pre { font-size: 8pt } }
"""
"""On paper a notebook has the wide tables of a coverage page."""
TEMPLATES = Path(__file__).resolve().parent / "templates"
_BASE64 = re.compile(r"^[A-Za-z0-9+/=\s]+$")


class NotebookHtmlError(RunbookError):
    """The notebook cannot be read; the message names the file."""


def write_notebook_html(
    notebook: Path, target: Path, *, mode: str, phase: str, more: Mapping[str, str] | None = None, back: str = ""
) -> Path:
    """Write the page for an executed notebook. Mode and phase head it, with papermill's times and parameters and `more`."""
    try:
        document = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]  # nbformat ships no types
    except (OSError, ValueError, AttributeError, KeyError, nbformat.ValidationError) as error:
        raise NotebookHtmlError(f"{notebook}: cannot be read as a notebook: {error}") from error
    write_text(target, notebook_page(document, mode=mode, phase=phase, more=more, back=back))
    return target


def notebook_page(document: Any, *, mode: str, phase: str, more: Mapping[str, str] | None = None, back: str = "") -> str:
    """The page for a notebook document (nbformat 4). `back`: the address of the page of all runs, from where this one will lie."""
    exporter = TemplateExporter(  # type: ignore[no-untyped-call]  # nbconvert ships no types
        template_name="runbook", extra_template_basedirs=[str(TEMPLATES)], file_extension=".html", template_extension=".html.j2"
    )
    for name, function in _FILTERS.items():
        exporter.register_filter(name, function)  # type: ignore[no-untyped-call]  # as above
    title = f"{phase} ({mode})"
    head = {"Phase": phase, "Mode": mode, **_papermill(document), **(more or {})}
    body, _ = exporter.from_notebook_node(
        document,
        resources={
            "runbook": {
                "title": title,
                "policy": POLICY,
                "style": f"{STYLE}\n{banner.RULES}\n{STYLE_HERE}\n{matrix.RULES}",
                "facts": facts(head),
                "ways": ways([("All runs", back)]) if back else "",
            }
        },
    )
    return str(body)


def _papermill(document: Any) -> dict[str, str]:
    """When it ran, how long, with which parameters, as papermill noted it; empty for a notebook run at the screen."""
    noted = document.metadata.get("papermill") or {}
    times = {
        name: words(str(noted[key]))
        for name, key, words in (
            ("Started", "start_time", _moment),
            ("Ended", "end_time", _moment),
            ("Duration", "duration", _seconds),
        )
        if noted.get(key) is not None
    }
    parameters = {f"Parameter {name}": value for name, value in sorted((noted.get("parameters") or {}).items())}
    return {name: str(value) for name, value in (times | parameters).items()}


def _moment(noted: str) -> str:
    """Papermill notes UTC, older ones without saying so."""
    return moment_words(noted if noted[19:].endswith(("Z", "+00:00")) else f"{noted}+00:00")


def _seconds(noted: str) -> str:
    try:
        return f"{float(noted):,.0f} s"
    except ValueError:
        return noted


def _shown_lines(text: str) -> str:
    """Text with its line breaks, everything else hidden made visible, escaped."""
    plain_text = str(strip_ansi(text))  # type: ignore[no-untyped-call]  # nbconvert ships no types
    return "\n".join(escaped(line) for line in plain_text.expandtabs().splitlines())


class _Prose(mistune.HTMLRenderer):
    """Markdown without anything to click or load: links and images become text."""

    def __init__(self) -> None:
        super().__init__(escape=True)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        address = escaped(url)
        return text if text == address else f"{text} ({address})"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return standard_html.escape(visible(text))


def _prose(text: str) -> str:
    lines = "\n".join(visible(line) for line in text.splitlines())
    return str(mistune.create_markdown(renderer=_Prose(), plugins=["table"])(lines))


def _output_part(output: Mapping[str, Any]) -> str:
    """One output: the best harmless form of it, and its text where there is none."""
    kind = output["output_type"]
    if kind == "stream":
        return _result(output["text"], "result")
    if kind == "error":
        return _result("\n".join([f"{output['ename']}: {output['evalue']}", *output["traceback"]]), "result failed")
    data = output.get("data", {})
    if "text/html" in data:
        return clean_html(data["text/html"])
    for form in ("image/png", "image/jpeg"):
        if form in data and _BASE64.match(data[form]):
            return f'<img alt="picture" src="data:{form};base64,{"".join(data[form].split())}">'
    if "text/markdown" in data:
        return _prose(data["text/markdown"])
    return _result(data["text/plain"], "result") if "text/plain" in data else ""


def _result(text: str | Sequence[str], style: str) -> str:
    whole = text if isinstance(text, str) else "".join(text)
    return f'<pre class="{style}">{_shown_lines(whole)}</pre>'


_FILTERS = {"shown": escaped, "shown_lines": _shown_lines, "prose": _prose, "output_part": _output_part}
