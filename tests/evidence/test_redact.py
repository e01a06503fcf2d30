"""Redacted copies: nothing that names somebody in any byte, the original untouched, every change of a copy found."""

import gzip
import html
import json
import platform
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import nbformat
import pytest
import sealed_runs as made
from click.testing import CliRunner
from simulated import Simulated, fitting, simulated

from runbook_lib.apply.journal import Journal
from runbook_lib.audit.redact import ABOUT, NotRedacted, redact
from runbook_lib.audit.redaction import Redactor
from runbook_lib.audit.verify_copy import verify_copy
from runbook_lib.base.identity import written
from runbook_lib.base.pseudonyms import Pseudonyms
from runbook_lib.base.text import markdown_safe, spreadsheet_safe
from runbook_lib.cli import cli
from runbook_lib.coverage.files import text_table, write_coverage
from runbook_lib.display import sections
from runbook_lib.evidence.people.trust import pinned_trust
from runbook_lib.evidence.run.answers import Answers
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.keys import pem
from runbook_lib.evidence.seal.linked import Addition, attach
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.plan.document import Change, plan_document

PHASE = "20_guardduty"
NAMES = ("Söhne & Co <prod>", "=SUM(Prod|1)", 'Bo "b" O\'Neil_Ltd', "div", "Umlaut-Zürich", "9 Lives", "Straße*")
PERSON = "Zoë Operator"
LOGIN = "zoperator"
HOST = "ws-17.corp.internal"
BUCKET = "acme-bank-guardduty"
KEY = Pseudonyms(b"a key of the tests")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over accounts with names that every format writes differently; not sealed yet."""
    root = tmp_path_factory.mktemp("redact")
    with pytest.MonkeyPatch.context() as environment:
        environment.setattr(platform, "node", lambda: HOST)
        organization = simulated("seven", root, environment)
        world = organization.front.world
        for account, name in zip(sorted(world.organization.accounts), NAMES, strict=False):
            world.organization.accounts[account].name = name
        text = fitting(organization.front)
        run = RunFolder.create(
            root / "runs", "rehearsal", made.BEGIN, settings=f"# comment of {PERSON}\n{text}".encode(),
            command=["runbook", "plan", "-p", "/home/zoe/acme.yaml"], organization=world.organization.id,
        )  # fmt: skip
        look(organization, run)
    run.finish_phase(PHASE, RunStatus.DONE, made.BEGIN)
    run.finish(RunStatus.DONE, made.BEGIN)
    made.of_process(run, made.ended_process(), user={"name": LOGIN, "uid": 54321})
    return run.path


@pytest.fixture
def run(built: Path, tmp_path: Path) -> RunFolder:
    copied = RunFolder(shutil.copytree(built, tmp_path / "runs" / built.name))
    seal(copied, made.desk(copied.path.parent))
    return copied


def look(organization: Simulated, run: RunFolder) -> None:
    """Leave what a notebook leaves: coverage, answers, plan, approval, journal, and the notebook with its outputs."""
    runbook, answers, folder = organization.runbook(PHASE), Answers(), run.start_phase(PHASE, made.BEGIN)
    runbook.access.on_answer = answers.keep
    with runbook.access:
        seen = runbook.observe()
        plan = runbook.plan(seen)
    callers = seen.organization.callers
    run.add_callers(dict(callers) | {"111111111111": f"arn:aws:sts::111111111111:assumed-role/X/{written('zoe@example.com')}"})
    write_coverage(folder.path, "after", seen.cells, seen.organization, {"mode": "rehearsal", "phase": PHASE, "run": run.name})
    (folder.path / "coverage-after.txt").write_text(text_table(seen.cells, seen.organization))
    answers.write(folder.path / "answers-after.jsonl.gz", {"scope": asdict(runbook.scope), "callers": dict(callers)})
    folder.plan_json.write_text(plan_file.dumps(plan))
    roles = {"111111111111": "management account"}
    folder.plan_document.write_text(plan_document(plan, Change(title="t", purpose=NAMES[0], roles=roles, concurrency=1)))
    approve(plan, approver=f"{PERSON} (arn:aws:s3:::{BUCKET})", ticket="T-1", now=made.BEGIN).write(folder.approval)
    with Journal(folder.journal, run.name, organization.clock) as journal:
        journal.intent(plan.actions[0], 1, "invocation")
    with folder.journal.open("a") as killed:
        killed.write('{"kind": "intent", "account": "111111111111", "target')
    shown = sections.observed(seen.cells, seen.organization)
    table = "".join(f"<tr><td>{html.escape(name)}</td><td>{account}</td></tr>" for account, name in enumerate(NAMES, 10**11))
    output = nbformat.v4.new_output(  # type: ignore[no-untyped-call]
        "execute_result",
        {
            "text/plain": repr(shown),
            "text/html": shown._repr_html_() + f"<table class='runbook'>{table}</table>",
            "image/png": "iVBORw0KGgo=",
        },
    )
    said = nbformat.v4.new_output("stream", text=f"{NAMES}, {PERSON}, {HOST}, {json.dumps(NAMES)}")  # type: ignore[no-untyped-call]
    cell = nbformat.v4.new_code_cell(f"# {NAMES[1]}", outputs=[output, said])  # type: ignore[no-untyped-call]
    document = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    document.metadata["papermill"] = {"parameters": {"run_folder": "/home/zoe/runs"}}
    folder.notebook().write_text(nbformat.writes(document))  # type: ignore[no-untyped-call]
    folder.notebook_html().write_text(f"<p>{NAMES[0]}</p>")
    (folder.path / "picture.png").write_bytes(b"\x89PNG")


def texts(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {
        name: (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        for name, data in found.items()
        if not name.endswith(".png")
    }


def forbidden(run: RunFolder) -> list[str]:
    """Everything that names somebody, in every form in which it could be written."""
    coverage = json.loads((run.path / PHASE / "coverage-after.json").read_text())
    units = {unit for each in coverage["accounts"] for unit in each["organizational_units"]}
    ids = {each["id"] for each in coverage["accounts"]} | {str(10**11 + place) for place in range(7)}
    names = {each["name"] for each in coverage["accounts"]} - {"table"} | {PERSON, HOST}
    assert names >= set(NAMES[:3])
    assert run.record()["user"] == {"name": LOGIN, "uid": 54321}
    forms = {
        form
        for name in names
        for form in (name, html.escape(name), markdown_safe(name), spreadsheet_safe(name), json.dumps(name)[1:-1])
    }
    return sorted(
        {
            *ids,
            *units,
            *forms,
            run.record()["organization"],
            written("zoe@example.com"),
            BUCKET,
            "/home/zoe",
            "ws-17",
            LOGIN,
            "54321",
        }
        - {""}
    )


def test_nothing_that_names_somebody_is_in_any_byte_of_the_copy(run: RunFolder, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    copy = redact(run, tmp_path / "copy", KEY, made.desk(run.path.parent))
    found, original = texts(copy), texts(run.path)
    values = forbidden(run)
    assert all(any(value in text for text in original.values()) for value in (*NAMES[:1], HOST, PERSON, BUCKET)), (
        "else it proves nothing"
    )
    assert [(name, value) for name, text in found.items() for value in values if value in text] == []
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    assert set(original) | {ABOUT} == set(found)
    about = json.loads(found[ABOUT])
    assert set(about["left_out"]) == {f"{PHASE}/picture.png", f"{PHASE}/notebook.ipynb: an output", "comments of settings.yaml"}
    assert "<h1>REDACTED: " in found[f"{PHASE}/coverage-after.html"]
    page = found[f"{PHASE}/notebook.html"]
    assert "REDACTED" in page
    assert page.count("<table") == page.count("</table>") > 3, "an account called table breaks no markup"


def test_the_same_value_is_the_same_pseudonym_in_every_file(run: RunFolder, tmp_path: Path) -> None:
    copy = redact(run, tmp_path / "copy", KEY, made.desk(run.path.parent))
    found = texts(copy)
    for value, kind in (("111111111111", "account"), (NAMES[0], "name")):
        pseudonym = KEY.of(kind, value)
        names = {name for name, text in found.items() if pseudonym in text}
        assert {
            f"{PHASE}/{name}"
            for name in ("coverage-after.json", "coverage-after.csv", "coverage-after.html", "answers-after.jsonl.gz")
        } <= names
    assert KEY.of("account", "111111111111") != Pseudonyms(b"another key of tests").of("account", "111111111111")
    counts = json.loads((run.path / PHASE / "coverage-after.json").read_text())["counts"]
    assert json.loads(found[f"{PHASE}/coverage-after.json"])["counts"] == counts


def linked(path: Path) -> None:
    elsewhere = path.parent.with_name("elsewhere.json")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda copy: (copy / "run.json").write_text("{}"),
    "missing": lambda copy: (copy / PHASE / "plan.md").unlink(),
    "added": lambda copy: (copy / "more.txt").write_text("x"),
    "renamed": lambda copy: (copy / ABOUT).rename(copy / "about.json"),
    "broken seal": lambda copy: (copy / SEAL).write_bytes((copy / SEAL).read_bytes().replace(b"payload", b"payloae", 1)),
    "link instead of file": lambda copy: linked(copy / "run.json"),
}  # fmt: skip


def test_a_copy_verifies_on_its_own_and_every_change_is_found(run: RunFolder, tmp_path: Path) -> None:
    runs = run.path.parent
    trust = pinned_trust(runs / "keys")
    for number, (kind, change) in enumerate(CHANGES.items()):
        copy = redact(run, tmp_path / f"copy{number}", KEY, made.desk(runs))
        seen = verify_copy(copy, trust, tmp_path / "nowhere")
        assert seen.faults == ()
        assert seen.seal is not None
        assert seen.seal.run == run.name
        change(copy)
        assert [str(fault.kind) for fault in verify_copy(copy, trust, runs).faults] == [kind]
    stranger = pinned_trust(tmp_path / "no-keys")
    copy = redact(run, tmp_path / "last", KEY, made.desk(runs))
    assert [str(fault.kind) for fault in verify_copy(copy, stranger, runs).faults] == ["wrong key"]
    (runs / run.name / SEAL).write_text("another")
    assert ["names another seal" in fault.text for fault in verify_copy(copy, trust, runs).faults] == [True]


def test_an_altered_run_is_not_copied_and_nothing_is_overwritten(run: RunFolder, tmp_path: Path) -> None:
    desk = made.desk(run.path.parent)
    redact(run, tmp_path / "copy", KEY, desk)
    with pytest.raises(NotRedacted, match="never overwritten"):
        redact(run, tmp_path / "copy", KEY, desk)
    (run.path / PHASE / "plan.md").write_text("another")
    with pytest.raises(NotRedacted, match="was altered"):
        redact(run, tmp_path / "two", KEY, desk)
    assert not (tmp_path / "two").exists()


def test_what_was_attached_later_is_in_the_copy_unless_it_was_altered(run: RunFolder, tmp_path: Path) -> None:
    desk = made.desk(run.path.parent)
    attach(run, Addition("witness", "witness-x", {"report.csv": f"account,name\n111111111111,{NAMES[4]}\n".encode()}), desk)
    copy = redact(run, tmp_path / "copy", KEY, desk)
    text = (copy / "later" / "witness-x" / "report.csv").read_text()
    assert text == f"account,name\n{KEY.of('account', '111111111111')},{KEY.of('name', NAMES[4])}\n"
    assert verify_copy(copy, pinned_trust(run.path.parent / "keys"), run.path.parent).faults == ()
    (run.path / "attached" / "witness-x" / "report.csv").write_text("another")
    with pytest.raises(NotRedacted, match=r"report\.csv is not what"):
        redact(run, tmp_path / "two", KEY, desk)


def runbook(*words: object) -> tuple[int, str]:
    """Exit code and what was said."""
    done = CliRunner().invoke(cli, ["evidence", *map(str, words)], standalone_mode=False)
    return (done.return_value if done.exception is None else 1), done.output + str(done.exception or "")


def test_the_commands_copy_and_verify(run: RunFolder, tmp_path: Path) -> None:
    runs = run.path.parent
    assert runbook("redact", run.name, "--runs", runs)[0] == 0
    copy, key = runs / "redacted" / run.name, runs / "keys" / "redaction.key"
    assert key.stat().st_mode & 0o077 == 0
    assert not any(key.read_text().strip() in text for text in texts(copy).values())
    assert "redacted" not in runbook("verify", "--all", "--runs", runs)[1], "the copy is no run"
    (tmp_path / "runner.pem").write_text(pem(made.desk(runs).signer.public_key))
    received = copy.rename(tmp_path / "received")
    command = ("verify", received, "--runs", tmp_path / "none", "--key", tmp_path / "runner.pem")
    code, said = runbook(*command)
    assert (code, f"a REDACTED COPY of {run.name}" in said) == (0, True), said
    (received / "run.json").write_text("{}")
    assert runbook(*command)[0] == 1
    code, said = runbook("redact", run.name, "--runs", runs, "--out", runs / "x")
    assert (code, "neither in a run nor among the runs" in said) == (1, True)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("bucket-111111111111-logs", r"bucket-account-\w+-logs"),
        ("x111111111111", r"xaccount-\w+"),
        ("999999999999", r"account-\w+"),
        (
            "a digest 0123456789abcdef0123456789ab and 1795528478066 ms",
            r"a digest 0123456789abcdef0123456789ab and 1795528478066 ms",
        ),
        ("arn:aws:s3:::acme/x someone@example.com", r"arn:aws:s3:::bucket-\w+/x address-\w+"),
        ("Prod and Production", r"name-\w+ and Production"),
        ("ou-ab12-cdefgh34 r-ab12 o-abcdefghij", r"ou-\w+ root-\w+ o-\w+"),
        (
            "https://vpce-0123456789abcdef0-x1y2z3.sts.us-east-1.vpce.amazonaws.com",
            r"https://vpce-\w+\.sts\.us-east-1\.vpce\.amazonaws\.com",
        ),
    ],
)
def test_what_is_replaced_in_a_text(text: str, left: str) -> None:
    assert re.fullmatch(left, Redactor(KEY, {"111111111111"}, {"name": ["Prod"], "user": ["rehearsal"]}).text(text))


RATIO = 0.8333333333333334
"""Five of six, as a coverage file has it: its digits hold the id 333333333333."""


def redactor() -> Redactor:
    return Redactor(KEY, {"333333333333"}, {})


@pytest.mark.parametrize(
    "text", [str(RATIO), f"coverage {RATIO}, 83.3 %", f'{{"coverage": {RATIO}}}', f"<td>{RATIO}</td>", "1.333333333333e-7"]
)
def test_a_figure_is_no_account_id(text: str) -> None:
    assert redactor().text(text) == text
    assert redactor().left_over(text) == ""


@pytest.mark.parametrize(
    "text", ["333333333333", "x.333333333333", "a333333333333b", "0.1.333333333333", "12345678901.333333333333x", "333333333333.0x"]
)
def test_an_account_id_beside_a_point_is_replaced(text: str) -> None:
    assert "333333333333" not in redactor().text(text)
    assert redactor().left_over(f"a\n{text}") == "line 2: account id 333333333333"


def test_an_id_as_a_number_is_replaced_and_figures_stay() -> None:
    said = {"id": 333333333333, "coverage": RATIO, "count": 3, "yes": True}
    assert redactor().data(said) == said | {"id": KEY.of("account", "333333333333")}


def test_a_refusal_names_place_and_value(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redactor, "data", lambda self, value: value)
    with pytest.raises(
        NotRedacted, match=r"no copy was made: \S+ still holds what a copy may not hold: line \d+: account id \d{12}"
    ):
        redact(run, tmp_path / "copy", KEY, made.desk(run.path.parent))
