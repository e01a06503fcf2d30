"""The scope as somebody types it: read, or refused in one sentence that says what to write."""

import datetime as dt
import re
from pathlib import Path

import pytest
from fuzzing import unclear

from runbook_lib.phase_run.scope_parameter import BadParameter, read_scope
from runbook_lib.plan import Scope
from runbook_lib.settings.file import parse

SETTINGS = parse(
    (Path(__file__).parent / "cases/settings/base.yaml").read_text(encoding="utf-8"), dt.date(2026, 11, 23), "settings.yaml"
)


def test_what_a_scope_may_name() -> None:
    assert read_scope(" ", SETTINGS) == Scope()
    text = '{"regions": ["us-east-2", "us-east-1"], "accounts": ["044444444444"], "organizational_units": ["ou-abcd-12345678"]}'
    assert read_scope(text, SETTINGS) == Scope(("us-east-1", "us-east-2"), ("044444444444",), ("ou-abcd-12345678",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"accounts": [044444444444]}', "this is not JSON at column 16: expecting ',' delimiter; check commas"),
        ('{"accounts": [044444444444]}', "(account ids in quotes)"),
        ('{"accounts": [444444444444]}', "scope.accounts: [444444444444]: a list of strings is expected; account ids in quotes"),
        ('{"accounts": ["44444444444"]}', "scope.accounts: '44444444444': is not a 12-digit account id"),
        ('{"accounts": ["\uff14\uff14\uff14"]}', "(column 1 holds U+FF14 (fullwidth digit four)): is not a 12-digit account id"),
        ('{"regions": ["us-east-1 "]}', "scope.regions: 'us-east-1 ': is not the name of a Region"),
        ('{"organizational_units": ["Sandbox"]}', "'Sandbox': is not the id of an organizational unit (ou-…) or root (r-…)"),
        ("us-east-1", "scope, line 1: this is not JSON at column 1: expecting value"),
        ('{\u201cregions\u201d: ["us-east-1"]}', "at column 2: expecting property name enclosed in double quotes (there is U+201C"),
        ("[" * 100_000, "scope: nested more than 64 deep"),
        ('{"regions": ["us-east-1"], "regions": ["us-east-2"]}', "the key 'regions' appears twice"),
        ('{"regions": []}', "scope.regions: []: a list of strings is expected"),
        ('["us-east-1"]', "a JSON object with any of regions, accounts, organizational_units"),
        ('{"wave": "canary"}', "scope.wave: no wave is called 'canary'"),
    ],
)
def test_what_is_wrong_with_a_scope_is_said_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadParameter, match=re.escape(said)) as caught:
        read_scope(text, SETTINGS)
    assert not unclear(str(caught.value), "scope")
    assert len(str(caught.value)) < 400
