"""Settings are changed as a document, whichever way they are written, and no more than a simulated organization takes."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from ruamel.yaml import YAML
from simulated import PARAMETERS
from tables import table

from runbook_lib.cli.rehearsal_settings import Simulation, fitted
from runbook_lib.services.registry import by_name, specs
from runbook_lib.settings import Settings
from runbook_lib.settings.checks import at
from runbook_lib.settings.editing import as_rehearsal, refuse_other_changes
from runbook_lib.settings.file import SettingsError, load, parse, text_of

TODAY = dt.date(2026, 6, 1)
CASES: list[dict[str, Any]] = table(Path(__file__).parent / "cases" / "rehearsal" / "fitting.yaml")
BASE = (Path(__file__).parent / "cases" / "rehearsal" / "fitting-base.yaml").read_text(encoding="utf-8")


def simulation(case: dict[str, Any]) -> Simulation:
    return Simulation(
        organization=case.get("organization", "o-rehearsal001"), management=case.get("management", "111111111111"),
        partition=case.get("partition", "aws"), home=case["there"][0], regions=tuple(case["there"]),
        accounts=frozenset({"111111111111", "222222222222", "444444444444"}), units=frozenset({"r-reh1", "ou-reh1-there0001"}),
    )  # fmt: skip


def values(text: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(text)
    return found


SECTIONS = [spec.section for spec in specs() if spec.section in values(BASE)]


def put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *above, last = dotted.split(".")
    holder = at(tree, *above) if above else tree
    if value is None:
        del holder[last]
    else:
        holder[last] = value


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_is_changed_and_said(case: dict[str, Any]) -> None:
    before = values(BASE) | case.get("settings", {})
    text = json.dumps(before, default=str) if case.get("settings") else BASE
    parse(text, TODAY, "own.yaml")
    made = fitted(text, simulation(case), everywhere=case.get("everywhere", False))
    wanted = values(json.dumps(before, default=str))
    for dotted, value in values(json.dumps(case.get("differs", {}), default=str)).items():
        put(wanted, dotted, value)
    assert values(made.text) == wanted
    assert list(made.changes) == case["changes"]
    assert (made.text == text) == (not case["changes"])
    parse(made.text, TODAY, "own.yaml")
    again = fitted(made.text, simulation(case), everywhere=case.get("everywhere", False))
    assert (again.text, again.changes) == (made.text, ())


def test_comments_quotes_and_lines_stay() -> None:
    made = fitted(BASE, simulation({"there": ["us-east-1", "us-west-2", "eu-west-1"]}))
    different = [new for old, new in zip(BASE.splitlines(), made.text.splitlines(), strict=True) if old.replace("{ ", "{") != new]
    named = [line.partition(":")[0].strip() for line in different if "us-west-2" in line]
    assert named == ["regions", "aggregation", *SECTIONS[1:]]
    assert "# arn:aws: in a comment stays, and so does us-east-2" in made.text
    assert made.text.count('"') == BASE.count('"')


REGIONS = ("us-east-1", "us-east-2", "eu-west-1", "eu-south-1", "me-west-1", "us-gov-west-1", "us-gov-east-1", "eusc-de-east-1")
PARTITIONS = {"aws": REGIONS[:5], "aws-us-gov": REGIONS[5:7], "aws-eusc": REGIONS[7:]}


def some(regions: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(regions), min_size=1, unique=True)


@given(
    partition=st.sampled_from(sorted(PARTITIONS)),
    chosen=st.fixed_dictionaries(dict.fromkeys(SECTIONS, some(PARTITIONS["aws"]))),
    everywhere=st.booleans(),
    data=st.data(),
)
def test_whatever_the_file_and_the_organization(
    partition: str, chosen: dict[str, list[str]], everywhere: bool, data: st.DataObject
) -> None:
    """It parses, names what is there, keeps what was there, and what was no larger is no larger."""
    there = data.draw(some(PARTITIONS[partition]))
    before = values(BASE)
    del before["security_hub"]["aggregation"]
    for section, regions in chosen.items():
        before[section]["regions"] = regions
    hub = chosen["security_hub"]
    home = [region for region in hub if region in ("us-east-1", "us-east-2", "eu-west-1")]
    if home:
        linked = [region for region in hub if region != home[0]]
        before["security_hub"]["aggregation"] = {"home_region": home[0]} | (
            {"linking_mode": "SPECIFIED_REGIONS", "regions": linked} if linked else {"linking_mode": "NO_REGIONS"}
        )
    text = json.dumps(before)
    parse(text, TODAY, "own.yaml")
    made = fitted(text, simulation({"there": there, "partition": partition}), everywhere=everywhere)
    after = parse(made.text, TODAY, "own.yaml")
    found = {by_name()[name].section: section.regions for name, section in after.sections().items()}
    assert set(found) == set(SECTIONS)
    for section, now in found.items():
        kept = set(before[section]["regions"]) & set(there)
        assert kept <= set(now) <= set(there)
        if everywhere:
            assert set(now) == set(there)
            continue
        assert len(now) <= len(before[section]["regions"])
        for other, others in found.items():
            if kept and set(before[section]["regions"]) <= set(before[other]["regions"]):
                assert set(now) <= set(others)
    if set().union(*chosen.values()) <= set(there) and not everywhere and partition == "aws":
        assert made.text == text
        assert not made.changes
    else:
        assert bool(made.changes) == (made.text != text)


LIVE = PARAMETERS.read_text(encoding="utf-8").replace("\nmode: rehearsal", "\nmode: live")
SPELLED = {
    "plain": LIVE,
    "spaces and a remark": LIVE.replace("mode: live", "mode:   live   # on purpose"),
    "a quoted key": LIVE.replace("mode: live", '"mode": live'),
    "another quoted key": LIVE.replace("mode: live", "'mode': \"live\""),
    "a space before the colon": LIVE.replace("mode: live", "mode : live"),
    "an explicit key": LIVE.replace("mode: live", "? mode\n: live"),
    "the value on a line of its own": LIVE.replace("mode: live", "mode:\n  live"),
    "a folded value": LIVE.replace("mode: live", "mode: >-\n  live"),
    "escapes": LIVE.replace("mode: live", '"m\\x6fde": "l\\u0069ve"'),
    "a byte order mark": "\ufeff" + LIVE,
    "a document's start": "---\n" + LIVE,
    "Windows line ends": LIVE.replace("\n", "\r\n"),
    "JSON": json.dumps(values(LIVE), default=str),
    "JSON with the key at the end": json.dumps(
        {**{k: v for k, v in values(LIVE).items() if k != "mode"}, "mode": "live"}, default=str
    ),
    "flow style": "{ mode: live, " + json.dumps({k: v for k, v in values(LIVE).items() if k != "mode"}, default=str)[1:],
    "a comment that looks like it": "# mode: rehearsal\n" + LIVE,
    "a reason that looks like it": LIVE.replace("owner: Platform security", 'owner: "mode: live"'),
}


@pytest.mark.parametrize("text", SPELLED.values(), ids=SPELLED)
def test_whichever_way_it_is_written_only_the_mode_is_changed(text: str, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(text.encode())
    live = load(file, TODAY)
    assert live.mode == "live"
    changed = as_rehearsal(text_of(file), TODAY, str(file))
    made = parse(changed, TODAY, str(file))
    assert made.mode == "rehearsal"
    assert made == live.model_copy(update={"mode": "rehearsal"})
    assert changed.count("#") == text.count("#")


def test_settings_of_a_rehearsal_stay_as_they_are() -> None:
    text = PARAMETERS.read_text(encoding="utf-8")
    assert as_rehearsal(text, TODAY, "own.yaml") == text


def test_what_is_no_settings_file_is_refused_with_its_own_lines() -> None:
    line = LIVE.splitlines().index("mode: live") + 1
    with pytest.raises(SettingsError, match=rf"own\.yaml, line {line}: mode\n    value:  lively"):
        as_rehearsal(LIVE.replace("\nmode: live", "\nmode: lively"), TODAY, "own.yaml")


def test_a_document_that_would_mean_something_else_is_noticed() -> None:
    settings = parse(LIVE, TODAY, "own.yaml")
    other: Settings = settings.model_copy(update={"concurrency": 1})
    with pytest.raises(AssertionError, match="do not mean the same"):
        refuse_other_changes(settings, other)
