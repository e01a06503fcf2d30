"""The register of workflows as pages to read offline: an index with who answers for what, and a page for each workflow.

The table of owners is the same in every form: HTML with a colour, a sign and a word for each of coverage's five answers, and CSV.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from runbook_lib.base import html
from runbook_lib.coverage import Status
from runbook_lib.services.response.owners import Answer, Open, Row
from runbook_lib.settings.register import Register
from runbook_lib.settings.workflow import Step, Workflow

INDEX, TABLE = "index.html", "owners.csv"
SIGNS = {Status.COVERED: "●", Status.GAP: "✕", Status.UNKNOWN: "?", Status.EXCLUDED: "–", Status.NOT_APPLICABLE: "·"}
STYLE = """
td.a-covered { background: #cdebd3 } td.a-gap { background: #9c1c14; color: #fff } td.a-excluded { background: #ddd }
td.a-unknown { background: repeating-linear-gradient(45deg, #fff, #fff 4px, #cdd6e0 4px, #cdd6e0 8px) }
td.a-not-applicable { color: #555 }
"""


def owners_csv(rows: Sequence[Row]) -> str:
    """A line for each class: its owner, and each channel's answer with the reason."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    channels = _channels(rows)
    heads = [head for channel in channels for head in (channel, f"{channel}, why")]
    writer.writerow(["product", "family", "owner", "workflow", "answer", "why", *heads])
    for row in rows:
        owner = row.owners[0] if len(row.owners) == 1 else None
        said = [text for channel in channels for text in _said(row.channels[channel])]
        workflow = ", ".join(each.id for each in row.owners)
        each = row.finding_class
        writer.writerow([each.product, each.family, owner.owner if owner else "", workflow, *_said(row.owned), *said])
    return written.getvalue()


def _said(answer: Answer) -> tuple[str, str]:
    return answer.status.value, answer.reason


def _channels(rows: Sequence[Row]) -> list[str]:
    return sorted({channel for row in rows for channel in row.channels})


def pages(register: Register, rows: Sequence[Row], points: Sequence[Open]) -> Mapping[str, str]:
    """Name → content of every file: the index, a page for each workflow, the table as CSV."""
    made = {f"{each.id}.html": workflow_page(each) for each in register.workflows}
    return {INDEX: index_page(register, rows, points), **made, TABLE: owners_csv(rows)}


def write_pages(folder: Path, made: Mapping[str, str]) -> None:
    """Put the files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def index_page(register: Register, rows: Sequence[Row], points: Sequence[Open]) -> str:
    """What is open, who answers for what, and every workflow."""
    owned = sum(row.owned.status is Status.COVERED for row in rows)
    parts = [
        html.paragraph(f"{owned} of {len(rows)} finding classes have exactly one owner. Coverage's number does not include this."),
        html.heading("Open"),
        html.table(("where", "what", "next step"), [(each.where, each.what, each.next_step) for each in points])
        if points
        else html.paragraph("Nothing is open."),
        html.heading("Workflows"),
        html.table_of(("workflow", "status", "owner", "deputy", "priority", "reviewed"), map(_line, register.workflows)),
        html.heading("Who answers for what"),
        html.paragraph("; ".join(f"{sign} {status.value}" for status, sign in SIGNS.items())),
        owners_table(rows),
    ]
    return html.page("Workflows", parts, style=STYLE)


def _line(each: Workflow) -> list[str]:
    said = (each.status, each.owner, each.deputy, each.urgency.priority, each.reviewed_on.isoformat())
    return [html.anchor(each.title, f"{each.id}.html"), *map(html.escaped, said)]


def owners_table(rows: Sequence[Row]) -> str:
    """Finding classes × owner × channel, as a table that is its own heat map."""
    channels = _channels(rows)
    head = "".join(f'<th scope="col">{html.escaped(each)}</th>' for each in ("finding class", "owner", *channels))
    lines = []
    for row in rows:
        cells = [_coloured(row.owned), *(_coloured(row.channels[channel]) for channel in channels)]
        lines.append(f'<tr><th scope="row">{html.escaped(row.finding_class)}</th>{"".join(cells)}</tr>')
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{chr(10).join(lines)}</tbody></table>"


def _coloured(answer: Answer) -> str:
    kind = answer.status.value.replace(" ", "-")
    return f'<td class="a-{kind}">{SIGNS[answer.status]} {html.escaped(answer.reason)}</td>'


def workflow_page(workflow: Workflow) -> str:
    """One workflow, to be read while it is done."""
    triage, told = workflow.triage, [(each.whom, each.within) for each in workflow.regulation]
    nothing = [html.paragraph(f"Nothing is to be done where: {triage.false_positive}")] if triage.false_positive else []
    exempt = [(", ".join(each.accounts), each.reason, each.owner, each.expires) for each in workflow.exceptions]
    proofs = [(each.read, each.expected, each.status) for each in workflow.verify]
    parts = [
        html.facts(_facts(workflow)),
        *_listed("Triage", triage.questions),
        *_table("Evidence", ("what", "how", "kept"), [(each.what, each.how, each.kept) for each in triage.evidence]),
        *nothing,
        *_steps("Contain", workflow.contain),
        *_steps("Eradicate", workflow.eradicate),
        *_steps("Recover", workflow.recover),
        *_table("Verify", ("read", "expected", "status of the finding then"), proofs),
        *_table("Exceptions", ("accounts", "reason", "owner", "until"), exempt),
        *_table("Who has to be told", ("whom", "within"), told),
    ]
    return html.page(workflow.title, parts, ways=html.ways([("All workflows", INDEX)]))


def _facts(workflow: Workflow) -> dict[str, object]:
    answers = [f"{each.product}: {', '.join(each.families or ('every family',))}" for each in workflow.answers]
    entry = (*workflow.entry.routes, *workflow.entry.custom_actions, *(("a person",) if workflow.entry.person else ()))
    tried = workflow.exercise.last.isoformat() if workflow.exercise.last else "never"
    urgency = workflow.urgency
    said: dict[str, object] = {
        "Workflow": f"{workflow.id}, version {workflow.version}, {workflow.status}",
        "Owner": f"{workflow.owner}; deputy: {workflow.deputy}",
        "Reviewed": f"{workflow.reviewed_on}, every {workflow.review_every} days",
        "Tried": f"{tried}, every {workflow.exercise.every} days",
        "Answers": "; ".join(answers) or "nothing of its own",
        "Entry": ", ".join(entry),
        "Urgency": f"{urgency.priority}: noticed within {urgency.notice}, contained within {urgency.contain}",
        "Channels": ", ".join(workflow.notify) or "none",
    }
    return said | ({"Out of scope": workflow.out_of_scope} if workflow.out_of_scope else {})


def _listed(title: str, texts: Iterable[str]) -> Iterator[str]:
    yield html.heading(title)
    yield f"<ol>{''.join(f'<li>{html.escaped(each)}</li>' for each in texts)}</ol>"


def _steps(title: str, steps: Sequence[Step]) -> Iterator[str]:
    heads = ("action", "where", "by", "approval", "taken back by", "may break")
    yield from _table(
        title, heads, ((*_by(each), each.approval, each.back_out or "not possible", each.breaks or "") for each in steps)
    )


def _by(step: Step) -> tuple[str, str, str]:
    by = f"{step.role}: {step.document.name} {step.document.version}" if step.document else step.role
    return step.action, step.where, by


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    if listed := [[str(value) for value in row] for row in rows]:
        yield html.heading(title)
        yield html.table(heads, listed)
