"""Reads a parameters file and reports everything that the file alone shows wrong, all at once, before any AWS call."""

import datetime as dt
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from runbook_lib.base.documents import DocumentError, Finding, Problem, dotted, short
from runbook_lib.base.documents.characters import TURNING, control, odd_characters
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.documents.yaml_text import Document, Form, read_document
from runbook_lib.base.errors import RunbookError
from runbook_lib.settings import Settings
from runbook_lib.settings.checks.access import check_access
from runbook_lib.settings.checks.evidence import check_evidence
from runbook_lib.settings.checks.network import check_network
from runbook_lib.settings.checks.offboarding import check_offboarding
from runbook_lib.settings.checks.places import check_places
from runbook_lib.settings.checks.response import check_response
from runbook_lib.settings.checks.services import check_services
from runbook_lib.settings.checks.shape import check_shape
from runbook_lib.settings.checks.waves import check_waves

SECRETS = re.compile(
    r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"  # access key ids
    r"|(?<![^\s\"'=\[{,!])(?=[a-z0-9/+]{0,39}[A-Z])(?=[A-Z0-9/+]{0,39}[a-z])(?=[A-Za-z/+]{0,39}[0-9])[A-Za-z0-9/+]{40}"
    r"(?![^\s\"',:#\]}])"  # secret access keys
    r"|(?:IQoJ|FwoG|FQoG)[A-Za-z0-9/+=_-]{40,}"  # session tokens
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
)
"""What AWS credentials look like. Prefixes of key ids: IAM User Guide, "IAM identifiers". Each looks ahead a bounded way only."""
LARGEST = 4 * MIB
MOST_SHOWN = 50
"""Findings that are shown at once."""
LONGEST_LINE = 1_000_000
"""Characters; a wave of ten thousand accounts on one line has a fifth of it."""
FORM = Form(
    "Start from parameters/example.yaml.",
    "The key has no value. Give it one, or leave the key out, which means: not managed here.",
)


class SettingsError(RunbookError):
    """The parameters file cannot be used; `findings` has everything that is wrong with it, by line."""

    advice = "Correct the settings file, then run again. Nothing was called."

    what = "to correct"

    def __init__(self, file: str, findings: Iterable[Finding]) -> None:
        self.file = file
        self.findings = tuple(sorted(findings, key=lambda each: (each.line, each.key, each.message)))
        count = len(self.findings)
        title = f"{file}: {count} thing{'s' if count > 1 else ''} {self.what}"
        less = [f"And {count - MOST_SHOWN} more: correct these first."] if count > MOST_SHOWN else []
        super().__init__("\n\n".join([title, *map(str, self.findings[:MOST_SHOWN]), *less]))


class SettingsContradicted(SettingsError):
    """The file is well formed, and AWS says otherwise."""

    advice = "Correct the settings (or the scope), or the credentials, then run again. Nothing was changed."

    what = "that AWS contradicts"


def load(path: Path, today: dt.date, *, kept: bool = False) -> Settings:
    """The settings of a file. `today` decides which exclusions have expired. Raises `SettingsError` with all findings.

    `kept`: those of a run that was made with them; what is refused since then is read there all the same.
    """
    return parse(text_of(path), today, str(path), kept=kept)


def text_of(path: Path) -> str:
    """The text of a settings file, whatever it says. Raises `SettingsError` where it is no text."""
    try:
        return read_text(path, LARGEST, LONGEST_LINE)
    except DocumentError as error:
        raise SettingsError(str(path), [_unreadable(path, each) for each in error.findings]) from None


def _unreadable(path: Path, found: Finding) -> Finding:
    hint = "" if os.path.lexists(path) else " Or copy parameters/example.yaml to it."
    return replace(found, line=found.line or 1, message=f"{found.message[:1].upper()}{found.message[1:]}.{hint}")


def parse(text: str, today: dt.date, file: str, *, kept: bool = False) -> Settings:
    """The settings of a file's text; `file` is its name in findings. Raises `SettingsError` with all findings."""
    document = read_document(text, replace(FORM, refused=control) if kept else FORM)
    findings = [_finding(document, file, problem, line) for line, problem in document.problems]
    findings += _secrets(text, file)
    settings = None
    if document.read:
        settings, problems, tree = check_shape(document)
        known = [problem for _, problem in document.problems]
        problems = _further(problems, known)
        checks = (
            check_access(tree),
            check_places(tree, today),
            check_services(tree),
            check_waves(tree),
            check_evidence(tree),
            check_network(tree),
            check_offboarding(tree, today),
            check_response(tree, today),
        )
        problems += _further(chain.from_iterable(checks), [*known, *problems])
        findings += [_finding(document, file, each, document.line(each.path)) for each in problems]
    if not kept:
        said = {each.line for each in findings}
        findings += [each for each in _turned(text, file) if each.line not in said]
    if settings is None or findings:
        raise SettingsError(file, findings)
    return settings


def located(file: str, text: str, problems: Iterable[Problem], elsewhere: str = "") -> list[Finding]:
    """Problems that were found later, at their lines of the file's text; what begins with `elsewhere` stands in no file."""
    document = read_document(text, FORM)
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


def _finding(document: Document, file: str, problem: Problem, line: int) -> Finding:
    """A finding without the secrets that its key, value or message may hold."""
    path = tuple(_shown(step) if isinstance(step, str) else step for step in problem.path)
    found = document.finding(file, problem, line)
    return replace(found, key=dotted(path), value=short(_shown(found.value)), message=_shown(found.message))


def _shown(text: str) -> str:
    return SECRETS.sub("(a secret, not shown)", " ".join(re.split(r"[ \t\n]+", text.strip(" \t\n"))))


def _secrets(text: str, file: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), start=1):
        if SECRETS.search(line):
            message = (
                "This line holds what looks like AWS credentials (not shown). They never belong in this file, nor in a comment: "
                "remove them, have them revoked, and name a profile or a role under access."
            )
            yield Finding(file, number, "", "", message)


def _turned(text: str, file: str) -> Iterator[Finding]:
    """Lines that a reviewer sees in another order than they are read: those of comments too."""
    for each in odd_characters(text):
        if each.character in TURNING:
            yield Finding(file, each.line, "", "", f"In line {each.line}, {each}, which turns what follows round. Remove it.")
