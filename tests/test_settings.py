"""Settings: every wrong file is refused with exactly the findings it deserves; right files mean what they say."""

import contextlib
import datetime as dt
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from tables import table

from runbook_lib.base.documents.models import SAYS
from runbook_lib.services.registry import specs
from runbook_lib.settings import Settings, settings_digest
from runbook_lib.settings.file import SettingsError, load, parse
from runbook_lib.settings.regions import ENABLED_BY_DEFAULT, is_opt_in, partition_of, partitions
from runbook_lib.settings.schema import SCHEMA_FILE, schema_text

TODAY = dt.date(2026, 11, 23)
CASES = Path(__file__).parent / "cases" / "settings"
BASE = (CASES / "base.yaml").read_text(encoding="utf-8")
PARAMETERS = Path(__file__).parents[1] / "parameters"


def cases() -> list[Any]:
    files = sorted(set(CASES.glob("*.yaml")) - {CASES / "base.yaml"})
    found = [(file.stem, case) for file in files for case in table(file)]
    return [pytest.param(case, id=f"{file}: {case['name']}") for file, case in found]


def text_of(case: dict[str, Any]) -> str:
    text: str = case.get("text", BASE)
    for old, new in case.get("replace", {}).items():
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the file"
        text = text.replace(old, new)
    return text


def line_of(text: str, wanted: dict[str, Any]) -> int:
    if "line" in wanted:
        return int(wanted["line"])
    return next(number for number, line in enumerate(text.split("\n"), start=1) if wanted["at"] in line)


@pytest.mark.parametrize("case", cases())
def test_case(case: dict[str, Any]) -> None:
    text = text_of(case)
    if not case["findings"]:
        assert isinstance(parse(text, TODAY, "f.yaml"), Settings)
        return
    with pytest.raises(SettingsError) as caught:
        parse(text, TODAY, "f.yaml")
    found = caught.value.findings
    wanted = sorted(case["findings"], key=lambda each: (line_of(text, each), each["key"]))
    assert [(each.line, each.key, each.value) for each in found] == [
        (line_of(text, each), each["key"], str(each.get("value", ""))) for each in wanted
    ], str(caught.value)
    for finding, each in zip(found, wanted, strict=True):
        for words in each["says"]:
            assert words.lower() in finding.message.lower()
        assert finding.message.endswith((".", "?", "…."))


def test_base_is_valid() -> None:
    read = parse(BASE, TODAY, "f.yaml")
    assert read.security_hub is not None
    assert read.security_hub.regions == ("us-east-1", "eu-south-1")
    assert read.exclusions[0].expires == TODAY, "the last day still counts"
    assert read.access.delegated.session_seconds == 3600
    assert read.security_hub.accept_default_standards == ()
    assert read.security_hub.existing_account_standards is None


def test_everything_wrong_is_said_at_once_and_in_order_of_lines() -> None:
    changes = {
        "mode: live": "mode: lif",
        'delegated_account: "222222222222"': "delegated_account: 222222222222",
        "expires: 2026-11-23": "expires: 2020-01-01",
        "home_region: us-east-1": "home_region: us-west-2",
        "false\n  auto_enable: NEW": "false\n  auto_enable: ALL",
        "concurrency: 4": "concurency: 4",
    }
    with pytest.raises(SettingsError) as caught:
        parse(text_of({"replace": changes}), TODAY, "acme.yaml")
    keys = ["mode", "organization.delegated_account", "exclusions[0].expires", "security_hub.aggregation.home_region"]
    assert [each.key for each in caught.value.findings] == [*keys, "guardduty.auto_enable", "concurency"]
    text = str(caught.value)
    assert text.startswith("acme.yaml: 6 things to correct\n\nacme.yaml, line 2: mode\n    value:  lif\n    ")
    assert len(text.split("\n\n")) == 7


def test_of_very_many_findings_the_first_are_shown() -> None:
    text = BASE + "".join(f"key{number}: 1\n" for number in range(1000))
    with pytest.raises(SettingsError) as caught:
        parse(text, TODAY, "f.yaml")
    assert len(caught.value.findings) == 1000
    assert str(caught.value).startswith("f.yaml: 1000 things to correct\n\nf.yaml, line 51: key0")
    assert str(caught.value).endswith("\n\nAnd 950 more: correct these first.")


@pytest.mark.parametrize("letters", ["[", ",", '"', "a1B/", "IQoJ", "-----BEGIN ", "\u00e9"])
def test_a_line_of_any_letters_is_looked_at_in_no_time(letters: str) -> None:
    """Twice the line may take twice the time: what looks for secrets looked ahead to the end of the line at every letter."""
    text = BASE.replace("A good reason.", f"'{(letters * 60_000)[:60_000]}'")
    begun = time.process_time()
    with contextlib.suppress(SettingsError):
        parse(text, TODAY, "f.yaml")
    assert time.process_time() - begun < 10


