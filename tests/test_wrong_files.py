"""No file that a person, a scanner or another tool writes ends in a traceback or without end, whatever is in it."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fuzzing import AMOUNTS, as_json, faults, mutations

from runbook_lib.settings.file import SettingsError, load

ROOT = Path(__file__).parents[1]
TODAY = dt.date(2026, 11, 23)


@dataclass(frozen=True)
class Kind:
    """One kind of file: samples of it (bytes, or a document that is mutated by its structure), its parser, the errors allowed."""

    name: str
    samples: Callable[[], list[Any]]
    parse: Callable[[Path], object]
    errors: tuple[type[Exception], ...]
    ending: str = ".json"


def settings_samples() -> list[Any]:
    from ruamel.yaml import YAML

    text = (ROOT / "tests/cases/settings/base.yaml").read_text(encoding="utf-8")
    return [text.encode(), YAML(typ="safe", pure=True).load(text.replace("2026-11-23", "'2026-11-23'"))]


KINDS = (Kind("settings", settings_samples, lambda path: load(path, TODAY), (SettingsError,), ".yaml"),)


def inputs(kind: Kind, amount: int) -> Iterator[bytes]:
    samples = kind.samples()
    for sample in samples:
        yield from mutations(kind.name, sample, amount // len(samples) + 1)


@AMOUNTS
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_whatever_is_in_a_file_it_is_read_or_refused_in_words(
    kind: Kind, amount: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    path = tmp_path / f"given{kind.ending}"

    def parse(data: bytes) -> None:
        path.write_bytes(data)
        kind.parse(path)

    for sample in kind.samples():
        path.write_bytes(sample if isinstance(sample, bytes) else as_json(sample))
        kind.parse(path)
    found = faults(parse, inputs(kind, amount), kind.errors, name=str(path))
    assert not found, "\n".join(map(str, found[:20]))
    record_property("mutated inputs", amount)
