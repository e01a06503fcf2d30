"""A run's files in the stack's bucket: a function's disk is gone with the function, and what the journal promises must hold.

`executions/<execution>/<run>` says which runs an execution of the state machine made, `runs/<run>/…` are their files. The lines of
the journal lie there before the call that they announce goes out, as `journal/<first>-<last>.jsonl`, written once; whole files
follow when the run begins and when it ends.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.evidence.run.called import JOURNAL
from runbook_lib.evidence.run.folder import RunFolder

LINES = "journal"
"""The folder, in a phase's, of journal lines that were written before the run ended."""


def progress_key(stack: str) -> str:
    """The object that says how far the work of a stack is, for whoever follows its events."""
    return f"progress/{stack}.json"


@dataclass(frozen=True)
class Replica:
    """One run of one execution, in a bucket."""

    s3: Any
    bucket: str
    execution: str
    run: RunFolder

    def begin(self) -> None:
        """Say whose run this is, and put what there is of it."""
        self._put(f"executions/{self.execution}/{self.run.name}", b"")
        self.keep()

    def keep(self) -> None:
        """Put every file of the run as it is now."""
        for path in sorted(each for each in self.run.path.rglob("*") if each.is_file()):
            self._put(f"runs/{self.run.name}/{path.relative_to(self.run.path).as_posix()}", path.read_bytes())

    def lines(self, phase: str, first: int, last: int, data: bytes) -> None:
        """Put lines of the journal, once. Whatever it raises keeps their calls from being made."""
        name = f"runs/{self.run.name}/{phase}/{LINES}/{first:09d}-{last:09d}.jsonl"
        self._put(name, data, IfNoneMatch="*")

    def _put(self, key: str, data: bytes, **more: str) -> None:
        digest = b64encode(hashlib.sha256(data).digest()).decode()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data, ChecksumSHA256=digest, **more)


def earlier_runs(s3: Any, bucket: str, execution: str, root: Path) -> list[RunFolder]:
    """The runs of earlier slices of an execution, oldest first, below a folder; a journal is put together from its lines."""
    prefix = f"executions/{execution}/"
    names = sorted(key.removeprefix(prefix) for key in _keys(s3, bucket, prefix))
    for name in names:
        if not (root / name).is_dir():
            _restore(s3, bucket, name, root / name)
    return [RunFolder.open(root / name) for name in names]


def _restore(s3: Any, bucket: str, name: str, folder: Path) -> None:
    part = folder.with_name(f".{name}.part")
    lines = dict[Path, list[bytes]]()
    for key in _keys(s3, bucket, f"runs/{name}/"):
        path, data = part / key.removeprefix(f"runs/{name}/"), s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if path.parent.name == LINES:
            lines.setdefault(path.parent.parent / JOURNAL, []).append(data)
            path = path.parent.parent / JOURNAL
            data = b"".join(lines[path])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    part.rename(folder)


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    token = dict[str, str]()
    while True:
        page = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **token)
        yield from sorted(each["Key"] for each in page.get("Contents", ()))
        if not page.get("IsTruncated"):
            return
        token = {"ContinuationToken": page["NextContinuationToken"]}
