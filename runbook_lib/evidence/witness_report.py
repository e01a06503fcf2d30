"""A second witness's report, read: our own small form, findings of Security Hub (ASFF) and of OCSF, and tables of scanners.

Own form, as JSON list or CSV: account, region, service, aspect, state; `item` where an aspect has several (a feature, a scan type).
In place of service and aspect a row may name a `check` that witness_controls.py knows.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.evidence.witness_controls import CONTROLS

COLUMNS = ("account", "region", "service", "aspect", "item", "check", "state")
_ON = frozenset({"on", "enabled", "pass", "passed", "compliant", "covered", "true", "yes"})
_OFF = frozenset({"off", "disabled", "fail", "failed", "non_compliant", "gap", "false", "no"})
Place = tuple[str, str, str, str, str]
"""Account, Region, service, aspect, item."""


class WitnessProblem(Exception):
    """A report that cannot be read; the message names file, row and what is expected."""


@dataclass
class Report:
    """What a witness says of each place: "on", "off", or what else it wrote. `others`: rows about something else."""

    format: str
    states: dict[Place, str] = field(default_factory=dict)
    others: int = 0


def read_report(path: Path, columns: Mapping[str, str]) -> Report:
    """Read a report. `columns`: our column → the file's, for CSV. Raises WitnessProblem."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WitnessProblem(f"{path}: cannot be read: {error}") from None
    form, rows = _json(path, text) if text.lstrip()[:1] in ("[", "{") else ("csv", _csv(path, text, columns))
    report = Report(form)
    for number, row in enumerate(rows, start=1):
        _take(report, row, f"{path}: row {number}")
    if not report.states:
        raise WitnessProblem(f"{path}: says nothing about Security Hub, GuardDuty or Inspector ({report.others} rows about others)")
    return report


def _take(report: Report, row: Mapping[str, str], where: str) -> None:
    known = CONTROLS.get(row.get("check", ""))
    if row.get("check") and known is None:
        report.others += 1
        return
    service, aspect, item = known or (row.get("service", ""), row.get("aspect", ""), row.get("item", ""))
    place = (row.get("account", "").zfill(12), row.get("region", ""), service, aspect, item)
    if not (place[0].isdigit() and len(place[0]) == 12 and all(place[1:4]) and row.get("state")):
        raise WitnessProblem(f"{where}: account, region, state, and service and aspect or a check are needed")
    said = row["state"].lower()
    state = "on" if said in _ON else "off" if said in _OFF else row["state"]
    # Several resources of one place (two detectors): one that is off makes it off.
    report.states[place] = state if report.states.get(place) != "off" else "off"


def _csv(path: Path, text: str, columns: Mapping[str, str]) -> Iterator[dict[str, str]]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    names = {ours: columns.get(ours, ours) for ours in COLUMNS}
    missing = [names[ours] for ours in ("account", "region", "state") if names[ours] not in (reader.fieldnames or ())]
    if missing:
        has = ", ".join(reader.fieldnames or ())
        raise WitnessProblem(f"{path}: has no column {', '.join(missing)}; it has {has}. Name them: --column account=ACCOUNT_UID")
    for row in reader:
        yield {ours: (row.get(theirs) or "").strip() for ours, theirs in names.items()}


def _json(path: Path, text: str) -> tuple[str, Iterator[dict[str, str]]]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise WitnessProblem(f"{path}: is not JSON: {error}") from None
    listed = data.get("Findings") if isinstance(data, dict) else data
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise WitnessProblem(f"{path}: a list of findings, or Findings as Security Hub gives them, is expected")
    first = listed[0] if listed else {}
    form, reading = ("asff", _asff) if "AwsAccountId" in first else ("ocsf", _ocsf) if "class_uid" in first else ("json", _own)
    return form, _rows(path, listed, reading)


def _rows(path: Path, listed: list[Any], reading: Any) -> Iterator[dict[str, str]]:
    for number, each in enumerate(listed, start=1):
        try:
            row = reading(each)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise WitnessProblem(f"{path}: finding {number}: {type(error).__name__}: {error}") from None
        if row is not None:
            yield row


def _own(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(row.get(name, "")) for name in COLUMNS}


def _asff(finding: Mapping[str, Any]) -> dict[str, str] | None:
    """A control finding of Security Hub; those that were archived are over."""
    if finding.get("RecordState") == "ARCHIVED":
        return None
    compliance = finding.get("Compliance") or {}
    control = str(compliance.get("SecurityControlId") or str(finding.get("GeneratorId", "")).rpartition("/")[2])
    region = finding.get("Region") or finding["Resources"][0]["Region"]
    return {"account": finding["AwsAccountId"], "region": region, "check": control, "state": compliance.get("Status", "none")}


def _ocsf(finding: Mapping[str, Any]) -> dict[str, str]:
    """An OCSF finding (Detection Finding 2004, Compliance Finding 2003) as scanners write it."""
    cloud, compliance = finding["cloud"], finding.get("compliance") or {}
    check = finding["metadata"].get("event_code") or compliance.get("control") or "unnamed"
    state = finding.get("status_code") or compliance.get("status") or "none"
    return {"account": str(cloud["account"]["uid"]), "region": cloud["region"], "check": str(check), "state": str(state)}
