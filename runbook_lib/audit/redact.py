"""A copy of a sealed run for outsiders: every file redacted, pages rendered again, sealed on its own, and linked to the original.

The copy is no run of the chain. Its statement names the digest of the original's seal, so whoever has the original can tell that
the two belong together, and whoever has only the copy can tell that nobody has altered it since.
"""

import gzip
import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from runbook_lib.audit.redaction import Redactor
from runbook_lib.audit.verify_run import folder_faults
from runbook_lib.base.documents import DocumentError
from runbook_lib.base.documents.files import unpacked
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import sync_folder, write_bytes
from runbook_lib.base.own_files import FileBroken, data_of
from runbook_lib.base.privacy import findings
from runbook_lib.base.pseudonyms import Pseudonyms
from runbook_lib.coverage.kept import CoverageBroken, read_coverage
from runbook_lib.evidence.run.attempts import read_rejections
from runbook_lib.evidence.run.contents import ATTACHED, LARGEST, LINKED, SEAL, contents
from runbook_lib.evidence.run.folder import WORKFLOWS, RunFolder
from runbook_lib.evidence.run.kept_answers import UNPACKED, AnswersBroken, read_answers
from runbook_lib.evidence.seal.envelope import STATEMENT, sign
from runbook_lib.evidence.seal.linked import linked_of
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import Desk, NotSealed, seal_of
from runbook_lib.evidence.seal.statement import stamp
from runbook_lib.plan.approval import ApprovalRefused, read_approval

REDACTED_TYPE = "urn:incident-detection-runbook:redacted:1"
ABOUT = "redaction.json"
LATER = "later"
"""The folder in a copy for what was attached to the run after it was sealed."""
_KEPT = ("text/html", "text/plain", "text/markdown")
"""Forms of output that can be read and so redacted; pictures and scripts cannot."""


_UNREADABLE = "what it shows cannot be redacted"
_MOST_SAID = 5


class NotRedacted(RunbookError):
    """No copy was made; the message says why."""


@dataclass
class Copy:
    """A copy in the making: its files, and what of the original is not in it, with the reason."""

    redactor: Redactor
    files: dict[str, bytes] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def redact(run: RunFolder, target: Path, pseudonyms: Pseudonyms, desk: Desk) -> Path:
    """Make the redacted copy of a sealed run at `target`. Raises NotRedacted, NotSealed, and what the signer raises."""
    seal = seal_of(run)
    if seal is None:
        raise NotSealed(f"{run.name}: is not sealed yet; runbook evidence seal {run.name}")
    if faults := folder_faults(run.path, seal):
        raise NotRedacted("\n".join(["no copy was made, this run was altered:", *map(str, faults)]))
    if target.exists():
        raise NotRedacted(f"{target}: is there already; a copy is never overwritten")
    accounts, names = gathered(run)
    copy = Copy(Redactor(pseudonyms, accounts, names))
    for name in sorted(seal.subjects):
        data = _bytes(run, name)
        _take(copy, name, _without_uid(data) if name == run.record_file.name else data)
    for name, data in _attached(run):
        _take(copy, name, data)
    _render(copy, run.record())
    copy.files[ABOUT] = _json(_about(copy, seal))
    _refuse_left_over(copy)
    _write(copy, target, seal, desk)
    return target


def _without_uid(record: bytes) -> bytes:
    """A run's record without the number of its user, which is a person's as much as the name is."""
    said = json.loads(record)
    if "user" in said:
        said["user"]["uid"] = None
    return json.dumps(said).encode()


def _attached(run: RunFolder) -> Iterator[tuple[str, bytes]]:
    """What was linked to the run after it was sealed, under the names it has in the copy: there the seal is on it too."""
    for path in sorted((run.path / ATTACHED).glob(f"*{LINKED}")):
        linked = linked_of(run, path.name.removesuffix(LINKED))
        for name, digest in linked.subjects.items() if linked is not None else ():
            data = _bytes(run, name)
            if hashlib.sha256(data).hexdigest() != digest:
                raise NotRedacted(f"no copy was made: {run.name}/{name} is not what {path.name} says")
            if name != SEAL:
                yield f"{LATER}/{name.removeprefix(f'{ATTACHED}/')}", data


