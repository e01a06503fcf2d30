"""The statement that is sealed about a run: in-toto Statement v1 with a SLSA Provenance v1 predicate, as plain JSON.

Its subjects are all files of the run folder. Where SLSA has a field for a fact, the fact stands there: what was asked in
externalParameters, number and chain in internalParameters, what it rests on (the seal before, approvals, commit, packages) in
resolvedDependencies, result and withheld files in byproducts.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.base.identity import SystemUser
from runbook_lib.base.own_files import FileBroken
from runbook_lib.evidence.run.contents import Contents, file_digest
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder
from runbook_lib.evidence.seal.envelope import STATEMENT
from runbook_lib.evidence.seal.low_s import LOW_S
from runbook_lib.plan.approval import ApprovalRefused, read_approval

PREDICATE = "https://slsa.dev/provenance/v1"
RUN_TYPE = "urn:incident-detection-runbook:run:1"
_SAID = {"id", "approver", "ticket", "fingerprint", "plan_sha256", "not_before", "not_after", "trust", "emergency"}
START_TYPE = "urn:incident-detection-runbook:start:1"
LOST_TYPE = "urn:incident-detection-runbook:lost:1"
LINKED_TYPE = "urn:incident-detection-runbook:linked:1"


@dataclass(frozen=True)
class Withheld:
    """A file that is not among the subjects: its digest, and where in it which rule found something; never what it found."""

    name: str
    digest: str
    findings: tuple[str, ...]


@dataclass(frozen=True)
class RunFacts:
    """What a run's folder says about it, gathered once, before a number is known."""

    run: str
    record: Mapping[str, Any]
    user: SystemUser | None
    status: str
    contents: Contents
    approvals: Sequence[Mapping[str, Any]]
    withheld: Sequence[Withheld] = ()
    trust: str = ""
    start: str = ""
    """The digest of the start record that this run opened; "" for none."""
    notes: Mapping[str, Any] = field(default_factory=dict)


def run_statement(facts: RunFacts, number: int, previous: str, sealed: dt.datetime) -> dict[str, Any]:
    """The statement about a run that has ended, as number `number` of its chain."""
    record = facts.record
    result = {
        "status": facts.status,
        "exitCode": record.get("exit_code"),
        "phases": {name: _phase(phase) for name, phase in sorted(record.get("phases", {}).items())},
        **facts.notes,
    }
    parameters = {
        "mode": record["mode"],
        "organization": record["organization"],
        "command": record.get("command", []),
        "resumes": record.get("resumes"),
        **({"user": asdict(facts.user)} if facts.user else {}),
    }
    finished = record.get("finished")
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(facts.contents.files.items())],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": RUN_TYPE,
                "externalParameters": parameters,
                "internalParameters": {
                    "chain": f"{record['mode']}/{record['organization']}",
                    "number": number,
                    "folders": sorted(facts.contents.folders),
                    "sealed": stamp(sealed),
                    "signature": LOW_S,
                },
                "resolvedDependencies": _dependencies(facts, previous),
            },
            "runDetails": {
                "builder": {"id": _builder(record), "version": {"incident-detection-runbook": _version(record)}},
                "metadata": {
                    "invocationId": facts.run,
                    "startedOn": record["started"],
                    **({"finishedOn": finished} if finished else {}),
                },
                "byproducts": [
                    {"name": "result", "annotations": result},
                    *map(withheld_part, facts.withheld),
                    *({"name": name, "annotations": {"notSealed": what}} for name, what in sorted(facts.contents.strange.items())),
                ],
            },
        },
    }


def approvals_of(run: RunFolder) -> list[dict[str, Any]]:
    """One dependency per approval kept in the run: its file's digest, and who said yes to what."""
    return [_approval(phase, path) for phase in run.phases() for path in sorted(phase.path.glob("approval*.json"))]


def _approval(phase: PhaseFolder, path: Path) -> dict[str, Any]:
    """`approval/<phase>`, or `approval/<phase>/<decision>` for the decisions of one phase at the screen."""
    decision = path.stem.removeprefix("approval").removeprefix("-")
    name = f"approval/{phase.name}{f'/{decision}' if decision else ''}"
    try:
        approval, digest = read_approval(path), file_digest(path)
    except (ApprovalRefused, FileBroken, FileNotFoundError):
        return {"name": name, "annotations": {"defect": "cannot be read"}}
    said = approval.model_dump(mode="json", include=_SAID)
    return {"name": name, "digest": {"sha256": digest}, "annotations": said}


def _dependencies(facts: RunFacts, previous: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if previous:
        found.append({"name": "previous-evidence", "digest": {"sha256": previous}})
    if facts.start:
        found.append({"name": "start-record", "digest": {"sha256": facts.start}})
    if facts.trust:
        found.append({"name": "trust-policy", "digest": {"sha256": facts.trust}})
    found += [dict(each) for each in facts.approvals]
    versions = facts.record.get("versions") or {}
    if git := versions.get("git"):
        found.append({"name": "source", "digest": {"gitCommit": git["commit"]}, "annotations": {"dirty": git["dirty"]}})
    if files := versions.get("files"):
        found.append({"name": "installed-library", "digest": {"sha256": files}})
    packages = versions.get("installed") or versions.get("dependencies") or {}
    found += [{"uri": f"pkg:pypi/{name.lower()}@{version}"} for name, version in sorted(packages.items())]
    return found


def _phase(phase: Mapping[str, Any]) -> dict[str, Any]:
    results = phase.get("results", {})
    return {"status": phase.get("status"), **{key: value for key, value in results.items() if isinstance(value, int | str)}}


def _builder(record: Mapping[str, Any]) -> str:
    """Who ran it: the identities that acted, or (where none was reached) the host."""
    return " ".join(dict.fromkeys(record.get("callers", {}).values())) or f"host:{record.get('host', '')}"


def _version(record: Mapping[str, Any]) -> str:
    return str((record.get("versions") or {}).get("runbook", ""))


def frame(
    kind: str, subjects: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], dependencies: Sequence[Mapping[str, Any]],
    run: str, started: str, builder: str, number: int, previous: str, now: dt.datetime, *, folders: Sequence[str] = (),
    byproducts: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:  # fmt: skip
    """A statement about a run other than its seal: its start, that it is lost, or what is linked to it."""
    before = [{"name": "previous-evidence", "digest": {"sha256": previous}}] if previous else []
    chain = f"{parameters['mode']}/{parameters['organization']}"
    return {
        "_type": STATEMENT,
        "subject": list(subjects),
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": kind,
                "externalParameters": dict(parameters),
                "internalParameters": {
                    "chain": chain,
                    "number": number,
                    "folders": list(folders),
                    "sealed": stamp(now),
                    "signature": LOW_S,
                },
                "resolvedDependencies": [*before, *dependencies],
            },
            "runDetails": {
                "builder": {"id": builder},
                "metadata": {"invocationId": run, "startedOn": started},
                "byproducts": list(byproducts),
            },
        },
    }


def withheld_part(each: Withheld, before: str = "") -> dict[str, Any]:
    """A byproduct for a withheld file: which one (its name below `before`), and what was found in it."""
    return {"name": before + each.name, "digest": {"sha256": each.digest}, "annotations": {"withheld": list(each.findings)}}


def stamp(now: dt.datetime) -> str:
    """A time as statements write it."""
    return now.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
