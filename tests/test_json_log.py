import json
import logging
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.base.log import NOISY, json_log


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_event_is_one_object_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with json_log(path):
        log = logging.getLogger("runbook_lib.apply")
        log.info("called\nthe API", extra={"fields": {"operation": "CreateMembers", "accounts": {"444444444444"}, "where": path}})
        log.debug("too much")
    (line,) = written(path)
    assert list(line) == ["time", "level", "logger", "event", "fields"]
    assert (line["level"], line["logger"], line["event"]) == ("info", "runbook_lib.apply", "called\nthe API")
    assert line["time"].endswith("Z")
    assert line["fields"] == {"operation": "CreateMembers", "accounts": ["444444444444"], "where": str(path)}


def test_an_error_is_logged_with_its_trace_and_masked(tmp_path: Path) -> None:
    with json_log(tmp_path / "log.jsonl") as log:
        try:
            int("no account for jane.doe+x@mail.example.com")
        except ValueError:
            log.exception("stopped")
    (line,) = written(tmp_path / "log.jsonl")
    assert "no account for [e-mail address]" in line["error"]
    assert "jane" not in json.dumps(line)


@pytest.mark.parametrize("name", NOISY)
def test_the_wire_log_never_arrives_but_warnings_do(tmp_path: Path, name: str) -> None:
    noisy = logging.getLogger(name)
    with json_log(tmp_path / "log.jsonl"):
        logging.getLogger(f"{name}.endpoint").debug("Authorization: secret")
        noisy.setLevel(logging.DEBUG)
        logging.getLogger(f"{name}.endpoint").debug("Authorization: secret")
        noisy.warning("slow")
    assert [line["event"] for line in written(tmp_path / "log.jsonl")] == ["slow"]


def test_the_loggers_are_as_before_afterwards_and_the_file_is_appended_to(tmp_path: Path) -> None:
    loggers = [logging.getLogger(name) for name in ("runbook_lib", *NOISY)]
    before = [(each.level, list(each.handlers)) for each in loggers]

    def interrupted() -> None:
        with json_log(tmp_path / "log.jsonl") as log:
            log.info("here")
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    assert [(each.level, list(each.handlers)) for each in loggers] == before
    assert len(written(tmp_path / "log.jsonl")) == 2
