"""compliance-trestle's own validator, asked about a document; it runs apart, since it pins libraries that a kernel uses too."""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

_TRESTLE = ("-c", "import sys; from trestle.cli import run; sys.argv[0] = 'trestle'; sys.exit(run())")


def installed() -> bool:
    """Whether the extra `oscal` is installed here."""
    return find_spec("trestle") is not None


def complaints(document: Path, python: str = sys.executable) -> str:
    """What the validator says against assessment results; "" for nothing. `python` has trestle installed."""
    with tempfile.TemporaryDirectory(prefix="runbook-oscal-") as workspace:
        for words in (
            ("init",),
            ("import", "-f", str(document.resolve()), "-o", "run"),
            ("validate", "-t", "assessment-results", "-n", "run"),
        ):
            done = subprocess.run(  # noqa: S603 fixed words and a file's name, no shell
                [python, *_TRESTLE, *words], cwd=workspace, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode:
                return (done.stdout + done.stderr).strip() or f"trestle {words[0]} failed"
    return ""
