"""The panel that waits for other people: who may approve and how, how far that is, and the operator's own word at the end."""

import datetime as dt
from collections.abc import Callable, Mapping

import ipywidgets as widgets

from runbook_lib.base import html
from runbook_lib.display.controls import SETTLE, DecisionPanel, with_calls
from runbook_lib.plan.decision import Ballot


class AwaitingPanel(DecisionPanel):
    """A decision that the operator can confirm only once other people have approved; rejecting is possible all the time."""

    def __init__(self, ballot: Ballot, now: Callable[[], dt.datetime], needs: Mapping[str, object], command: str) -> None:
        super().__init__(ballot, now)
        self._ready, self._words = False, ""
        self._yes = with_calls("Confirm", ballot.question.calls)
        self._approve.description, self._approve.tooltip = self._yes, "Make exactly the calls that were approved"
        self._approve.disabled = True
        self._ticket.layout.display = "none"
        self._standing = widgets.HTML("")
        typed = f" and type {ballot.question.phrase}" if ballot.question.phrase else ""
        self._said.value = html.paragraph(
            f"When they have approved, press {self._yes}{typed}: nothing starts by itself. Rejecting needs a reason. "
            "There is no time limit."
        )
        how = f"{html.facts(needs)}<p>They type, with their own key:</p><pre>{html.escaped(command)}</pre>"
        above = self.box.children.index(self._said)
        self.box.children = (*self.box.children[:above], widgets.HTML(how), self._standing, *self.box.children[above:])

    def focus(self) -> None:
        """Put the keyboard into the first field, never onto a button."""
        self._reason.focus()

    def stands(self, words: str, *, ready: bool) -> None:
        """Show how far the approval is; Confirm can be pressed only while it is good."""
        if (words, ready) == (self._words, self._ready):
            return
        self._words, self._ready = words, ready
        self._standing.value = f'<p role="status"><b>{html.escaped(words)}</b></p>'
        if self._pressed is None and self.ballot.answer is None:
            self._approve.disabled = not ready

    def settle(self, after: float = SETTLE) -> str:
        problem = super().settle(after)
        if problem:
            self._approve.disabled = not self._ready or bool(self.ballot.closed)
        return problem
