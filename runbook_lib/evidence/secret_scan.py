"""The gate that files pass before they are sealed: no credentials, tokens, presigned addresses or e-mail addresses.

detect-secrets' detectors of typed secrets, rules for what it does not know, and the very credentials that this process holds. A
file with a finding is moved out of the run folder; the seal says where in it which rule found something, never what.
"""

import configparser
import gzip
import html
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from runbook_lib.atomic_file import sync_folder
from runbook_lib.documents import DocumentError
from runbook_lib.documents.files import MIB, read_bytes
from runbook_lib.evidence.contents import contents
from runbook_lib.evidence.statement import Withheld

_RULES = (
    ("e-mail address", re.compile(r"[A-Za-z0-9.!#$%*+^_~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")),
    ("AWS access key id", re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b")),
    ("AWS session token", re.compile(r"(?:IQoJb3JpZ2lu|FwoGZX|FQoGZX)[A-Za-z0-9+/=_%-]{20,}")),
    (
        "presigned address",
        re.compile(r"(?i)[?&](?:X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|Signature)=[^&\s\"'<]{8,}"),
    ),
    (
        "labelled secret",
        re.compile(
            r"(?i)(?:secret_?access_?key|session_?token|security_?token|aws_secret\w*|password)[\"']?\s*[:=]\s*[\"']?[^\s\"',;}\]\[<]{8,}"
        ),
    ),
    ("authorization header", re.compile(r"(?i)\b(?:bearer\s+[A-Za-z0-9._~+/-]{20,}|AWS4-HMAC-SHA256 Credential=)")),
)
_DETECTORS = (
    ("detect_secrets.plugins.aws", "AWSKeyDetector"),
    ("detect_secrets.plugins.private_key", "PrivateKeyDetector"),
    ("detect_secrets.plugins.jwt", "JwtTokenDetector"),
    ("detect_secrets.plugins.basic_auth", "BasicAuthDetector"),
    ("detect_secrets.plugins.slack", "SlackDetector"),
    ("detect_secrets.plugins.github_token", "GitHubTokenDetector"),
    ("detect_secrets.plugins.gitlab_token", "GitLabTokenDetector"),
    ("detect_secrets.plugins.npm", "NpmDetector"),
    ("detect_secrets.plugins.pypi_token", "PypiTokenDetector"),
    ("detect_secrets.plugins.stripe", "StripeDetector"),
    ("detect_secrets.plugins.sendgrid", "SendGridDetector"),
)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_KEYS = ("aws_secret_access_key", "aws_session_token", "aws_security_token")
_SHORTEST = 12
_LARGEST, _LONGEST_LINE = 4 * MIB, 10_000
_MOST = 20
"""Findings that a seal lists per file; more say nothing new."""


@cache
def _detectors() -> tuple[tuple[str, Any], ...]:
    import importlib  # noqa: PLC0415 the detectors take a moment to load and only sealing needs them

    made = (getattr(importlib.import_module(module), name)() for module, name in _DETECTORS)
    return tuple((str(each.secret_type), each) for each in made)


def findings(text: str, held: Iterable[str] = ()) -> list[tuple[int, str]]:
    """(line, rule) of everything in a text that may not be kept, in order."""
    rules = [*_RULES, *((name, pattern) for name, detector in _detectors() for pattern in detector.denylist)]
    rules += [("a credential that this process holds", re.compile(re.escape(value))) for value in held]
    found = set[tuple[int, str]]()
    for form in _forms(text):
        for name, pattern in rules:
            found |= {(form.count("\n", 0, match.start()) + 1, name) for match in pattern.finditer(form)}
    return sorted(found)


def _forms(text: str) -> Iterator[str]:
    """A text as it stands, and as HTML and JSON would show it."""
    yield text
    if "&" in text and (shown := html.unescape(text)) != text:
        yield shown
    if "\\u" in text:
        yield _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text)


def held_credentials(environment: Mapping[str, str]) -> frozenset[str]:
    """Secret keys and tokens in an environment and in the AWS files it names."""
    found = {environment[name.upper()] for name in _KEYS if environment.get(name.upper())}
    home = Path(environment.get("HOME", "/")) / ".aws"
    files = (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config"))
    for path in (Path(environment.get(variable) or home / name).expanduser() for variable, name in files):
        parser = configparser.RawConfigParser(strict=False)
        try:
            text = read_bytes(path, _LARGEST).decode("utf-8-sig", "replace")
            # Python's parser takes quadratic time for a line, and no credential is so long.
            parser.read_string("\n".join(line for line in text.split("\n") if len(line) <= _LONGEST_LINE))
        except (configparser.Error, DocumentError):
            continue
        found |= {parser[section][name] for section in parser.sections() for name in _KEYS if name in parser[section]}
    return frozenset(value for value in found if len(value) >= _SHORTEST)


@dataclass(frozen=True)
class Gate:
    """Moves files with findings to `aside/<run>/`, readable by their owner only."""

    aside: Path
    held: frozenset[str] = frozenset()

    def withhold(self, folder: Path) -> tuple[Withheld, ...]:
        """Take out of a run folder every file that may not be kept there, and say which and why.

        What an interrupted sealing already took out is said again.
        """
        for name in contents(folder).files:
            if findings(_text(folder / name), self.held):
                self._move(folder, name)
        aside = self.aside / folder.name
        moved = contents(aside).files if aside.is_dir() else {}
        return tuple(Withheld(name, digest, self._said(aside / name)) for name, digest in moved.items())

    def _said(self, path: Path) -> tuple[str, ...]:
        listed = [f"line {number}: {rule}" for number, rule in findings(_text(path), self.held)]
        return (*listed[:_MOST], *(["and more"] if len(listed) > _MOST else []))

    def _move(self, folder: Path, name: str) -> None:
        target = self.aside / folder.name / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / name).replace(target)
        target.chmod(0o600)
        sync_folder(target.parent)
        sync_folder((folder / name).parent)


def _text(path: Path) -> str:
    """A file as text, whatever bytes it holds; what is compressed is opened first."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return data.decode("latin-1")
    return data.decode("utf-8", "replace")
