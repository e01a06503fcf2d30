"""The part of a decision panel in which a person chooses a part of the organization; nothing is chosen beforehand.

Boxes and buttons only: they take Tab and Space, where lists take the arrow keys that JupyterLab keeps for its cells.
"""

import time
from collections.abc import Callable

import ipywidgets as widgets

from runbook_lib.base import html
from runbook_lib.display.fields import Tick
from runbook_lib.runbook.choice import Choice, Offer

WORDS = (
    "The part you choose is planned again, with its own fingerprint, and a new panel asks about it; "
    "steps that reach beyond it wait for the whole. Choosing decides nothing."
)
OPEN, CLOSE = "Decide on a part only …", "Hide the parts"


class PartChooser:
    """Waves, Regions and organizational units to choose from. `consider` plans a choice and says why that is not to be had."""

    def __init__(self, offered: Offer, consider: Callable[[Choice], str], *, whole: bool, shown: bool = False) -> None:
        self._consider, self._whole = consider, whole
        self._pressed: tuple[Choice | None, float] | None = None
        self.claim: Callable[[], bool] = lambda: True
        """Whether a press is the first in the panel."""
        self._regions = {region: _tick(region) for region in offered.regions}
        self._units = {unit: _tick(f"{unit} ({number} account{'s' * (number != 1)})") for unit, number in offered.units}
        self._turns = [(turn.open, self._button(f"Plan {turn.words}", turn.wave.name)) for turn in offered.turns]
        self._part = self._button("Plan this part", "")
        self._back = self._button("Plan the whole", None)
        self._fold = widgets.Button(
            tooltip="Show or hide the parts to choose from", layout=widgets.Layout(width="auto", align_self="flex-start")
        )
        self._fold.on_click(lambda _: self._show(self._fold.description == OPEN))
        self.freeze(False)
        self._choices = widgets.VBox(
            [
                widgets.HTML(f"<p>{html.escaped(WORDS)}</p>"),
                *([widgets.VBox([button for _, button in self._turns])] if self._turns else []),
                _listed("Regions", list(self._regions.values())),
                *([_listed("Organizational units", list(self._units.values()))] if self._units else []),
                widgets.HBox([self._part, self._back]),
            ]
        )
        self._show(shown)
        self.box = widgets.VBox([self._fold, self._choices])

    def _show(self, shown: bool) -> None:
        self._choices.layout.display = "" if shown else "none"
        self._fold.description = CLOSE if shown else OPEN

    def _button(self, words: str, wave: str | None) -> widgets.Button:
        """A button that plans a wave by name, with "" what is ticked, with None the whole."""
        button = widgets.Button(description=words, tooltip="Plan again; this decides nothing", layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self._press(None if wave == "" else Choice(wave=wave or "")))
        return button

    def freeze(self, frozen: bool = True) -> None:
        """Take no press, or take presses again: of waves only the one whose turn it is, of the whole only from a part."""
        for opened, button in self._turns:
            button.disabled = frozen or not opened
        self._part.disabled, self._back.disabled = frozen, frozen or self._whole
        self._fold.disabled = frozen

    def _press(self, choice: Choice | None) -> None:
        """Remember the first press. What is ticked is looked at a moment later: a tick may arrive after the press."""
        if self.claim():
            self._pressed = (choice, time.monotonic())

    def settle(self, after: float) -> str:
        """Plan what was pressed at least `after` seconds ago; says why not, "" otherwise."""
        if self._pressed is None or time.monotonic() - self._pressed[1] < after:
            return ""
        (choice, _), self._pressed = self._pressed, None
        if choice is None:
            choice = Choice(_ticked(self._regions), _ticked(self._units))
            if choice == Choice():
                return "Not planned: tick Regions or organizational units first."
        return self._consider(choice)


def _tick(words: str) -> Tick:
    return Tick(value=False, description=words, indent=False, layout=widgets.Layout(width="auto", margin="0 1rem 0 0"))


def _listed(title: str, ticks: list[Tick]) -> widgets.VBox:
    layout = widgets.Layout(flex_flow="row wrap", max_height="9rem", overflow="auto")
    return widgets.VBox([widgets.HTML(f"<b>{title}</b>"), widgets.Box(ticks, layout=layout)])


def _ticked(ticks: dict[str, Tick]) -> tuple[str, ...]:
    return tuple(name for name, tick in ticks.items() if tick.value)
