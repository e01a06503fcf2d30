"""The widgets of a notebook at the screen: the panel in which a person decides, and the view of a run with its Stop button.

Callbacks only set state: ipykernel may call them from another thread than the cell's, and what they print appears nowhere.
Once they have done their work the widgets give way to a plain record, which stays in the saved notebook.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import ipywidgets as widgets
from IPython.display import display

from runbook_lib.apply.report import Tick
from runbook_lib.base import html
from runbook_lib.base.clock import Stop
from runbook_lib.display.banner import banner
from runbook_lib.display.fields import Field
from runbook_lib.display.parts import PartChooser
from runbook_lib.plan.decision import Ballot

SETTLE = 0.4
"""Seconds from a press until it counts: messages of two widgets may overtake each other."""
WIDE = "38rem"
WORDS = {"description_width": "5rem"}


class Record(Protocol):
    """What takes a widget's place: the same as HTML and as plain text."""

    def _repr_html_(self) -> str: ...


class Live:
    """A box of widgets in a cell's output, until it gives way to a plain record."""

    def __init__(self, children: Sequence[Any]) -> None:
        self.box = widgets.VBox(list(children))
        # From 0 on, each front end that draws the box reports its view: the only sign that somebody can click.
        self.box._view_count = 0  # noqa: SLF001 ipywidgets has no public name for it
        self._shown: Any = None

    @property
    def seen(self) -> bool:
        """Whether a front end has drawn it and its messages reach this kernel now."""
        return bool(self.box._view_count)  # noqa: SLF001 as above

    def show(self) -> None:
        self._shown = display(self.box, display_id=True)  # type: ignore[no-untyped-call]  # IPython has no types

    def replace_with(self, record: Record) -> None:
        """Put a plain record in the widgets' place."""
        if self._shown is not None:
            self._shown.update({"text/plain": repr(record), "text/html": record._repr_html_()}, raw=True)
        self.box.close()


class DecisionPanel(Live):
    """One question with its answer: what it is about first, then the part that may be chosen, ticket and reason, then the buttons.

    Nothing is chosen beforehand and nothing times out.
    """

    def __init__(self, ballot: Ballot, now: Callable[[], dt.datetime], chooser: PartChooser | None = None) -> None:
        self.ballot, self._now, self._chooser = ballot, now, chooser
        self._pressed: tuple[bool, float] | None = None
        self._claimed, self._lock = False, threading.Lock()
        asked = ballot.question
        self._ticket = _field("Ticket", "ticket, for example CHG-1234", asked.ticket)
        self._reason = _field("Reason", "reason; needed to reject")
        self._typed = _field("Type", f"type: {asked.phrase}") if asked.phrase else None
        self._lost = [_field("Lost", f"type: {each}") for each in asked.losses]
        self._reject = widgets.Button(description="Reject", tooltip="Call nothing")
        self._approve = widgets.Button(
            description=with_calls("Approve", asked.calls),
            tooltip="Make exactly the planned calls",
            button_style="primary",
            layout=widgets.Layout(width="auto", margin="2px 2px 2px 2rem"),
        )
        self._approve.on_click(lambda _: self._press(approved=True))
        self._reject.on_click(lambda _: self._press(approved=False))
        said = instruction(asked.phrase, asked.calls, needs_ticket=asked.needs_ticket, losses=asked.losses)
        self._said = widgets.HTML(f"<p>{html.escaped(said)}</p>")
        fields = [each for each in (self._ticket, self._reason, *self._lost, self._typed) if each is not None]
        head = widgets.HTML(banner(asked.mode, asked.title))
        facts = widgets.HTML(html.facts(asked.facts))
        below = [chooser.box] if chooser is not None else []
        if chooser is not None:
            chooser.claim = self._claim
        about = [widgets.HTML(f"<p><b>{html.escaped(asked.not_yet)}</b></p>"), *below, facts] if asked.not_yet else [facts, *below]
        super().__init__([head, *about, self._said, *fields, widgets.HBox([self._reject, self._approve])])

    def focus(self) -> None:
        """Put the keyboard into the first field, so that no mouse is needed; never onto a button."""
        self._ticket.focus()

    @property
    def ticket(self) -> str:
        """What stands in its field."""
        given: str = self._ticket.value
        return given.strip()

    def say(self, text: str) -> None:
        self._said.value = f'<p role="alert"><b>{html.escaped(text)}</b></p>'

    def _press(self, *, approved: bool) -> None:
        """Remember the first press. It counts a moment later: text typed just before may arrive after the click."""
        if self._claim():
            self._pressed = (approved, time.monotonic())

    def _claim(self) -> bool:
        """Whether a press is the first, of whichever button; from then on none is taken."""
        with self._lock:
            first, self._claimed = not self._claimed, True
        self._freeze()
        return first

    def _freeze(self, frozen: bool = True) -> None:
        """Take no press of any button, or take presses again."""
        self._claimed = frozen
        self._approve.disabled = self._reject.disabled = frozen
        if self._chooser is not None:
            self._chooser.freeze(frozen)

    def settle(self, after: float = SETTLE) -> str:
        """Give the ballot what was pressed at least `after` seconds ago; says why it was not taken, "" otherwise."""
        if self._pressed is None:
            return self._settle_choice(after)
        if time.monotonic() - self._pressed[1] < after:
            return ""
        (approved, _), self._pressed = self._pressed, None
        typed = self._typed.value if self._typed is not None else ""
        problem = self.ballot.cast(
            approved=approved,
            ticket=self._ticket.value,
            reason=self._reason.value,
            typed=typed,
            now=self._now(),
            lost=[each.value for each in self._lost],
        )
        self.say(problem or ("Approved." if approved else "Rejected."))
        self._freeze(not problem or bool(self.ballot.closed))
        return problem

    def _settle_choice(self, after: float) -> str:
        """Have a part planned that was chosen; says why it was not, "" otherwise."""
        problem = self._chooser.settle(after) if self._chooser is not None else ""
        if problem:
            self.say(problem)
            self._freeze(bool(self.ballot.closed))
        return problem


