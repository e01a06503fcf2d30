import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import value_samples as samples
from hypothesis import given

from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.file import PlanFileError


@given(samples.PLANS)
def test_a_plan_reads_back_exactly(plan: Plan) -> None:
    again = plan_file.loads(plan_file.dumps(plan), "plan.json")
    assert again == plan
    assert again.fingerprint == plan.fingerprint
    assert [step.id for step in again.steps] == [step.id for step in plan.steps]
    assert plan_file.dumps(again) == plan_file.dumps(plan)


def test_the_sample_reads_back_from_a_file_with_its_references(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(plan_file.dumps(samples.plan()), encoding="utf-8")
    assert plan_file.load(path) == samples.plan()
    assert path.read_text(encoding="utf-8").isascii()


def test_account_ids_stay_text() -> None:
    data = json.loads(plan_file.dumps(samples.plan()))
    assert "000000000001" in data["population"]
    assert all(isinstance(number, str) and len(number) == 12 for number in data["population"])


@pytest.mark.parametrize("field", ["created", "mode"])
def test_time_and_mode_are_carried_but_are_no_part_of_the_fingerprint(field: str) -> None:
    changed: dict[str, Any] = {field: "live"}
    text = plan_file.dumps(samples.plan(**changed))
    assert json.loads(text)[field] == "live"
    assert plan_file.loads(text, "x").fingerprint == samples.plan().fingerprint


def test_two_processes_with_different_hash_seeds_write_equal_bytes() -> None:
    program = "import value_samples, runbook_lib.plan.file as f; print(f.dumps(value_samples.plan()))"
    written = {_run_with_hash_seed(program, seed) for seed in ("1", "2")}
    assert len(written) == 1


def _run_with_hash_seed(program: str, seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent / "support")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def _put(*path: str | int, value: object) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


WRONG: list[tuple[Callable[[Any], None], str]] = [
    (_put("organization", value="o-another0001"), "fingerprint: the file says"),
    (_put("settings_digest", value="6" * 64), "changed after it was written"),
    (_put("requires", value=[]), "fingerprint"),
    (_put("blockers", value=[]), "fingerprint"),
    (_put("steps", 2, "targets", value=["444444444444"]), "steps[2].id"),
    (_put("steps", 0, "parameters", "AdminAccountId", value="444444444444"), "steps[0].id: the file says"),
    (_put("surprise", value=1), "unknown key 'surprise'"),
    (_put("steps", 0, "surprise", value=1), "steps[0]: unknown key 'surprise'"),
    (_put("steps", 0, "step", value="retreat"), "steps[0]: a step is an object"),
    (_put("steps", 0, "account", value=111111111111), "steps[0].account: text is expected, not a number"),
    (_put("steps", 2, "deadline", value=True), "steps[2].deadline: a whole number is expected, not true or false"),
    (_put("steps", 0, "direction", value="sideways"), "steps[0].direction: one of raises, equal, lowers"),
    (_put("steps", 0, "parameters", value=[]), "steps[0].parameters: an object is expected, not a list"),
    (_put("steps", 3, "parameters", "DetectorId", "account", value=7), "DetectorId.account: text is expected"),
    (_put("steps", 3, "parameters", "DetectorId", "more", value=""), "exactly the keys $reference, account, region"),
    (_put("population", value="111111111111"), "population: a list is expected, not text"),
    (_put("mode", value=None), "mode: text is expected, not null"),
    (_put("steps", 0, "step", value=["action"]), "steps[0]: a step is an object"),
    (_put("format", value="runbook plan 2"), "format: 'runbook plan 1' is expected"),
    (_put("scope", value={"regions": []}), "scope: key 'accounts' is missing"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_a_file_that_is_not_what_it_says_is_refused_by_name_and_place(
    change: Callable[[Any], None], words: str, tmp_path: Path
) -> None:
    data = json.loads(plan_file.dumps(samples.plan()))
    change(data)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(PlanFileError) as refused:
        plan_file.load(path)
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the file is empty"),
        ("[]", "an object is expected, not a list"),
        ('{"format": "runbook plan 1", "format": "runbook plan 1"}', "the key 'format' appears twice"),
        ('{"format": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "nested more than 64 deep"),
    ],
)
def test_text_that_is_no_plan_is_refused(text: str, words: str) -> None:
    with pytest.raises(PlanFileError, match=words):
        plan_file.loads(text, "plan.json")


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="no such file"):
        plan_file.load(tmp_path / "plan.json")
    (tmp_path / "plan.json").write_bytes(b"\xff\xfe")
    with pytest.raises(PlanFileError, match="line 1: the file is UTF-16"):
        plan_file.load(tmp_path / "plan.json")
