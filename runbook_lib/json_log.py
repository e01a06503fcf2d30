"""One JSON object per line for each thing that happened in a run, readable by machines, free of secrets and e-mail addresses.

Never botocore's wire log: at its debug level it writes credentials and answers.
"""

import datetime as dt
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOISY = ("botocore", "boto3", "urllib3", "s3transfer")
_SECRETS = (
    (re.compile(r"[A-Za-z0-9.!#$%*+^_~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), "[e-mail address]"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), "[AWS key id]"),
    (re.compile(r"(?i)(X-Amz-(?:Security-Token|Signature|Credential)=)[^&\s\"']+"), r"\1[secret]"),
    (re.compile(r"\b(?:IQoJb3|FwoGZX|FQoGZX)[A-Za-z0-9+/=_%-]{20,}"), "[session token]"),
    (
        re.compile(
            r"(?i)((?:secret[_ ]?access[_ ]?key|session[_ ]?token|aws_secret\w*|password)[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+"
        ),
        r"\1[secret]",
    ),
)
_LABEL = re.compile(r"(?i)secret_?access_?key|session_?token|security_?token|password|^aws_secret")


def scrub(text: str) -> str:
    """Replace e-mail addresses, AWS key ids, session tokens, labelled secrets and signatures of presigned addresses."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def scrubbed(value: Any) -> Any:
    """The same for every text inside JSON-like data, keys included; what JSON does not know becomes text."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(str(key)): "[secret]" if _LABEL.search(str(key)) else scrubbed(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrubbed(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    return value if value is None or isinstance(value, bool | int | float) else scrub(str(value))


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
        return json.dumps(scrubbed(line))


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
