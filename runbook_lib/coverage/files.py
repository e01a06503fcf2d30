"""Coverage as files: CSV and JSON whole, the page of `page.py`, and a table for the terminal.

Accounts with one verdict share a cell, and the files keep it so (JSON, HTML) or stream the single rows (CSV), so that ten
thousand accounts in seventeen Regions fit. Equal cells give equal bytes.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from runbook_lib.base.account_sets import few_or_count
from runbook_lib.base.files import write_text, written
from runbook_lib.base.text import spreadsheet_safe, visible
from runbook_lib.coverage import Cell, Cells, Count, Status
from runbook_lib.coverage import summary as summaries
from runbook_lib.coverage.page import Around, html_page
from runbook_lib.organization import Account, Organization
from runbook_lib.services.registry import by_name

FORMAT = "runbook coverage 4"
"""Version 1 had no cells of who evaluates, nor of whether AWS Config records in members; version 2 had none of whether the other
services' findings reach Security Hub, nor rows of live resources; version 3 had none of automation rules."""
CSV_COLUMNS = (
    "account_id", "account_name", "ou_path", "region", "service", "aspect", "item", "status", "gap", "reason", "code",
    "observed", "desired", "next_step", "who", "in_scope",
)  # fmt: skip


def write_coverage(
    folder: Path,
    which: Literal["before", "after"],
    cells: Cells,
    organization: Organization,
    facts: Mapping[str, str],
    around: Around | None = None,
) -> tuple[Path, Path, Path]:
    """Write coverage-<which>.csv, .json and .html into a folder. `facts` head the JSON and the page (mode, phase, time)."""
    csv_file, json_file, page = (folder / f"coverage-{which}.{ending}" for ending in ("csv", "json", "html"))
    with written(csv_file) as file:
        file.writelines(csv_lines(cells, organization))
    write_text(json_file, json_text(cells, organization, facts))
    write_text(page, html_page(cells, organization, facts, replace(around or Around(), csv=csv_file.name)))
    return csv_file, json_file, page


def ordered(cells: Iterable[Cell]) -> list[Cell]:
    """Cells in the order of every file: by what they are about, then verdict, then accounts."""
    listed = [cell for cell in cells if cell.accounts]
    places = {accounts: place for place, accounts in enumerate(_sets(listed))}
    return sorted(listed, key=lambda cell: (*_texts(cell), cell.in_scope, places[cell.accounts]))


def _sets(cells: Iterable[Cell]) -> list[frozenset[str]]:
    return sorted({cell.accounts for cell in cells}, key=lambda accounts: tuple(sorted(accounts)))


def _texts(cell: Cell) -> tuple[str, ...]:
    """What a CSV row says about the cell, in the order of the columns from `region` to `who`."""
    return (
        cell.region, cell.service, cell.aspect, cell.item, cell.status.value, cell.gap.value if cell.gap else "", cell.reason,
        cell.code, cell.observed, cell.desired, cell.next_step, cell.who,
    )  # fmt: skip


def csv_lines(cells: Cells, organization: Organization) -> Iterator[str]:
    """The lines of the CSV (RFC 4180, every field quoted): one per account, Region, service, aspect and item.

    Account ids are text; an importing program that guesses types has to be told so, or it drops leading zeros.
    """
    yield _line(CSV_COLUMNS) + "\r\n"
    starts: dict[str, str] = {}
    members: dict[frozenset[str], list[str]] = {}
    for cell in ordered(cells):
        end = "," + _line([*_texts(cell), "yes" if cell.in_scope else "no"]) + "\r\n"
        if cell.accounts not in members:
            members[cell.accounts] = sorted(cell.accounts)
        for account in members[cell.accounts]:
            if account not in starts:
                starts[account] = _line(_whose(account, organization.accounts.get(account)))
            yield starts[account] + end


def _line(fields: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="").writerow([spreadsheet_safe(field) for field in fields])
    return text.getvalue()


def _whose(account: str, listed: Account | None) -> tuple[str, str, str]:
    return (account, listed.name, "/".join(listed.organizational_units)) if listed else (account, "", summaries.NO_UNIT)


