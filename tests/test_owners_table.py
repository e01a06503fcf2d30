"""The table of owners in the coverage notebook: every class, its owner and channels, in words as well as in colours."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.coverage import Status, matrix
from runbook_lib.display.owners_table import KINDS, OwnersTable
from runbook_lib.notebook.coverage_parts import VERIFY, _owners
from runbook_lib.services.response.owners import Answer, table
from runbook_lib.settings.file import load
from runbook_lib.settings.register import Register, read_register

PARAMETERS = Path(__file__).parents[1] / "parameters"
ALL, TODAY = PARAMETERS / "rehearsal-all.yaml", dt.date(2026, 11, 29)
SETTINGS, REGISTER = load(ALL, TODAY), read_register(ALL)
NOTHING = Register(Path(), (), "")


def run(settings: Any = SETTINGS, register: Register = REGISTER) -> Any:
    return SimpleNamespace(record=SimpleNamespace(settings=settings, register=register))


def test_the_coverage_notebook_shows_who_answers_by_the_register_of_its_run() -> None:
    assert _owners in VERIFY
    [shown] = _owners(run())
    rows = table(SETTINGS, REGISTER)
    said = repr(shown)
    assert f"{len(rows)} of {len(rows)} classes have one owner" in said
    assert all(str(row.finding_class) in said and row.owners[0].owner in said for row in rows)
    assert "people" in said
    assert "triage" in said
    [orphaned] = _owners(run(register=NOTHING))
    assert f"0 of {len(rows)} classes have one owner" in repr(orphaned)
    assert repr(orphaned).count("gap: nobody") == len(rows)


def test_settings_without_a_response_have_no_such_table() -> None:
    assert list(_owners(run(load(PARAMETERS / "rehearsal.yaml", TODAY)))) == []


@pytest.mark.parametrize("status", Status)
def test_each_answer_has_its_sign_its_word_and_a_rule_of_the_page(status: Status) -> None:
    row = replace(table(SETTINGS, REGISTER)[0], owned=Answer(status, "<why>"))
    made, kind = OwnersTable([row]), KINDS[status]
    assert f'<td class="f-{kind}">{matrix.KINDS[kind][0]} {status.value}: &lt;why&gt;</td>' in made.inside()
    assert f"td.f-{kind}" in matrix.RULES
    assert f"{status.value}: <why>" in repr(made)
