"""The root of what is expected to go wrong: what happened, what to do about it, and the exit code that it ends a command with."""

import traceback
from pathlib import Path

OURS = "This is a mistake in the runbook itself, not in what it was given; please report it with this line."
"""Said of every error that does not descend from the root."""


class RunbookError(Exception):
    """Something that is expected to go wrong: whoever runs the runbook reads its message and advice, never a traceback.

    A class carries the advice that fits all its errors, "" where the messages themselves end in what to do; `advice` given with one
    error replaces it. `exit_code` is 1, could not do its work, unless an error says otherwise.
    """

    advice = ""
    exit_code = 1

    def __init__(self, message: str, *, advice: str | None = None, exit_code: int | None = None) -> None:
        super().__init__(message)
        if advice is not None:
            self.advice = advice
        if exit_code is not None:
            self.exit_code = exit_code

    @property
    def said(self) -> str:
        """Message and advice, each on lines of its own."""
        return f"{self}\n{self.advice}".rstrip("\n")


def place(error: BaseException) -> str:
    """Where in the runbook an error arose, to be put before it: "runbook_lib/plan/file.py, line 9: "; "" where it is elsewhere."""
    package = Path(__file__).parents[1]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if package in Path(frame.filename).parents]
    return f"{Path(frames[-1].filename).relative_to(package.parent)}, line {frames[-1].lineno}: " if frames else ""
