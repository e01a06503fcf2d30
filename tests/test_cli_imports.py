"""What the command line imports: describing a command none of the large libraries, running one what it uses."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from runbook_lib.cli import cli
from runbook_lib.cli.work import work_of

ROOT = Path(__file__).parents[1]
LARGE = {
    "botocore",
    "boto3",
    "pydantic",
    "pandas",
    "numpy",
    "papermill",
    "nbformat",
    "nbclient",
    "IPython",
    "cryptography",
    "ruamel",
}
"""Libraries that take a tenth of a second or more to import."""
ASKED = """
import contextlib, io, json, sys
from runbook_lib.cli import main
said = {}
for words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main(words)
    said[" ".join(words)] = [out.getvalue(), sorted({name.partition(".")[0] for name in sys.modules})]
print(json.dumps(said))
"""


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    for name, each in group.commands.items():
        yield (*before, name)
        if isinstance(each, click.Group):
            yield from commands(each, *before, name)


def imported(*asked: tuple[str, ...]) -> dict[str, tuple[str, set[str]]]:
    """What each command printed, in one new process, and what had been imported after it."""
    done = subprocess.run(
        [sys.executable, "-c", ASKED], input=json.dumps(asked), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {words: (out, set(names)) for words, (out, names) in json.loads(done.stdout).items()}


def test_help_and_version_import_no_large_library() -> None:
    found = list(commands(cli))
    assert len(found) > 20
    said = imported(("--version",), ("--help",), *((*words, "--help") for words in found))
    for words, (out, names) in said.items():
        assert "version" in out or out.startswith("Usage: "), words
        assert not names & LARGE, words


@pytest.mark.parametrize(
    ("words", "used", "unused"),
    [
        (("schema",), {"pydantic"}, {"pandas", "papermill", "nbclient", "nbformat", "cryptography"}),
        (("evidence", "key", "FOLDER/mine.pem"), {"cryptography"}, {"pandas", "papermill", "nbclient", "nbformat"}),
        (("run", "list", "--runs", "FOLDER"), {"pydantic"}, {"pandas", "papermill", "nbclient", "nbformat"}),
        (("evidence", "verify", "--runs", "FOLDER"), {"cryptography"}, {"pandas", "papermill", "nbclient", "nbformat", "boto3"}),
    ],
    ids=lambda given: " ".join(given[:2]) if isinstance(given, tuple) else "",
)
def test_a_command_imports_what_it_uses(words: tuple[str, ...], used: set[str], unused: set[str], tmp_path: Path) -> None:
    ((_, (out, names)),) = imported(tuple(word.replace("FOLDER", str(tmp_path)) for word in words)).items()
    assert out
    assert used <= names
    assert not names & unused


def test_the_process_of_jupyterlab_imports_nothing_that_only_its_command_uses() -> None:
    """Nor does it compile the grammar of IRIs, which takes longer than all the rest."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "runbook_lib.cli.lab", "--version"],
        cwd=ROOT, env={**os.environ, "JUPYTER_TOKEN": "t"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"jupyterlab.labapp", "nbformat"} <= names
    assert not names & {
        "pandas",
        "papermill",
        "rfc3987_syntax.syntax_helpers",
        "runbook_lib.notebook",
        "runbook_lib.rehearsal.server",
    }


def leaves(group: click.Group) -> list[click.Command]:
    return [leaf for each in group.commands.values() for leaf in (leaves(each) if isinstance(each, click.Group) else [each])]


@pytest.mark.parametrize("command", leaves(cli), ids=lambda each: str(each.name))
def test_the_work_takes_what_the_command_was_given(command: click.Command) -> None:
    """A command is described in one module and done in another: they name the same arguments."""
    taken = set(inspect.signature(work_of(*vars(command.callback)["done_by"])).parameters)
    given = {parameter.name for parameter in command.params}
    parts = {"wave", "door", "handover"} if "scope" in taken else set()
    assert taken == given - parts | ({"scope"} if parts & given else set())