def _bytes(run: RunFolder, name: str) -> bytes:
    try:
        return data_of(run.path / name, LARGEST)
    except (FileBroken, FileNotFoundError) as broken:
        raise NotRedacted(f"no copy was made: {run.name}/{name}: {broken}") from None


def gathered(run: RunFolder) -> tuple[set[str], dict[str, set[str]]]:
    """Account ids, and kind → names, of everybody and everything that a run's files name."""
    record = run.record()
    accounts = set(record["callers"])
    users = {run.user.name} if run.user else set[str]()
    names: dict[str, set[str]] = {"name": set(), "user": users, "host": {record["host"], record["host"].partition(".")[0]}}
    for phase in run.phases():
        for listed in _listed_accounts(phase.path):
            if not str(listed.get("Id", "")).startswith("ou-"):
                accounts.add(str(listed.get("Id", listed.get("id", ""))))
            names["name"].add(str(listed.get("Name", listed.get("name", ""))))
        for path in phase.path.glob("approval*.json"):
            try:
                names["user"].add(read_approval(path).approver.partition(" (")[0])
            except ApprovalRefused as refused:
                raise NotRedacted(f"no copy was made: {refused}, so the name in it is unknown") from None
        names["user"].update(each.rejected_by.partition(" (")[0] for each in read_rejections(phase))
    return accounts - {""}, names


def _listed_accounts(phase: Path) -> Iterator[Mapping[str, Any]]:
    """Accounts, and organizational units, as files of a phase list them."""
    for path in phase.glob("coverage-*.json"):
        try:
            yield from read_coverage(path)["accounts"]
        except CoverageBroken as broken:
            raise NotRedacted(f"no copy was made: {broken}, so the names in it are unknown") from None
    for path in phase.glob("answers-*.jsonl.gz"):
        try:
            answers = read_answers(path)[1].values()
        except AnswersBroken as broken:
            raise NotRedacted(f"no copy was made: {broken}, so the names in it are unknown") from None
        for each in answers:
            answer = each.get("answer", {})
            yield from answer.get("Accounts") or ()
            yield from answer.get("OrganizationalUnits") or ()


def _take(copy: Copy, name: str, data: bytes) -> None:
    """Put one file into the copy, redacted as its kind demands, or note that it is left out."""
    ending = name.rpartition(".")[2]
    redacted = {**_FORMS, "gz": _gzip}.get(ending)
    try:
        if ending == "ipynb":
            copy.files[name] = _notebook(copy, name, data)
        elif _is_page_of_notebook(name):
            return  # rendered again from the redacted notebook
        elif redacted is None:
            copy.left_out[name] = _UNREADABLE
        else:
            copy.files[name] = redacted(copy.redactor, data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, DocumentError) as error:
        copy.left_out[name] = f"cannot be read as what its name says: {type(error).__name__}"


def _is_page_of_notebook(name: str) -> bool:
    return name.endswith(".html") and name.rpartition("/")[2].startswith("notebook")


def _gzip(redactor: Redactor, data: bytes) -> bytes:
    return gzip.compress(_lines(redactor, unpacked(data, "it", len(data) * UNPACKED)), mtime=0)


def _lines(redactor: Redactor, data: bytes) -> bytes:
    return b"".join(_line(redactor, line) for line in data.decode().splitlines())


def _line(redactor: Redactor, line: str) -> bytes:
    try:
        return json.dumps(redactor.data(json.loads(line))).encode() + b"\n"
    except ValueError:
        return redactor.text(line).encode() + b"\n"  # the last line of a killed run


def _yaml(redactor: Redactor, data: bytes) -> bytes:
    """Settings without their comments, in which anything can stand."""
    yaml, written = YAML(typ="safe"), io.StringIO()
    yaml.default_flow_style = False
    yaml.dump(redactor.data(json.loads(json.dumps(yaml.load(data.decode()), default=str))), written)
    return written.getvalue().encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def _page(redactor: Redactor, data: bytes) -> bytes:
    """A page, which says in title and heading that it is redacted."""
    page = redactor.page(data.decode())
    return page.replace("<title>", "<title>REDACTED: ", 1).replace("<h1>", "<h1>REDACTED: ", 1).encode()


def _text(redactor: Redactor, data: bytes) -> bytes:
    return redactor.text(data.decode()).encode()