def json_text(cells: Cells, organization: Organization, facts: Mapping[str, str]) -> str:
    """The whole coverage: cells refer to `account_sets` by place, and every list has one entry per line."""
    kept = ordered(cells)
    sets = _sets(kept)
    places = {accounts: place for place, accounts in enumerate(sets)}
    names = ("region", "service", "aspect", "item", "status", "gap", "reason", "code", "observed", "desired", "next_step", "who")
    by_id = replace(organization, unit_names={})  # names are for people: whoever reads this file looks for ids
    head: dict[str, Any] = {
        "format": FORMAT,
        "facts": dict(sorted(facts.items())),
        "organization": organization.id,
        "counts": {name: _numbers(counted) for name, counted in summaries.totals(kept).items()},
        "by": {
            by: {name: _numbers(counted) for name, counted in summaries.summary(kept, by, by_id).items()}
            for by in summaries.DIMENSIONS
        },
    }
    accounts = [
        {"id": each.id, "name": each.name, "state": each.state.value, "organizational_units": list(each.organizational_units)}
        for _, each in sorted(organization.accounts.items())
    ]
    rows = [
        dict(zip(names, _texts(cell), strict=True)) | {"in_scope": cell.in_scope, "account_set": places[cell.accounts]}
        for cell in kept
    ]
    lists: dict[str, list[Any]] = {"accounts": accounts, "account_sets": [sorted(each) for each in sets], "cells": rows}
    body = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    body += [f"{json.dumps(key)}: [\n" + ",\n".join(json.dumps(each) for each in values) + "\n]" for key, values in lists.items()]
    return "{\n" + ",\n".join(body) + "\n}\n"


def _numbers(counted: Count) -> dict[str, Any]:
    return {
        "covered": counted.covered,
        "gap": counted.gap,
        "unknown": counted.unknown,
        "excluded": counted.excluded,
        "not_applicable": counted.not_applicable,
        "total": counted.total,
        "coverage": counted.coverage,
    }


def remaining_row(entry: summaries.Remaining, phrase: Callable[[frozenset[str]], str]) -> tuple[object, ...]:
    """One line of "what remains and why"."""
    return (
        entry.answer,
        entry.service,
        entry.what,
        ", ".join(entry.regions),
        phrase(entry.accounts),
        entry.cells,
        entry.reason,
        entry.code,
        entry.next_step,
        entry.who,
    )


def text_table(cells: Cells, organization: Organization) -> str:
    """The sums and what remains, for a terminal; no text from AWS reaches it unescaped."""
    inside = [cell for cell in cells if cell.in_scope]
    lines = [*_columns([("", *summaries.COLUMNS), *(summaries.row(name, each) for name, each in summaries.totals(cells).items())])]
    lines += (
        ["", *map(visible, said)]
        if (said := summaries.sentences(cells, {name: spec.title for name, spec in by_name().items()}))
        else []
    )
    for by in summaries.DIMENSIONS:
        lines += ["", *_columns([(f"in scope, by {by}", *summaries.COLUMNS), *summaries.rows(inside, by, organization)])]
    entries = [entry for entry in summaries.remaining(inside) if entry.status in {Status.UNKNOWN, Status.GAP}]
    lines += ["", "What remains and why" if entries else "Nothing remains in scope."]
    for entry in entries:
        accounts = visible(few_or_count(entry.accounts, names=organization.account_names))
        code = f" [{visible(entry.code)}]" if entry.code else ""
        lines.append(f"  {entry.answer}: {entry.service} {visible(entry.what)}, {', '.join(entry.regions)}: {accounts}")
        lines.append(f"    {visible(entry.reason)}{code}")
        lines += [f"    next: {visible(entry.next_step)} ({visible(entry.who)})"] if entry.next_step else []
    return "\n".join(lines) + "\n"


def _columns(rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Rows as aligned columns: the first to the left, the others to the right."""
    shown = [[visible(f"{value:,}" if isinstance(value, int) else str(value)) for value in row] for row in rows]
    widths = [max(len(row[place]) for row in shown) for place in range(len(shown[0]))]
    for row in shown:
        yield "  ".join(
            [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
