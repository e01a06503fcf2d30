"""Reading a register of workflows: every file that is wrong is said, and the digest of all of them."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.base.canonical import canonical_digest
from runbook_lib.base.documents import DocumentError, Finding, Problem
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.documents.models import modelled
from runbook_lib.base.documents.yaml_text import Form, read_document
from runbook_lib.base.files import write_bytes
from runbook_lib.base.owner_only import private_folder
from runbook_lib.base.privacy import findings
from runbook_lib.settings import Settings
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
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Name → content, as they were read: what a run keeps of it."""

    @property
    def active(self) -> tuple[Workflow, ...]:
        return tuple(each for each in self.workflows if each.status == "active")


def folder_of(parameters: Path) -> Path:
    """Where the register of a settings file lies, whether it is there or not: `acme.workflows` beside `acme.yaml`."""
    return parameters.with_suffix(".workflows")


def read_register(parameters: Path) -> Register:
    """The register beside a settings file; an empty one where there is no folder. Raises DocumentError with every finding."""
    folder = folder_of(parameters)
    found: list[Workflow] = []
    wrong: list[Finding] = []
    files = dict[str, bytes]()
    for path in sorted(folder.glob("*.yaml")):
        try:
            text = read_text(path, MIB, LONGEST_LINE)
            files[path.name] = path.read_bytes()
            found.append(_read(path, text))
            wrong += _addresses(path, text)
        except DocumentError as error:
            wrong += error.findings
    if wrong:
        raise DocumentError(*wrong)
    return Register(folder, tuple(found), digest_of(files), files)


def register_for(settings: Settings, parameters: Path) -> Register:
    """The register that a run of these settings goes by; none where they manage no response. Raises DocumentError."""
    return read_register(parameters) if settings.response else Register(folder_of(parameters), (), "")


def digest_of(files: Mapping[str, bytes]) -> str:
    """The digest of a register with these files; "" where there are none."""
    return canonical_digest({name: hashlib.sha256(data).hexdigest() for name, data in files.items()}) if files else ""


def kept_beside(parameters: Path) -> Mapping[str, bytes]:
    """The files of the register beside a settings file, whatever they say: of one that a run has kept."""
    return {path.name: path.read_bytes() for path in sorted(folder_of(parameters).glob("*.yaml"))}


def put_beside(parameters: Path, files: Mapping[str, bytes]) -> None:
    """Make these files, and no others, the register beside a settings file: beside a copy of it that was made to fit something."""
    folder = folder_of(parameters)
    shutil.rmtree(folder, ignore_errors=True)
    if files:
        private_folder(folder)
    for name, data in files.items():
        write_bytes(folder / name, data)


def _addresses(path: Path, text: str) -> Iterator[Finding]:
    """What no run may keep, and so no register may hold: comments too, for a run keeps the whole file."""
    for line, rule in findings(text):
        message = f"This line holds what no evidence may keep ({rule}). Name a role, a channel, or a reference instead."
        yield Finding(str(path), line, "", "", message)


def read_workflow(path: Path) -> Workflow:
    """One workflow, whatever its file is called. Raises DocumentError with every finding."""
    return _read(path, read_text(path, MIB, LONGEST_LINE), called=False)


def _read(path: Path, text: str, *, called: bool = True) -> Workflow:
    document = read_document(text, FORM)
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
