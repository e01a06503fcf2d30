"""AWS's own configuration, damaged in every way botocore objects to: one sentence with file, line and advice, before any call."""

from pathlib import Path

import pytest
from fake_aws import MANAGEMENT, FakeAws, Make, detectors, settings

from runbook_lib.aws.access import AccessRefused
from runbook_lib.aws.configuration import BadConfiguration
from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.models import shared_loader
from runbook_lib.phase_run.halt import Halt
from runbook_lib.phase_run.record import plainly

SECRET = "wJalrXUtnFEMI"
DAMAGED = [
    (b"[profile a]\nregion = x\n\n[profile a]\n", ", line 4: section [profile a] is there twice"),
    (b"[profile a]\nregion = x\nregion = y\n", ", line 3: region is set twice in section [profile a]"),
    (b"\xef\xbb\xbf[profile a]\n", ": it begins with a byte order mark"),
    ("[profile\u00a0a]\n\n[profile\u00a0a]\n".encode(), ", line 3: section [profile\\xa0a] is there twice"),
    (b"[profile a]\ny\x00 = x\ny\x00 = y\n", ", line 3: y\\x00 is set twice in section [profile a]"),
    ("[profile a]\n".encode("utf-16"), ": it begins with a byte order mark"),
    (f"aws_secret_access_key = {SECRET}\n".encode(), ", line 1: settings before the first section"),
    (f"[profile a]\n{SECRET}\n".encode(), ", line 2: neither a section such as [profile NAME] nor NAME = VALUE"),
    (b"[profile a]\nregion = x\n\nname = caf\xe9\n", ", line 4: byte 0xe9 is not UTF-8"),
    (f"[profile a]\ns3 =\n  {SECRET}\n".encode(), ": indented lines are NAME = VALUE"),
]


@pytest.mark.parametrize("name", ["config", "credentials"])
@pytest.mark.parametrize(("content", "said"), DAMAGED)
def test_a_damaged_file_is_named_with_the_line(
    aws: FakeAws, make: Make, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadConfiguration) as refused:
        detectors(make(), MANAGEMENT)
    assert str(refused.value).startswith(f"{tmp_path / name}{said}")
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value)
    assert not aws.calls


def test_a_line_without_end_is_refused_before_it_is_parsed(aws: FakeAws, make: Make, tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b"[profile a]\nregion = x" + b" " * 60_000 + b"y\n")
    with pytest.raises(BadConfiguration, match=r"config, line 2: the line has 60,011 characters"):
        detectors(make(), MANAGEMENT)
    assert not aws.calls


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_of_the_environment_that_is_gone(
    aws: FakeAws, make: Make, monkeypatch: pytest.MonkeyPatch, variable: str, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, "gone")
    with pytest.raises(BadConfiguration, match=rf"^{variable} is set to 'gone' in the environment, .*{tmp_path}/config.* unset it"):
        detectors(make(), MANAGEMENT)
    assert not aws.calls


def test_it_does_not_matter_where_settings_name_the_profiles(
    aws: FakeAws, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shared_loader.cache_clear()
    monkeypatch.setenv("AWS_PROFILE", "gone")
    aws.accounts["AKIAMINE"] = MANAGEMENT
    (tmp_path / "credentials").write_text("[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = s\n")
    detectors(make(settings(management={"profile": "mine"})), MANAGEMENT)
    assert [operation for operation, _, _ in aws.calls] == ["GetCallerIdentity", "ListDetectors"]


def test_a_profile_of_the_settings_that_is_not_there(aws: FakeAws, make: Make) -> None:
    with pytest.raises(BadConfiguration, match=r"^AWS profile 'mine', which the settings name, is not in .*add it there"):
        detectors(make(settings(management={"profile": "mine"})), MANAGEMENT)
    assert not aws.calls


UNUSABLE = [
    "region = us-east-1\ncredential_process = /nowhere/at-all",
    "max_attempts = x",
    "account_id_endpoint_mode = maybe",
    "role_arn = arn:aws:iam::111111111111:role/R\nsource_profile = nobody",
    "services = none",
]


@pytest.mark.parametrize("lines", UNUSABLE)
def test_a_profile_that_says_nonsense_is_a_failed_call(make: Make, tmp_path: Path, lines: str) -> None:
    """One door that cannot be opened is told like any other: it is no reason for a traceback."""
    (tmp_path / "config").write_text(f"[profile mine]\n{lines}\n")
    with pytest.raises(CallFailed):
        detectors(make(settings(management={"profile": "mine"})), MANAGEMENT)


def test_a_notebook_says_it_in_two_lines() -> None:
    with pytest.raises(Halt) as halted, plainly():
        raise BadConfiguration("the file; mend it")
    assert str(halted.value).splitlines() == [
        "the file; mend it",
        "Nothing was changed. Correct the settings or the environment, then run again.",
    ]
    assert issubclass(BadConfiguration, AccessRefused), "the command line says it too"