SECRETS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "IQoJ" + "b3JpZ2luX2Vj" * 5)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", ["profile: {}", "profile: '{}'", "profile: [{}", "{}: 1", "profile: d # {}", "profile: !{} x"])
def test_a_secret_is_found_and_never_printed(secret: str, place: str) -> None:
    text = BASE.replace("profile: delegated", place.format(secret))
    with pytest.raises(SettingsError) as caught:
        parse(text, TODAY, "f.yaml")
    assert any("credentials" in each.message for each in caught.value.findings)
    assert secret not in str(caught.value)
    assert secret[4:20] not in repr(caught.value.findings)


def test_ids_that_only_look_a_little_like_secrets_pass() -> None:
    text = BASE.replace("A good reason.", "See commit 0123456789abcdef0123456789abcdef01234567 and AKIABELOW")
    assert parse(text, TODAY, "f.yaml").exclusions[0].reason.startswith("See commit")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"mode: live\norganization:\n  id: caf\xe9\n")
    for path, line, words in ((tmp_path / "absent.yaml", 1, "no such file"), (tmp_path, 1, "folder"), (latin, 3, "0xE9")):
        with pytest.raises(SettingsError) as caught:
            load(path, TODAY)
        (finding,) = caught.value.findings
        assert (finding.file, finding.line) == (str(path), line)
        assert words in finding.message


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "windows.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert load(file, TODAY) == parse(BASE, TODAY, "f.yaml")


def test_digest_leaves_mode_and_network_out_and_notices_everything_else() -> None:
    live = parse(BASE, TODAY, "f.yaml")
    assert re.fullmatch("[0-9a-f]{64}", settings_digest(live))
    rehearsal = parse(BASE.replace("mode: live", "mode: rehearsal"), TODAY, "other.yaml")
    assert settings_digest(rehearsal) == settings_digest(live)
    said_default = parse(BASE + "allow_lowering: []\n# a comment\n", TODAY, "f.yaml")
    assert settings_digest(said_default) == settings_digest(live)
    way = "network: { endpoints: { sts: { us-east-1: 'https://vpce-1.sts.us-east-1.vpce.amazonaws.com' } } }\n"
    assert settings_digest(parse(BASE + way, TODAY, "f.yaml")) == settings_digest(live), "how AWS is reached voids no approval"
    changes = {"concurrency: 4": "concurrency: 5", "expires: 2026-11-23": "expires: 2026-11-24", "ONE_HOUR": "SIX_HOURS"}
    changes |= {"enabled: true }\n    RUNTIME": "enabled: false }\n    RUNTIME", "  publishing_frequency: ONE_HOUR\n": ""}
    digests = {settings_digest(parse(text_of({"replace": {old: new}}), TODAY, "f.yaml")) for old, new in changes.items()}
    assert len(digests | {settings_digest(live)}) == len(changes) + 1


