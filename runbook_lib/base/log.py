"""One JSON object per line for each thing that happened in a run, readable by machines, free of secrets and e-mail addresses.

Never botocore's wire log: at its debug level it writes credentials and answers.
"""

import datetime as dt
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runbook_lib.base.privacy import masked_data

NOISY = ("botocore", "boto3", "urllib3", "s3transfer")


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, logger, event, and what `extra={"fields": {…}}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if fields := getattr(record, "fields", None):
            line["fields"] = fields
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(masked_data(line))


def _no_wire_log(record: logging.LogRecord) -> bool:
    """Whether a record may be written, also when somebody turned a client library's debug log on."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in NOISY


@contextmanager
def json_log(path: Path, level: int = logging.INFO) -> Iterator[logging.Logger]:
    """Write what the library logs to a file while the block runs, appending; AWS's client libraries log warnings at most."""
    logger, file = logging.getLogger("runbook_lib"), logging.FileHandler(path, encoding="utf-8")
    file.setFormatter(JsonLines())
    file.addFilter(_no_wire_log)
    sources = [logger, *(logging.getLogger(name) for name in NOISY)]
    levels = [source.level for source in sources]
    for source in sources:
        source.setLevel(level if source is logger else logging.WARNING)
        source.addHandler(file)
    try:
        yield logger
    finally:
        for source, before in zip(sources, levels, strict=True):
            source.removeHandler(file)
            source.setLevel(before)
        file.close()
