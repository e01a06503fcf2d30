"""A run as OSCAL assessment results (NIST's machine-readable form), from run.json, coverage, plans and approvals.

One observation per coverage cell, one finding per service, one inventory item per account, one log entry per phase; files of the
run are resources with their sealed digests. Identifiers are made from the seal's digest, so the same run gives the same document.
"""

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runbook_lib.audit.verify_run import folder_faults
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.text import visible
from runbook_lib.coverage import Status
from runbook_lib.coverage.kept import CoverageBroken, read_coverage
from runbook_lib.evidence.run.faults import Fault
from runbook_lib.evidence.run.folder import WORKFLOWS, PhaseFolder, RunFolder
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import NotSealed, seal_of
from runbook_lib.runbook.phases import COVERAGE

VERSION = "1.2.1"
NAMES = "urn:incident-detection-runbook:oscal:1"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, NAMES)
_FILES = ("plan.json", "approval.json", "journal.jsonl", "coverage-after.json")


class NotExported(RunbookError):
    """A run cannot be exported; the message says why."""


def assessment_results(run: RunFolder) -> dict[str, Any]:
    """The document about a sealed run. Raises NotSealed, and NotExported for one that was altered or has no coverage."""
    seal = seal_of(run)
    if seal is None:
        raise NotSealed(f"{run.name}: is not sealed yet; runbook evidence seal {run.name}")
    if faults := list[Fault](folder_faults(run.path, seal)):
        raise NotExported("\n".join(["nothing was written, this run was altered:", *map(str, faults)]))
    return {"assessment-results": _Document(run, seal).whole()}


