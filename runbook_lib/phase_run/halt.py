"""How a step of a run ends that does not go on: in two lines, what happened and what to do."""

from runbook_lib.base.errors import RunbookError


class Halt(Exception):
    """Ends a step in two lines instead of a traceback. What is to be recorded of it has been recorded."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it."""
        return str(self).splitlines()


class RunEnded(RunbookError):
    """The run has ended: rejected, stopped, refused or done. Nothing more is called under it."""

    advice = "Run the notebook again from the top (Run All Cells): that makes a new run, which goes on from what is there now."