def test_digest_is_the_same_in_every_python_process() -> None:
    code = (
        "import datetime, pathlib; from runbook_lib.settings.file import load; from runbook_lib.settings import settings_digest; "
        f"print(settings_digest(load(pathlib.Path({str(CASES / 'base.yaml')!r}), datetime.date(2026, 11, 23))))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {settings_digest(parse(BASE, TODAY, "f.yaml")) + "\n"}


def test_sections_are_the_services_that_are_managed() -> None:
    there = [spec.name for spec in specs() if f"\n{spec.section}:\n" in BASE]
    assert len(there) > 2
    assert list(parse(BASE, TODAY, "f.yaml").sections()) == there
    without = re.sub(r"guardduty:\n(  .*\n)+", "", BASE)
    there.remove("guardduty")
    assert list(parse(without, TODAY, "f.yaml").sections()) == there


def test_other_partitions() -> None:
    text = BASE.replace("arn:aws:", "arn:aws-us-gov:").replace("us-east-1", "us-gov-west-1").replace("us-east-2", "us-gov-east-1")
    read = parse(text.replace("eu-south-1", "us-gov-east-1"), TODAY, "f.yaml")
    assert read.inspector is not None
    assert read.inspector.regions == ("us-gov-west-1",)
    assert [partition_of(region) for region in ("cn-north-1", "eusc-de-east-1", "us-gov-east-1", "aws-global")] == [
        "aws-cn", "aws-eusc", "aws-us-gov", None,
    ]  # fmt: skip


def test_opt_in_regions() -> None:
    assert all(partition_of(region) == "aws" for region in ENABLED_BY_DEFAULT)
    opt_in = {region for region in partitions() if is_opt_in(region)}
    assert {"af-south-1", "ap-east-1", "eu-south-1", "me-south-1", "il-central-1", "mx-central-1"} <= opt_in
    assert not opt_in & (ENABLED_BY_DEFAULT | {"us-gov-east-1", "cn-north-1"})


@pytest.mark.parametrize("name", ["rehearsal.yaml", "example.yaml"])
def test_the_files_we_ship_are_valid_and_point_to_the_schema(name: str) -> None:
    load(PARAMETERS / name, TODAY)
    first = (PARAMETERS / name).read_text(encoding="utf-8").split("\n")[0]
    target = first.removeprefix("# yaml-language-server: $schema=")
    assert (PARAMETERS / target).resolve() == SCHEMA_FILE.resolve()


def test_the_example_shows_every_key() -> None:
    values = YAML(typ="safe", pure=True).load(PARAMETERS / "example.yaml")
    schema = json.loads(schema_text())
    shown: set[str] = set()

    def walk(here: Any, about: dict[str, Any]) -> None:
        about = schema["$defs"][about["$ref"].rpartition("/")[2]] if "$ref" in about else about
        for item in here if isinstance(here, list) else []:
            walk(item, about["items"])
        for key, value in here.items() if isinstance(here, dict) else []:
            known = about.get("properties", {})
            if key in known:
                shown.add(f"{about['description']} {key}")
            walk(
                value,
                known.get(key) or about.get("additionalProperties") or next(iter(about.get("patternProperties", {}).values()), {}),
            )

    walk(values, schema)
    wanted = {f"{part['description']} {key}" for part in [schema, *schema["$defs"].values()] for key in part["properties"]}
    # The one key that denies all the others.
    assert wanted - shown == {f"{schema['description']} manages"}


def test_the_rehearsal_can_touch_nothing_real() -> None:
    read = load(PARAMETERS / "rehearsal.yaml", TODAY)
    assert (read.mode, read.organization.id) == ("rehearsal", "o-rehearsal001")
    assert (read.access.management.profile, read.access.delegated.profile) == ("rehearsal-runner", "rehearsal-runner")


def test_the_schema_is_fresh_and_describes_every_key() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run python -m runbook_lib.settings.schema"
    schema = json.loads(schema_text())
    for part in [schema, *schema["$defs"].values()]:
        assert part["additionalProperties"] is False
        for key, value in part["properties"].items():
            assert value.get("description", "").endswith("."), key
    assert '"null"' not in schema_text()


SCALARS = [
    "true",
    "1",
    "0o17",
    ".inf",
    "~",
    "''",
    "[]",
    "{}",
    "[1, {a: b}]",
    "x",
    "2026-02-30",
    "{a: {b: c}}",
    "012345670123",
    "[~]",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_file_makes_anything_but_settings_or_findings(data: st.DataObject) -> None:
    lines = BASE.rstrip("\n").split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        key, colon, _ = lines[number].partition(":")
        change = data.draw(st.sampled_from(["drop", "twice", *SCALARS]))
        lines[number] = {"drop": "", "twice": f"{lines[number]}\n{lines[number]}"}.get(change, f"{key}{colon} {change}")
    try:
        parse("\n".join(lines), TODAY, "f.yaml")
    except SettingsError as refused:
        found = refused.findings
    else:
        return
    assert found
    assert all(each.line >= 1 and each.message for each in found)


def test_a_file_that_manages_no_service_is_refused() -> None:
    text = (
        "mode: rehearsal\n"
        'organization: { id: o-rehearsal001, management_account: "111111111111", delegated_account: "222222222222" }\n'
        "access: { management: { profile: a }, delegated: { profile: b } }\n"
    )
    with pytest.raises(SettingsError, match="manages no service") as refused:
        parse(text, dt.date(2026, 1, 1), "acme.yaml")
    assert [(each.line, each.key) for each in refused.value.findings] == [(2, "organization")]


def test_a_file_may_say_that_it_manages_nothing_and_then_manages_nothing() -> None:
    """A first file of an organization in which nothing is on; plans of it are empty."""
    text = (
        "mode: rehearsal\n"
        'organization: { id: o-rehearsal001, management_account: "111111111111", delegated_account: "222222222222" }\n'
        "access: { management: { profile: a }, delegated: { profile: b } }\n"
        "manages: nothing\n"
    )
    assert not parse(text, dt.date(2026, 1, 1), "acme.yaml").sections()
    with pytest.raises(SettingsError, match=r"The file manages macie\. Remove this key, or what it denies\.") as refused:
        parse(f"{text}macie: {{ regions: [us-east-1], management_account: true }}\n", dt.date(2026, 1, 1), "acme.yaml")
    assert [(each.line, each.key) for each in refused.value.findings] == [(4, "manages")]


def unsaid(schema: Any, said: bool = False) -> list[str]:
    """Patterns in a core schema beside which no sentence stands."""
    if isinstance(schema, dict):
        said = said or schema.get("custom_error_type") == SAYS
        here = [] if said or not isinstance(schema.get("pattern"), str) else [schema["pattern"]]
        return here + [each for key, value in schema.items() if key != "metadata" for each in unsaid(value, said)]
    return [each for value in schema for each in unsaid(value, said)] if isinstance(schema, list | tuple) else []


def test_beside_every_pattern_of_settings_stands_what_is_said_where_it_does_not_fit() -> None:
    assert len(re.findall("'pattern'", str(Settings.__pydantic_core_schema__))) > 15
    assert unsaid(Settings.__pydantic_core_schema__) == []
