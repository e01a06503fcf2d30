"""A second witness's report, read: our own small form, findings of Security Hub (ASFF) and of OCSF, and tables of scanners.

Own form, as JSON list, JSON lines or CSV: account, region, service, aspect, state; `item` where an aspect has several (a feature, a
scan type). In place of service and aspect a row may name a `check` that witness_controls.py knows. Reports come by way of scanners
and spreadsheets: a row that says nothing usable is left out and counted, and the rest is compared.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.audit.witness_controls import CONTROLS
from runbook_lib.base.documents import LONGEST_SHOWN, DocumentError, nearest, short
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.documents.json_text import holds_lines, json_lines, read_json
from runbook_lib.base.documents.tables import read_table
from runbook_lib.base.errors import RunbookError
from runbook_lib.services.registry import titles

COLUMNS = ("account", "region", "service", "aspect", "item", "check", "state")
LARGEST = 512 * MIB
_ON = frozenset({"on", "enabled", "pass", "passed", "compliant", "covered", "true", "yes"})
_OFF = frozenset({"off", "disabled", "fail", "failed", "non_compliant", "gap", "false", "no"})
_ROUNDED = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]{1,3}")
_OF_SPREADSHEET = re.compile(r"""='?"?([^"']*)"?|'([^']*)""")
"""What spreadsheets leave of an id that was to stay text: ="012345678901" and '012345678901."""
_ASPECT = ("service", "aspect", "item")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
"""Also what some scanners write for services without Regions: global."""
_HYPHENS = re.compile(r"[0-9]{4}-[0-9]{4}-[0-9]{4}")
"""As the console shows an id."""
Place = tuple[str, str, str, str, str]
"""Account, Region, service, aspect, item."""
Row = Mapping[str, Any]


class WitnessProblem(RunbookError):
    """A report that cannot be read; the message names file, row and what is expected."""


class _Odd(Exception):
    """Why one row is left out."""


@dataclass
class Report:
    """What a witness says of each place: "on", "off", or what else it wrote.

    `others`: rows about something else. `odd`: a sentence for each row that should be about a place and names none.
    """

    format: str
    states: dict[Place, str] = field(default_factory=dict)
    others: int = 0
    odd: list[str] = field(default_factory=list)


def read_report(path: Path, columns: Mapping[str, str]) -> Report:
    """Read a report. `columns`: our column → the file's, for CSV. Raises WitnessProblem."""
    try:
        text = read_text(path, LARGEST)
        form, rows = _rows(path, text, columns)
        report = Report(form)
        for where, given in rows:
            try:
                if (row := _row(given)) is not None:
                    _take(report, row)
            except _Odd as odd:
                report.odd.append(f"{where}: {odd}")
    except DocumentError as error:
        raise WitnessProblem(str(error)) from None
    if not report.states:
        less = f"; of {len(report.odd)} left out the first is {report.odd[0]}" if report.odd else ""
        raise WitnessProblem(f"{path}: says nothing about {titles('or')} ({report.others} rows about others{less})")
    return report


def _take(report: Report, row: Row) -> None:
    check = _text("check", row.get("check"))
    known = CONTROLS.get(check)
    if check and known is None:
        report.others += 1
        return
    service, aspect, item = known or tuple(_text(name, row.get(name)) for name in _ASPECT)
    place = (account_id(row.get("account")), _text("region", row.get("region")).lower(), service, aspect, item)
    said = _text("state", row.get("state"))
    named = {"region": place[1], "service": service, "aspect": aspect, "state": said}
    if missing := [name for name, value in named.items() if not value]:
        raise _Odd(f"{missing[0]} is not given")
    state = "on" if said.lower() in _ON else "off" if said.lower() in _OFF else short(said)
    if not _REGION.fullmatch(place[1]):
        raise _Odd(f"region {short(place[1])}: is not the name of a Region")
    if long := [name for name, value in zip(_ASPECT, (service, aspect, item), strict=True) if len(value) > LONGEST_SHOWN]:
        raise _Odd(f"{long[0]} has more than {LONGEST_SHOWN} characters")
    # Several resources of one place (two detectors): one that is off makes it off.
    report.states[place] = state if report.states.get(place) != "off" else "off"


