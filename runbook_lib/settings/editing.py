"""Settings changed as a document, never as text: whichever way a value is written, it is the value that changes.

A pattern over text misses `"mode": live`, `mode : live`, JSON, flow style, a byte order mark, and hits comments and descriptions.
"""

import datetime as dt
import io
from typing import Any

from ruamel.yaml import YAML

from runbook_lib.settings import Settings
from runbook_lib.settings.file import parse


class Draft:
    """The document of settings that were parsed before, to be changed in `values` and written again with its comments."""

    def __init__(self, text: str) -> None:
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 1_000_000
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        self._before = text
        self.values: dict[str, Any] = self._yaml.load(text)
        self._unchanged = self._written()

    def _written(self) -> str:
        written = io.StringIO()
        self._yaml.dump(self.values, written)
        return written.getvalue()

    def text(self) -> str:
        """The text with the changes; the very same text where there are none."""
        written = self._written()
        return self._before if written == self._unchanged else written


def as_rehearsal(text: str, today: dt.date, file: str) -> str:
    """The text of the same settings in mode rehearsal. Raises SettingsError where they are none."""
    before = parse(text, today, file)
    draft = Draft(text)
    draft.values["mode"] = "rehearsal"
    changed = draft.text()
    refuse_other_changes(before.model_copy(update={"mode": "rehearsal"}), parse(changed, today, file))
    return changed


def refuse_other_changes(wanted: Settings, made: Settings) -> None:
    """Writing a document again must not change what it means."""
    if wanted != made:
        raise AssertionError("settings that were written again do not mean the same")
