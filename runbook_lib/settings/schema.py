"""Makes `schema.json`, with which editors complete, explain and check a parameters file.

Run `python -m runbook_lib.settings.schema` after changing `settings.py`; a test fails while the file is stale.
"""

import json
from pathlib import Path
from typing import Any

from runbook_lib.settings import Settings

SCHEMA_FILE = Path(__file__).with_name("schema.json")


def schema_text() -> str:
    """The JSON schema of a parameters file, as it should be on disk."""
    schema = _without_null(Settings.model_json_schema())
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Parameters of the incident-detection runbook"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_null(schema: Any) -> Any:
    """The schema without null: a key without a value is refused, leaving the key out is how to say nothing."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _without_null(value) for key, value in schema.items() if not _noise(key, value)}
    alternatives = [each for each in kept.get("anyOf", []) if each != {"type": "null"}]
    if len(alternatives) == 1:
        del kept["anyOf"]
        kept = {**alternatives[0], **kept}
    return kept


def _noise(key: str, value: Any) -> bool:
    """Titles that repeat the key, and defaults that are no plain value."""
    return (key == "title" and isinstance(value, str)) or (key == "default" and (value is None or isinstance(value, dict)))


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