def with_calls(word: str, calls: int) -> str:
    """What is written on the button that says yes: "Approve 7 calls"."""
    return f"{word} {calls:,} call{'s' * (calls != 1)}" if calls else word


def instruction(phrase: str, calls: int, *, needs_ticket: bool, losses: Sequence[str] = ()) -> str:
    """What has to be done, in one line."""
    needs = [*(["enter the ticket"] if needs_ticket else []), *([f"type {phrase}"] if phrase else [])]
    if losses:
        needs.insert(0, f"type what is lost, word by word, each in its field: {'; '.join(losses)}")
    yes = with_calls("Approve", calls)
    first = f"To approve, {' and '.join(needs)}, then press {yes}." if needs else f"Press {yes} or Reject."
    return f"{first} Rejecting needs a reason. Nothing is called before you decide; there is no time limit."


def _field(label: str, placeholder: str, value: str = "") -> Any:
    return Field(
        description=label,
        placeholder=placeholder,
        value=value,
        # One message when the field is left: single keystrokes wait for each other and would come after the click.
        continuous_update=False,
        style=WORDS,
        layout=widgets.Layout(width=WIDE),
    )


class RunningView(Live):
    """A decision while its calls are made: how many are done, time left, the current call, what was refused so far, and Stop."""

    def __init__(self, mode: str, title: str, stop: Stop, expected: str) -> None:
        self._stop = stop
        self._button = widgets.Button(description="Stop", tooltip="End after the calls in flight")
        self._button.on_click(lambda _: self._halt())
        self._bar = widgets.IntProgress(value=0, max=1, layout=widgets.Layout(width=WIDE))
        self._words = widgets.HTML(f"<p>Reading and planning again before the first call. {html.escaped(expected)}</p>")
        self._troubles = widgets.HTML("")
        super().__init__([widgets.HTML(banner(mode, title)), widgets.HBox([self._button, self._bar]), self._words, self._troubles])

    def _halt(self) -> None:
        self._stop.request("stopped by the operator")
        self._stopping()

    def _stopping(self) -> None:
        self._button.disabled = True
        self._words.value = "<p>Stopping: calls in flight end and are recorded; nothing new is called.</p>"

    def update(self, now: Tick | None, words: str, troubles: Sequence[str]) -> None:
        """Draw what is known now; changes nothing where nothing changed."""
        if now is not None:
            self._bar.max, self._bar.value = max(now.total, 1), now.done
        if self._stop.is_set():
            self._stopping()  # an interrupted kernel is shown like one that was stopped here
        elif words:
            self._words.value = f"<p>{html.escaped(words)}</p>"
        lines = "".join(f"<li>{html.escaped(each)}</li>" for each in troubles)
        self._troubles.value = f"<p>Refused so far:</p><ul>{lines}</ul>" if lines else ""
