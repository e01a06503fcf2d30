"""Reads a parameters file and reports everything that the file alone shows wrong, all at once, before any AWS call."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from runbook_lib.settings import Settings
from runbook_lib.settings.checks import Path as KeyPath
from runbook_lib.settings.checks import Problem, dotted
from runbook_lib.settings.checks.access import check_access
from runbook_lib.settings.checks.document import Document, read_document
from runbook_lib.settings.checks.evidence import check_evidence
from runbook_lib.settings.checks.places import check_places
from runbook_lib.settings.checks.services import check_services
from runbook_lib.settings.checks.shape import check_shape
from runbook_lib.settings.checks.waves import check_waves

SECRETS = re.compile(
    r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"  # access key ids
    r"|(?<![^\s\"'=\[{,!])(?=\S*[A-Z])(?=\S*[a-z])(?=\S*[0-9])[A-Za-z0-9/+]{40}(?![^\s\"',:#\]}])"  # secret access keys
    r"|(?:IQoJ|FwoG|FQoG)[A-Za-z0-9/+=_-]{40,}"  # session tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""What AWS credentials look like. Prefixes of key ids: IAM User Guide, "IAM identifiers"."""
LONGEST = 80
"""Characters of a value that a finding shows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, the value as written (empty where there is none), and what to do.

    Line 0: what is wrong stands in no file.
    """

    file: str
    line: int
    key: str
    value: str
    message: str

    def __str__(self) -> str:
        head = (f"{self.file}, line {self.line}" if self.line else self.file) + (f": {self.key}" if self.key else "")
        return f"{head}\n" + (f"    value:  {self.value}\n" if self.value else "") + f"    {self.message}"


class SettingsError(Exception):
    """The parameters file cannot be used; `findings` has everything that is wrong with it, by line."""

    what = "to correct"

    def __init__(self, file: str, findings: Iterable[Finding]) -> None:
        self.file = file
        self.findings = tuple(sorted(findings, key=lambda each: (each.line, each.key, each.message)))
        count = len(self.findings)
        title = f"{file}: {count} thing{'s' if count > 1 else ''} {self.what}"
        super().__init__("\n\n".join([title, *map(str, self.findings)]))


class SettingsContradicted(SettingsError):
    """The file is well formed, and AWS says otherwise."""

    what = "that AWS contradicts"


def load(path: Path, today: dt.date) -> Settings:
    """The settings of a file. `today` decides which exclusions have expired. Raises `SettingsError` with all findings."""
    file = str(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise _unreadable(file, "There is no such file. Check the path, or copy parameters/example.yaml to it.") from None
    except IsADirectoryError:
        raise _unreadable(file, "This is a folder. Name the file in it.") from None
    except OSError as error:
        raise _unreadable(file, f"The file cannot be read: {error.strerror}. Check its permissions.") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"The byte 0x{raw[error.start]:02X} is not UTF-8. Save the file as UTF-8."
        raise SettingsError(file, [Finding(file, line, "", "", message)]) from None
    return parse(text, today, file)


def parse(text: str, today: dt.date, file: str) -> Settings:
    """The settings of a file's text; `file` is its name in findings. Raises `SettingsError` with all findings."""
    document = read_document(text)
    findings = [_finding(document, file, problem, line) for line, problem in document.problems]
    findings += _secrets(text, file)
    settings = None
    if document.read:
        settings, problems, tree = check_shape(document)
        known = [problem for _, problem in document.problems]
        problems = _further(problems, known)
        checks = (
            check_access(tree), check_places(tree, today), check_services(tree), check_waves(tree), check_evidence(tree),
        )  # fmt: skip
        problems += _further(chain.from_iterable(checks), [*known, *problems])
        findings += [_finding(document, file, each, document.line(each.path)) for each in problems]
    if settings is None or findings:
        raise SettingsError(file, findings)
    return settings


def located(file: str, text: str, problems: Iterable[Problem], elsewhere: str = "") -> list[Finding]:
    """Problems that were found later, at their lines of the file's text; what begins with `elsewhere` stands in no file."""
    document = read_document(text)
    return [
        Finding(elsewhere, 0, dotted(each.path), each.value or "", each.message)
        if each.path[:1] == (elsewhere,)
        else _finding(document, file, each, document.line(each.path))
        for each in problems
    ]


def _further(problems: Iterable[Problem], known: Iterable[Problem]) -> list[Problem]:
    """Problems at places where none is known yet."""
    places = {problem.path for problem in known}
    return [problem for problem in problems if problem.path not in places]


def _unreadable(file: str, message: str) -> SettingsError:
    return SettingsError(file, [Finding(file, 1, "", "", message)])


def _finding(document: Document, file: str, problem: Problem, line: int) -> Finding:
    value = problem.value if problem.value is not None else _written(document, problem.path)
    return Finding(
        file,
        line,
        dotted(tuple(_shown(step) if isinstance(step, str) else step for step in problem.path)),
        _shown(value)[:LONGEST],
        _shown(problem.message),
    )


def _written(document: Document, path: KeyPath) -> str:
    return document.written.get(path, "")


def _shown(text: str) -> str:
    return SECRETS.sub("(a secret, not shown)", " ".join(text.split()))


def _secrets(text: str, file: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), start=1):
        if SECRETS.search(line):
            message = (
                "This line holds what looks like AWS credentials (not shown). They never belong in this file, nor in a comment: "
                "remove them, have them revoked, and name a profile or a role under access."
            )
            yield Finding(file, number, "", "", message)