_FORMS: Mapping[str, Callable[[Redactor, bytes], bytes]] = {
    "json": lambda redactor, data: _json(redactor.data(json.loads(data))),
    "jsonl": _lines,
    "yaml": _yaml,
    "html": _page,
    "md": _text,
    "csv": _text,
    "txt": _text,
}


def _notebook(copy: Copy, name: str, data: bytes) -> bytes:
    """An executed notebook: every text of it redacted, outputs that are no text left out."""
    document = json.loads(data)
    for cell in document["cells"]:
        cell.pop("attachments", None)
        cell["source"] = "".join(cell["source"])
        for output in cell.get("outputs", ()):
            output.update(_output(copy, name, output))
    document.get("metadata", {}).pop("widgets", None)
    return _json(copy.redactor.data(document))


def _output(copy: Copy, name: str, output: Mapping[str, Any]) -> dict[str, Any]:
    if "text" in output:
        return {"text": "".join(output["text"])}
    if "data" not in output:
        return {}
    kept = {form: "".join(text) for form, text in output["data"].items() if form in _KEPT}
    if lost := sorted(set(output["data"]) - set(kept)):
        copy.left_out[f"{name}: an output"] = f"{', '.join(lost)}: {_UNREADABLE}"
    if "text/html" in kept:
        kept["text/html"] = copy.redactor.page(kept["text/html"])
    return {"data": kept or {"text/plain": "A picture was left out of this copy."}, "metadata": {}}


def _render(copy: Copy, record: Mapping[str, Any]) -> None:
    """The pages of the notebooks, from what of them is in the copy."""
    from runbook_lib.base.notebook_format import nbformat  # noqa: PLC0415 as above
    from runbook_lib.display.notebook_page import notebook_page  # noqa: PLC0415 it takes time, which kernels and most commands need not spend

    more = {"Run": record["run"], "Redacted": "a copy for outsiders; names and ids are pseudonyms"}
    for name in [name for name in copy.files if name.endswith(".ipynb")]:
        document = nbformat.reads(copy.files[name].decode(), as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
        phase = name.partition("/")[0]
        page = notebook_page(document, mode=f"{record['mode']}, REDACTED", phase=phase, more=more)
        copy.files[f"{name.removesuffix('.ipynb')}.html"] = page.encode()


def _about(copy: Copy, seal: Entry) -> dict[str, Any]:
    counted = Counter({kind: len(values) for kind, values in copy.redactor.replaced.items()})
    return {
        "format": "runbook redaction 1",
        "original": {"run": seal.run, "mode": seal.mode, "seal": seal.digest},
        "replaced": dict(sorted(counted.items())),
        "left_out": {
            **dict.fromkeys(seal.withheld, "lies in no copy: it was withheld from the seal"),
            **copy.left_out,
            "comments of settings.yaml": "anything can stand in them",
            **{f"comments of {name}": "anything can stand in them" for name in seal.subjects if name.startswith(f"{WORKFLOWS}/")},
        },
        "notes": [
            "The same value has the same pseudonym in every file, and in every copy made under the same key.",
            "Fingerprints, signatures of approvals and the links of journals are those of the original; they do not fit the copy.",
            "Reasons, tickets and other free texts are kept, but for the values replaced in them.",
        ],
    }


def _refuse_left_over(copy: Copy) -> None:
    for name, data in copy.files.items():
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        left = [copy.redactor.left_over(text), *(f"line {number}: {rule}" for number, rule in findings(text))]
        if said := [each for each in left if each][:_MOST_SAID]:
            raise NotRedacted(f"no copy was made: {name} still holds what a copy may not hold: {'; '.join(said)}")


def _write(copy: Copy, target: Path, seal: Entry, desk: Desk) -> None:
    """The copy appears whole or not at all."""
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for name, data in copy.files.items():
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(part / name, data)
    found = contents(part)
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(found.files.items())],
        "predicateType": REDACTED_TYPE,
        "predicate": {
            "original": {"name": seal.run, "digest": {"sha256": seal.digest}},
            "mode": seal.mode,
            "sealed": stamp(desk.now()),
            "folders": sorted(found.folders),
        },
    }
    write_bytes(part / SEAL, sign(statement, desk.signer))
    part.rename(target)
    sync_folder(target.parent)