class _Document:
    """The parts of one document; what refers to each other does so by identifiers made from names."""

    def __init__(self, run: RunFolder, seal: Entry) -> None:
        self.run, self.seal, self.record = run, seal, run.record()
        self.end = self.record["finished"] or seal.when
        self.coverages = list(_coverages(run))
        if not self.coverages:
            raise NotExported(f"{run.name}: has no coverage, so there are no results")

    def id(self, kind: str, name: str) -> str:
        return str(uuid.uuid5(_SPACE, f"{self.seal.digest}/{kind}/{name}"))

    def whole(self) -> dict[str, Any]:
        return {
            "uuid": self.id("document", self.run.name),
            "metadata": self.metadata(),
            "import-ap": {
                "href": f"#{self.id('resource', 'settings.yaml')}",
                "remarks": "The settings say what was to be assessed; there is no assessment plan in OSCAL.",
            },
            "results": [self.result()],
            "back-matter": {"resources": [self.resource(name) for name in self.files()]},
        }

    def metadata(self) -> dict[str, Any]:
        people = sorted({str(each["annotations"]["approver"]) for _, each in self.approvals()})
        told: dict[str, Any] = {
            "title": f"Enablement of incident detection, organization {self.seal.organization} ({self.seal.mode.upper()})",
            "last-modified": self.end,
            "version": self.run.name,
            "oscal-version": VERSION,
            "props": _props(mode=self.seal.mode, seal=self.seal.digest, number=str(self.seal.number), chain=self.seal.chain),
        }
        if people:
            told["roles"] = [{"id": "approver", "title": "Approver of the change"}]
            told["parties"] = [{"uuid": self.id("party", name), "type": "person", "name": _line(name)} for name in people]
            told["responsible-parties"] = [{"role-id": "approver", "party-uuids": [self.id("party", name) for name in people]}]
        return told

    def result(self) -> dict[str, Any]:
        observed = [
            self.observation(file, place, cell) for file, data in self.coverages for place, cell in enumerate(data["cells"])
        ]
        return {
            "uuid": self.id("result", self.run.name),
            "title": f"Coverage after run {self.run.name}",
            "description": f"What AWS reported when the run ended with status {self.seal.status}.",
            "start": self.record["started"],
            "end": self.end,
            "props": _props(status=self.seal.status),
            "local-definitions": {"inventory-items": list(self.accounts())},
            "reviewed-controls": {
                "control-selections": [
                    {
                        "description": "The objectives that the findings name; map them to the controls of your own profile.",
                        "include-all": {},
                    }
                ]
            },
            "assessment-log": {"entries": [self.log(*each) for each in sorted(self.record["phases"].items())]},
            "observations": observed,
            "findings": list(self.findings()),
        }

    def accounts(self) -> Iterator[dict[str, Any]]:
        listed = {account["id"]: account for _, data in self.coverages for account in data["accounts"]}
        for key, account in sorted(listed.items()):
            yield {
                "uuid": self.id("account", key),
                "description": f"AWS account {key}: {_line(account['name']) or 'without a name'}",
                "props": _props(**{"account-id": key, "state": account["state"]}),
            }

    def observation(self, file: str, place: int, cell: Mapping[str, Any]) -> dict[str, Any]:
        data = dict(self.coverages)[file]
        what = " ".join(filter(None, (cell["service"], cell["aspect"], cell["item"])))
        names = ("service", "region", "aspect", "item", "status", "gap", "code")
        return {
            "uuid": self.id("observation", f"{file}/{place}"),
            "title": _line(f"{what} in {cell['region']}: {cell['status']}"),
            "description": _line(cell["reason"]) or cell["status"],
            "props": _props(**{name: cell[name] for name in names}, **{"in-scope": "yes" if cell["in_scope"] else "no"}),
            "methods": ["TEST"],
            "subjects": [
                {"subject-uuid": self.id("account", account), "type": "inventory-item"}
                for account in data["account_sets"][cell["account_set"]]
            ],
            "relevant-evidence": [{"href": f"#{self.id('resource', file)}", "description": "Coverage as sealed"}],
            "collected": self.end,
        }

    def findings(self) -> Iterator[dict[str, Any]]:
        """One per service: satisfied when everything in scope that can be covered is."""
        services: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        for file, data in self.coverages:
            for place, cell in enumerate(data["cells"]):
                if cell["in_scope"] and cell["status"] in {Status.COVERED, Status.GAP, Status.UNKNOWN}:
                    services.setdefault(cell["service"], []).append((self.id("observation", f"{file}/{place}"), cell))
        for service, cells in sorted(services.items()):
            open_ = [cell for _, cell in cells if cell["status"] != Status.COVERED]
            unknown = sum(cell["status"] == Status.UNKNOWN for cell in open_)
            said = f"{len(cells) - len(open_)} of {len(cells)} cells in scope are covered, {unknown} unknown"
            yield {
                "uuid": self.id("finding", service),
                "title": f"{service} is enabled as settings want",
                "description": said,
                "target": {
                    "type": "objective-id",
                    "target-id": f"{service}_enabled",
                    "status": {
                        "state": "not-satisfied" if open_ else "satisfied",
                        "reason": "pass" if not open_ else "other" if unknown == len(open_) else "fail",
                    },
                },
                "related-observations": [{"observation-uuid": observation} for observation, _ in cells],
            }

    def log(self, name: str, phase: Mapping[str, Any]) -> dict[str, Any]:
        numbers = {
            key: str(value) for key, value in phase.get("results", {}).items() if isinstance(value, int | str) and value != ""
        }
        return {
            "uuid": self.id("phase", name),
            "title": f"Phase {name}",
            "description": f"Status {phase['status']}",
            "start": phase["started"],
            "end": phase["finished"] or self.end,
            "props": _props(**{key.replace(" ", "-"): value for key, value in numbers.items() if key != "error"}),
        }

    def approvals(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        return ((phase, each) for phase, each in self.seal.approvals.items() if "approver" in each.get("annotations", {}))

    def files(self) -> list[str]:
        wanted = ["run.json", "settings.yaml", *(f"{phase.name}/{name}" for phase in self.run.phases() for name in _FILES)]
        wanted += [name for name in sorted(self.seal.subjects) if name.startswith(f"{WORKFLOWS}/")]
        return [name for name in wanted if name in self.seal.subjects]

    def resource(self, name: str) -> dict[str, Any]:
        return {
            "uuid": self.id("resource", name),
            "title": name,
            "rlinks": [{"href": name, "hashes": [{"algorithm": "SHA-256", "value": self.seal.subjects[name]}]}],
        }


def _coverages(run: RunFolder) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(file, coverage) of the run's last look: at the whole where it looked at that, else at each phase."""
    phases: list[PhaseFolder] = [phase for phase in run.phases() if phase.name == COVERAGE.name] or run.phases()
    for phase in phases:
        file: Path = phase.coverage("after", "json")
        try:
            yield f"{phase.name}/{file.name}", read_coverage(file)
        except FileNotFoundError:
            continue
        except CoverageBroken as broken:
            raise NotExported(str(broken)) from None


def _props(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "ns": NAMES, "value": text} for name, value in values.items() if (text := _line(value))]


def _line(text: str) -> str:
    return visible(str(text)).strip()
