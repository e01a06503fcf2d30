"""What stands in a file of a run is quoted as far as a person reads it: no reason, of whatever reader, goes on for ever."""

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from fuzzing import as_lines, unclear

from runbook_lib.base.documents import LONGEST_SAID
from runbook_lib.base.own_files import FileBroken
from runbook_lib.evidence.run.executed_cells import read_cells
from runbook_lib.evidence.run.kept_answers import AnswersBroken, read_answers
from runbook_lib.evidence.seal.envelope import EnvelopeBroken, read, sign
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.reading import entry
from runbook_lib.services.remarks import Contradicted, Remark, Severity

LONG = "a\u00a0\u202e" * 10_000
"""Thirty thousand characters, two thirds of which cannot be seen."""
SURROUNDINGS = 300
"""Characters of a message beside the reason: the names of files."""


def _doubled(statement: dict[str, Any]) -> None:
    statement["subject"] = [{**statement["subject"][0], "name": LONG}] * 2


def _type(statement: dict[str, Any]) -> None:
    statement["predicate"]["buildDefinition"]["buildType"] = LONG


def _time(statement: dict[str, Any]) -> None:
    statement["predicate"]["runDetails"]["metadata"]["startedOn"] = LONG


def _key(statement: dict[str, Any]) -> None:
    statement["predicate"]["runDetails"]["byproducts"] = [{"name": "result", "annotations": {"phases": {LONG: {"status": 1}}}}]


@pytest.mark.parametrize("change", [_doubled, _type, _time, _key])
def test_of_a_signed_statement(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    run, *_ = made.sealed_run(tmp_path / "runs")
    (seal,) = run.path.glob("*.jsonl")
    statement = json.loads(base64.b64decode(json.loads(seal.read_bytes())["payload"]))
    change(statement)
    with pytest.raises(EnvelopeBroken) as caught:
        entry(read(sign(statement, local_signer(tmp_path / "keys", "rehearsal"))))
    _usable(caught.value)


@pytest.mark.parametrize("name", ["$time", "$bytes"])
def test_of_a_kept_answer(tmp_path: Path, name: str) -> None:
    about = {"format": "runbook answers 1", "scope": {"regions": [], "accounts": [], "organizational_units": []}, "callers": {}}
    path = tmp_path / "answers-after.jsonl.gz"
    path.write_bytes(gzip.compress(as_lines([about, [json.dumps(["s3", "Get", "1", "r", {}]), {"answer": {name: LONG}}]])))
    with pytest.raises(AnswersBroken) as caught:
        read_answers(path)
    _usable(caught.value)


@pytest.mark.parametrize("line", [{"kind": LONG}, {"kind": "sealed", "count": LONG}, {"kind": "before", LONG: 1}])
def test_of_a_record_of_cells(tmp_path: Path, line: dict[str, Any]) -> None:
    path = tmp_path / "cells.jsonl"
    path.write_bytes(as_lines([line]))
    with pytest.raises(FileBroken) as caught:
        read_cells(path)
    _usable(caught.value)


def test_of_what_an_answer_says_against_settings() -> None:
    said = Remark(Severity.CONTRADICTED, ("organization", "id"), LONG, f"AWS says {LONG}")
    _usable(Contradicted([said]))


def _usable(error: Exception) -> None:
    assert not unclear(str(error))
    assert len(str(error)) <= LONGEST_SAID + SURROUNDINGS
