"""A second witness: somebody else's report about the same cells, compared with a run's coverage and linked to its seal."""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_lib.audit.witness_controls import ENABLED, FROM_ONE_ACCOUNT, OURS
from runbook_lib.audit.witness_report import LARGEST, Place, Report, WitnessProblem
from runbook_lib.base.documents.files import read_bytes
from runbook_lib.base.text import spreadsheet_safe
from runbook_lib.coverage import Status
from runbook_lib.coverage.kept import CoverageBroken, read_coverage
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.linked import Addition, attach
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import Desk
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.services.designation import ASPECT as ADMINISTRATOR

KIND = "witness"
MEMBERSHIP = "membership"
"""The aspect by which an administrator has an account."""


@dataclass(frozen=True, order=True)
class Compared:
    """One place and what each side says of it; "" where it says nothing."""

    verdict: str
    place: Place
    run: str
    witness: str

    def __str__(self) -> str:
        account, region, service, aspect, item = self.place
        what = f"{service} {aspect}{f' {item}' if item else ''} in {account} {region}"
        return f"{self.verdict}: {what}: run {self.run or 'nothing'}, witness {self.witness or 'nothing'}"


AGREE, DISAGREE, UNDECIDED = "agree", "disagree", "undecided"
ONLY_RUN, ONLY_WITNESS = "only the run", "only the witness"
BY_ITSELF = "on by itself, not administered"
"""Both are right: the account itself turned it on, and no administrator has the account, which is a gap."""


def compare(run: RunFolder, report: Report) -> list[Compared]:
    """Every cell of either side. Raises WitnessProblem where the run has no coverage."""
    ours = _statuses(run)
    wanted = {(service, aspect) for _, _, service, aspect, _ in report.states}
    # Cells that make up "enabled" are one cell where the witness speaks of that, and no cells of their own besides.
    places = {place for place in ours if place[3] != ENABLED or place[2:4] in wanted}
    hidden = {(service, aspect) for service, aspects in OURS.items() for aspect in aspects if (service, ENABLED) in wanted}
    places = {place for place in places if place[2:4] not in hidden - wanted}
    administrators = {(*place[:3],) for place in ours if place[3] == ADMINISTRATOR}
    alone = {(*place[:3],) for place, status in ours.items() if place[3] == MEMBERSHIP and status == Status.GAP}
    found = (
        _compared(
            place, ours.get(place, ""), report.states.get(place, ""), sees=(*place[:3],) in administrators or not _elsewhere(place)
        )
        for place in places | set(report.states)
    )
    return sorted(_by_itself(each) if (*each.place[:3],) in alone else each for each in found)


def _by_itself(compared: Compared) -> Compared:
    """Of an account that is no administrator's member: what is on in it is its own doing."""
    own = compared.verdict == DISAGREE and compared.witness == "on"
    return replace(compared, verdict=BY_ITSELF) if own else compared


def _elsewhere(place: Place) -> bool:
    """Whether what is so in this account comes from a resource that only the administrator's account has."""
    _, _, service, aspect, _ = place
    made_of = OURS.get(service, ()) if aspect == ENABLED else (aspect,)
    return bool(made_of) and FROM_ONE_ACCOUNT.get(service, frozenset()).issuperset(made_of)


def _compared(place: Place, run: str, witness: str, *, sees: bool) -> Compared:
    """`sees`: whether a scanner of this account can tell."""
    if not witness:
        verdict = ONLY_RUN
    elif not run:
        verdict = ONLY_WITNESS
    elif not sees or witness not in {"on", "off"} or run not in {Status.COVERED, Status.GAP}:
        verdict = UNDECIDED
    else:
        verdict = AGREE if (run == Status.COVERED) == (witness == "on") else DISAGREE
    return Compared(verdict, place, run, witness)


def _statuses(run: RunFolder) -> dict[Place, str]:
    """Place → status of the run's last coverage: of the whole where it looked at that, else of each phase."""
    phases = [phase for phase in run.phases() if phase.name == COVERAGE.name] or run.phases()
    found = dict[Place, str]()
    for file in (phase.coverage("after", "json") for phase in phases):
        found |= _cells(file)
    if not found:
        raise WitnessProblem(f"{run.name}: has no coverage to compare with")
    return found | _enabled(found)


def _cells(file: Path) -> dict[Place, str]:
    try:
        data = read_coverage(file)
    except FileNotFoundError:
        return {}
    except CoverageBroken as broken:
        raise WitnessProblem(str(broken)) from None
    return {
        (account, cell["region"], cell["service"], cell["aspect"], cell["item"]): cell["status"]
        for cell in data["cells"]
        for account in data["account_sets"][cell["account_set"]]
    }


def _enabled(cells: Mapping[Place, str]) -> dict[Place, str]:
    """Whether each service is on as a whole, per account and Region: the worst answer of the aspects that say so."""
    worst = (Status.GAP, Status.UNKNOWN, Status.COVERED, Status.EXCLUDED, Status.NOT_APPLICABLE)
    found: dict[Place, list[str]] = {}
    for (account, region, service, aspect, _), status in cells.items():
        if aspect in OURS.get(service, ()):
            found.setdefault((account, region, service, ENABLED, ""), []).append(status)
    return {place: min(statuses, key=lambda each: worst.index(Status(each))) for place, statuses in found.items()}


def link_witness(run: RunFolder, file: Path, report: Report, compared: Iterable[Compared], desk: Desk) -> Entry:
    """Link a report and its comparison to a run's seal; the same report once. Raises NotSealed, and what the store raises."""
    data, cells = read_bytes(file, LARGEST), list(compared)
    digest = hashlib.sha256(data).hexdigest()
    counts = Counter(each.verdict for each in cells)
    slug = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:40] or "report"
    ending = file.suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", file.suffix) else ".txt"
    # Only where there are any: what was linked before had no such count.
    left_out = {"rows left out": len(report.odd)} if report.odd else {}
    facts = {
        "form": report.format,
        "report": digest,
        "rows about others": report.others,
        **left_out,
        "cells": dict(sorted(counts.items())),
    }
    files = {f"report{ending}": data, "comparison.csv": _table(cells).encode()}
    return attach(run, Addition(KIND, f"{KIND}-{slug}-{digest[:12]}", files, facts), desk)


def _table(cells: Iterable[Compared]) -> str:
    written = io.StringIO()
    table = csv.writer(written, quoting=csv.QUOTE_ALL)
    table.writerow(("verdict", "account_id", "region", "service", "aspect", "item", "run", "witness"))
    for each in cells:
        table.writerow([spreadsheet_safe(text) for text in (each.verdict, *each.place, each.run, each.witness)])
    return written.getvalue()
