"""Reading a register of workflows: every file that is wrong is said, and the digest of all of them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.base.canonical import canonical_digest
from runbook_lib.base.documents import DocumentError, Finding, Problem
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.documents.models import modelled
from runbook_lib.base.documents.yaml_text import Form, read_document
from runbook_lib.settings.workflow import Workflow

FORM = Form(
    "Start from one of parameters/rehearsal-all.workflows.",
    "The key has no value. Give it one, or leave the key out.",
)
LONGEST_LINE = 10_000


@dataclass(frozen=True)
class Register:
    """The workflows of one settings file."""

    folder: Path
    workflows: tuple[Workflow, ...]
    digest: str
    """SHA-256 of names and contents of the files; "" where there is no folder."""

    @property
    def active(self) -> tuple[Workflow, ...]:
        return tuple(each for each in self.workflows if each.status == "active")


def folder_of(parameters: Path) -> Path:
    """Where the register of a settings file lies, whether it is there or not: `acme.workflows` beside `acme.yaml`."""
    return parameters.with_suffix(".workflows")


def read_register(parameters: Path) -> Register:
    """The register beside a settings file; an empty one where there is no folder. Raises DocumentError with every finding."""
    folder = folder_of(parameters)
    files = sorted(folder.glob("*.yaml"))
    found: list[Workflow] = []
    wrong: list[Finding] = []
    for path in files:
        try:
            found.append(_read(path))
        except DocumentError as error:
            wrong += error.findings
    if wrong:
        raise DocumentError(*wrong)
    contents = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return Register(folder, tuple(found), canonical_digest(contents) if files else "")


def read_workflow(path: Path) -> Workflow:
    """One workflow, whatever its file is called. Raises DocumentError with every finding."""
    return _read(path, called=False)


def _read(path: Path, *, called: bool = True) -> Workflow:
    document = read_document(read_text(path, MIB, LONGEST_LINE), FORM)
    if document.problems:
        raise DocumentError(*(document.finding(str(path), problem, line) for line, problem in document.problems))
    workflow = modelled(Workflow, document, str(path), document.values)
    if problems := list(_names(workflow, path if called else path.with_stem(workflow.id))):
        raise DocumentError(*(document.finding(str(path), each) for each in problems))
    return workflow


def _names(workflow: Workflow, path: Path) -> Iterator[Problem]:
    if workflow.id != path.stem:
        yield Problem(("id",), f"The file is called {path.name}. Call it {workflow.id}.yaml, or write id: {path.stem}.")
    entry = workflow.entry
    if not (entry.routes or entry.custom_actions or entry.person):
        yield Problem(("entry",), "Nobody comes to this workflow. Name routes or custom_actions, or write person: true.", "")
