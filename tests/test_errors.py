"""What is expected to go wrong has one root: it is said with its advice and exit code wherever it arises, and nothing else is."""

import ast
import builtins
from collections.abc import Callable
from pathlib import Path

import measures
import pytest

from runbook_lib import cli
from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.base.errors import OURS, RunbookError
from runbook_lib.cli import archive
from runbook_lib.phase_run.halt import Halt
from runbook_lib.phase_run.record import plainly

LIBRARY = Path(__file__).parents[1] / "runbook_lib"
APART = {
    "base/documents/json_text.py: _Wrong": "where in a document it is, for the reader of the document to say with its name",
    "base/documents/yaml_text.py: _Endless": "as above",
    "base/own_files.py: FileBroken": "words without the name of the file, for whoever knows what the file is",
    "evidence/seal/envelope.py: EnvelopeBroken": "words without the name of the file, as above",
    "plan/file.py: _Wrong": "where in a plan it is, for the reader of the plan to say with its file",
    "audit/cloudtrail.py: _Odd": "one event, which is named as left out",
    "audit/witness_report.py: _Odd": "one row, which is named as left out",
    "evidence/seal/linked.py: _SaidAlready": "an answer of the chain, and no failure",
    "apply/attempts.py: Halted": "how a call is not made once the run is to stop",
    "phase_run/halt.py: Halt": "what a cell shows of an expected error: its whole text",
    "notebook/screen.py: Interrupted": "as above",
    "cli/lab/files.py: NotServed": "an answer of JupyterLab's server",
    "stack/answer.py: NotARequest": "answered, or logged, by the function that CloudFormation calls",
    "stack/answer.py: Unanswered": "as above: tried again by the state machine",
    "stack/orders.py: BadOrder": "as above: the reason of a failed resource",
    "stack/surroundings.py: Astray": "as above",
    "rehearsal: ApiError": "an answer of the simulated AWS",
    "rehearsal: ConnectionCut": "as above",
    "rehearsal: NotMade": "an event of the simulated stack",
    "rehearsal: PatternError": "an answer of the simulated EventBridge",
    "rehearsal: StepFailed": "what a simulated execution ends with",
    "rehearsal: PassOn": "as above: moto answers",
    "rehearsal: PolicyError": "as above: a policy that AWS would refuse, or that the simulation cannot judge",
    "rehearsal: SimulationError": "a mistake of the simulation, which its server answers with",
}
"""Exceptions that no command or cell ends with, and why."""


def _home(path: Path) -> str:
    """The file; of the rehearsal, which is an island, no more than that."""
    inside = path.relative_to(LIBRARY)
    return inside.parts[0] if inside.parts[0] == "rehearsal" else inside.as_posix()


def exceptions() -> dict[str, bool]:
    """Every exception class of the library, and whether it descends from the root."""
    classes = [
        (
            f"{_home(path)}: {node.name}",
            node.name,
            {ast.unparse(base).split(".")[-1] for base in node.bases},
        )
        for path in sorted(LIBRARY.rglob("*.py"))
        for node in ast.walk(measures.tree(path))
        if isinstance(node, ast.ClassDef)
    ]
    foreign = {name for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, BaseException)}
    known, rooted = {*foreign, "HTTPError"}, {RunbookError.__name__}
    while more := {name for _, name, bases in classes if bases & known} - known:
        known |= more
    while more := {name for _, name, bases in classes if bases & rooted} - rooted:
        rooted |= more
    return {place: bool(bases & rooted) for place, name, bases in classes if bases & known and name != RunbookError.__name__}


def test_every_exception_descends_from_the_root_or_is_named_with_a_reason() -> None:
    found = exceptions()
    assert len(found) > 50
    assert {place for place, rooted in found.items() if not rooted} == set(APART)


class NewError(RunbookError):
    """One that nobody has listed anywhere."""

    advice = "Put it right, then run again."


ERRORS = pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (NewError("acme.yaml: it is wrong."), "acme.yaml: it is wrong.\nPut it right, then run again.\n", 1),
        (NewError("It is wrong.", advice="Wait.", exit_code=2), "It is wrong.\nWait.\n", 2),
        (RunbookError("It is wrong; wait."), "It is wrong; wait.\n", 1),
        (FileNotFoundError(2, "No such file or directory", "acme.yaml"), "acme.yaml: No such file or directory\n", 1),
        (KeyboardInterrupt(), "\nStopped.\n", 1),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, BaseException) else None,
)


def ends(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, int]:
    with pytest.raises(SystemExit) as ended:
        cli.main([*words])
    assert isinstance(ended.value.code, int)
    return capsys.readouterr().err, ended.value.code


def raising(error: BaseException) -> Callable[..., None]:
    def raises(*given: object) -> None:
        raise error

    return raises


@ERRORS
def test_a_command_says_it_and_ends_with_its_exit_code(
    error: BaseException, said: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("runbook_lib.cli.schema.schema_text", raising(error))
    assert ends(capsys, "schema") == (said, code)


@ERRORS
def test_so_does_a_command_of_a_group(
    error: BaseException, said: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(archive, "rows", raising(error))
    assert ends(capsys, "run", "list", "--runs", str(tmp_path)) == (said, code)


def test_a_cell_says_it_in_place_of_a_traceback() -> None:
    with pytest.raises(Halt, match=r"\AIt is wrong.\nWait.\Z"), plainly():
        raise NewError("It is wrong.", advice="Wait.")


def test_what_nobody_foresaw_is_named_as_our_mistake(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Not as a mistake in what was given; with the place in the code, and without a traceback or anybody's address."""
    monkeypatch.setattr("runbook_lib.cli.schema.schema_text", raising(TypeError("no len() of someone@example.com")))
    said, code = ends(capsys, "schema")
    assert code == 1
    assert said.startswith("runbook_lib/cli/schema.py, line ")
    assert said.endswith(f": TypeError: no len() of [e-mail address]\n{OURS}\n")
    with pytest.raises(TypeError) as noted, plainly():
        raise TypeError
    assert noted.value.__notes__ == [OURS]


@pytest.mark.parametrize(
    ("account", "said"),
    [("111111111111", "sts:AssumeRole as 111111111111 in us-east-1: Code: why"), ("", "sts:AssumeRole in us-east-1: Code: why")],
)
def test_a_call_before_anybody_is_known_names_no_account(account: str, said: str) -> None:
    failed = CallFailed("Code", "why", service="sts", operation="AssumeRole", account=account, region="us-east-1")
    assert str(failed).startswith(said)
    assert unread(failed).reason.startswith(said.removesuffix(": Code: why"))