def _text(name: str, value: Any) -> str:
    """A value of JSON or a cell as text; null is none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int | float):
        return str(value)
    raise _Odd(f"{name} {short(repr(value))}: text is wanted")


def account_id(value: Any) -> str:
    """The 12 digits of an account id, as scanners and spreadsheets write it; leading zeros that were lost are put back."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    given = _text("account", value)
    text = "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in given)
    if found := _OF_SPREADSHEET.fullmatch(text):
        text = (found.group(1) or found.group(2) or "").strip()
    text = text.replace("-", "") if _HYPHENS.fullmatch(text) else re.sub(r"\.0+\Z", "", text)
    if _ROUNDED.fullmatch(text):
        raise _Odd(f"account {short(given)}: a spreadsheet has rounded this id: export again as text")
    if not text:
        raise _Odd("account is not given")
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise _Odd(f"account {short(given)}: is not a 12-digit account id")
    return text.zfill(12)


def _rows(path: Path, text: str, columns: Mapping[str, str]) -> tuple[str, Iterable[tuple[str, Any]]]:
    """Which form a report has, and its rows, each with where it stands."""
    if text.lstrip()[:1] not in ("[", "{"):
        return "csv", _csv(path, text, columns)
    if holds_lines(text):
        listed = list(_lines(path, text))
    else:
        listed = [(f"finding {number}", each) for number, each in enumerate(_listed(path, text), start=1)]
    first = next((each for _, each in listed if isinstance(each, dict)), {})
    return _form(first), listed


def _listed(path: Path, text: str) -> list[Any]:
    data = read_json(text, str(path))
    if isinstance(data, dict):
        data = data.get("Findings", [data])
    if not isinstance(data, list) or (data and not any(isinstance(each, dict) for each in data)):
        raise WitnessProblem(f"{path}: a list of findings, or Findings as Security Hub gives them, is expected")
    return data


def _lines(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """JSON lines; one that is broken is a row that is left out."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield from ((f"line {number}", each) for _, each in json_lines(line, str(path)))
            except DocumentError as error:
                yield f"line {number}", error


def _form(finding: Row) -> str:
    return "asff" if "AwsAccountId" in finding else "ocsf" if "class_uid" in finding else "json"


def _row(finding: Any) -> Row | None:
    """A finding as a row of our own columns; None for one that is over."""
    if isinstance(finding, DocumentError):
        raise _Odd(finding.findings[0].message)
    if not isinstance(finding, dict):
        raise _Odd(f"{short(repr(finding))} is not a finding")
    return {"asff": _asff, "ocsf": _ocsf, "json": _own}[_form(finding)](finding)


def _own(row: Row) -> Row:
    return row


def _within(value: Any, *path: str | int) -> Any:
    """What lies at a path of a finding; None where it leads nowhere."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _asff(finding: Row) -> Row | None:
    """A control finding of Security Hub; those that were archived are over."""
    if finding.get("RecordState") == "ARCHIVED":
        return None
    control = _within(finding, "Compliance", "SecurityControlId")
    generator = finding.get("GeneratorId")
    return {
        "account": finding.get("AwsAccountId"),
        "region": finding.get("Region") or _within(finding, "Resources", 0, "Region"),
        "check": control or (generator.rpartition("/")[2] if isinstance(generator, str) else "") or "unnamed",
        "state": _within(finding, "Compliance", "Status"),
    }


def _ocsf(finding: Row) -> Row:
    """An OCSF finding (Detection Finding 2004, Compliance Finding 2003) as scanners write it."""
    return {
        "account": _within(finding, "cloud", "account", "uid"),
        "region": _within(finding, "cloud", "region"),
        "check": _within(finding, "metadata", "event_code") or _within(finding, "compliance", "control") or "unnamed",
        "state": finding.get("status_code") or _within(finding, "compliance", "status"),
    }


def _csv(path: Path, text: str, columns: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    table = read_table(text, str(path))
    places = {name.casefold(): number for number, name in reversed(list(enumerate(table.columns)))}
    wanted = {ours: columns.get(ours, ours) for ours in COLUMNS}
    missing = [wanted[ours] for ours in ("account", "region", "state") if wanted[ours].casefold() not in places]
    if missing:
        has = short(", ".join(table.columns), 400) or "none"
        hint = nearest(missing[0], table.columns)
        raise WitnessProblem(
            f"{path}: has no column {', '.join(missing)}; it has {has}.{hint} Name them: --column account=ACCOUNT_UID"
        )
    found = {ours: places[theirs.casefold()] for ours, theirs in wanted.items() if theirs.casefold() in places}
    for line, row in table.rows:
        yield f"line {line}", {ours: row[number] for ours, number in found.items() if number < len(row)}
