"""A table of single accounts to search, filter, sort and page through, in JupyterLab. Nothing of it stays in the saved notebook.

Plain ipywidgets: native fields work by keyboard and in notebooks that nobody trusted, and no page loads anything for them. The
table itself is one piece of escaped HTML, page by page, so its size does not depend on the organization's.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from runbook_lib.base import html
from runbook_lib.display.cell_table import COLUMNS, FILTERS, ORDERS, SCOPES, CellTable, Choice
from runbook_lib.display.controls import Live, Record
from runbook_lib.display.fields import Field, Select

ALL = "all"
PAGE = 20
SHORT = "max-height:26rem;overflow:auto;line-height:1.3;font-size:.9em"
"""Of the page: what comes below stays near, whatever the reasons say."""
UNUSED = 300.0
"""Seconds without use after which a table closes that no later cell will close."""
NARROW = {"description_width": "4rem"}
LABELS = {"unit": "OU", "answer": "Answer"}


class Explorer(Live):
    """The fields, the page they lead to, and what stays in its place when it is closed."""

    def __init__(self, table: CellTable, head: Record) -> None:
        self.table, self.head = table, head
        self.first = 0
        self.used = time.monotonic()
        self.rows = table.rows(Choice())
        self._words = Field(
            placeholder="account, name, reason: all words must occur",
            description="Search",
            continuous_update=False,
            style=NARROW,
            layout=widgets.Layout(width="31rem"),
        )
        self._filters = {name: self._filter(name) for name in FILTERS}
        self._order = self._select("Sort", ORDERS)
        self._backwards = self._select("Order", ("first to last", "last to first"))
        self._earlier = self._button("Previous page", lambda: self._turn(-PAGE))
        self._later = self._button("Next page", lambda: self._turn(PAGE))
        self._close = self._button("Close", self.close)
        self._page = widgets.HTML()
        for field in (self._words, self._order, self._backwards, *self._filters.values()):
            field.observe(self._changed, names="value")
        wrap = widgets.Layout(flex_flow="row wrap")
        buttons = widgets.HBox([self._earlier, self._later, self._close])
        fields = widgets.HBox([*self._filters.values(), self._order, self._backwards], layout=wrap)
        super().__init__([widgets.HTML(head._repr_html_()), self._words, fields, buttons, self._page])
        self._changed()

    def _filter(self, name: str) -> Any:
        values = self.table.values(name)
        chosen = SCOPES[True] if name == "scope" and SCOPES[True] in values else ALL
        return self._select(LABELS.get(name, name.capitalize()), (ALL, *values), chosen)

    def _select(self, label: str, options: tuple[str, ...], value: str = "") -> Any:
        return Select(
            description=label, options=options, value=value or options[0], style=NARROW, layout=widgets.Layout(width="15rem")
        )

    def _button(self, label: str, press: Callable[[], None]) -> Any:
        made = widgets.Button(description=label)
        made.on_click(lambda _: press())
        return made

    def choice(self) -> Choice:
        """What the fields say."""
        picked = tuple((name, field.value) for name, field in self._filters.items() if field.value != ALL)
        return Choice(picked, self._words.value, self._order.value, self._backwards.value == "last to first")

    def _changed(self, _: object = None) -> None:
        self.rows, self.first = self.table.rows(self.choice()), 0
        self._draw()

    def _turn(self, by: int) -> None:
        self.first = min(max(self.first + by, 0), max(len(self.rows) - 1, 0) // PAGE * PAGE)
        self._draw()

    def _draw(self) -> None:
        self.used = time.monotonic()
        here = self.rows[self.first : self.first + PAGE]
        self._earlier.disabled, self._later.disabled = self.first == 0, self.first + PAGE >= len(self.rows)
        where = f"{self.first + 1:,} to {self.first + len(here):,} of {len(self.rows):,}" if len(here) else "Nothing matches"
        table = html.table(COLUMNS, self.table.page(here), where)
        self._page.value = html.framed(
            f'<div role="region" tabindex="0" aria-live="polite" aria-label="accounts" style="{SHORT}">{table}</div>'
        )

    def show(self) -> None:
        """Draw it; where there are no widgets (a saved notebook on another site) its head is shown in its place."""
        drawn = self.box._repr_mimebundle_()
        bundle = {**drawn, "text/plain": repr(self.head), "text/html": self.head._repr_html_()}
        self._shown = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython has no types

    def close_unused(self, after: float = UNUSED) -> None:
        """Close it once it has not been used for so many seconds, so that a notebook saved then is a plain record."""
        left = self.used + after - time.monotonic()
        if left > 0:
            asyncio.get_running_loop().call_later(left, self.close_unused, after)
        else:
            self.close()

    def close(self) -> None:
        """Leave the head alone in its place."""
        self.replace_with(self.head)
