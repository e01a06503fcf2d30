"""The gate that files pass before they are sealed: no credentials, tokens, presigned addresses or e-mail addresses.

The rules are those by which everything is masked where it enters (privacy.py), and the very credentials that this process holds:
so a finding here is the last resort. A file with one is moved out of the run folder; the seal says where in it which rule found
something, never what.
"""

import configparser
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_lib.base.documents import DocumentError
from runbook_lib.base.documents.files import MIB, read_bytes, unpacked
from runbook_lib.base.files import sync_folder
from runbook_lib.base.own_files import data_of
from runbook_lib.base.owner_only import private_folder
from runbook_lib.base.privacy import findings
from runbook_lib.evidence.run.contents import LARGEST, Contents, contents, file_digest
from runbook_lib.evidence.run.kept_answers import START, UNPACKED
from runbook_lib.evidence.seal.statement import Withheld

_KEYS = ("aws_secret_access_key", "aws_session_token", "aws_security_token")
_SHORTEST = 12
_LARGEST, _LONGEST_LINE = 4 * MIB, 10_000
_MOST = 20
"""Findings that a seal lists per file; more say nothing new."""


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
        return self.passed(folder)[0]

    def passed(self, folder: Path, told: Callable[[], None] = lambda: None) -> tuple[tuple[Withheld, ...], Contents]:
        """The same, and what is left in the folder: every file is read once, for what is in it and for its digest.

        `told` is called after each file.
        """
        caught: list[Path] = []

        def look(path: Path) -> str:
            if path.is_symlink():
                return file_digest(path)  # refuses it in its own words
            data = data_of(path, LARGEST)
            if findings(_text_of(path, data), self.held):
                caught.append(path)
            told()
            return hashlib.sha256(data).hexdigest()

        found = contents(folder, look)
        names = [path.relative_to(folder).as_posix() for path in caught]
        for name in names:
            self._move(folder, name)
        left = replace(found, files={name: digest for name, digest in found.files.items() if name not in names})
        aside = self.aside / folder.name
        moved = contents(aside).files if aside.is_dir() else {}
        return tuple(Withheld(name, digest, self._said(aside / name)) for name, digest in moved.items()), left

    def _said(self, path: Path) -> tuple[str, ...]:
        listed = [f"line {number}: {rule}" for number, rule in findings(_text_of(path, path.read_bytes()), self.held)]
        return (*listed[:_MOST], *(["and more"] if len(listed) > _MOST else []))

    def _move(self, folder: Path, name: str) -> None:
        target = self.aside / folder.name / name
        private_folder(target.parent)
        (folder / name).replace(target)
        target.chmod(0o600)
        sync_folder(target.parent)
        sync_folder((folder / name).parent)


def _text_of(path: Path, data: bytes) -> str:
    """A file as text, whatever bytes it holds; what is compressed is opened first, as far as answers of ours unpack."""
    if path.suffix == ".gz":
        try:
            data = unpacked(data, path.name, len(data) * UNPACKED + START)
        except DocumentError:
            return data.decode("latin-1")
    return data.decode("utf-8", "replace")
