"""Widgets that a person fills in, made so that every change arrives while a cell of the same notebook awaits."""

from typing import Any

import ipywidgets as widgets


class Arriving:
    """Mixed into a widget, so that each of its changes arrives while a cell awaits.

    ipykernel 7.4 takes widget messages while a cell awaits, but does not report that it has: without that report the front end
    holds back the field's next change until the cell has ended. A second report, where the kernel makes its own, changes nothing.
    """

    comm: Any

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        super()._handle_msg(msg)  # type: ignore[misc]  # the widget's, which comes next
        kernel = getattr(self.comm, "kernel", None)
        if kernel is not None:
            topic = f"kernel.{kernel.ident}.status".encode()
            kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent=msg, ident=topic)


class Field(Arriving, widgets.Text):  # type: ignore[misc]  # ipywidgets has no types
    """A line of text."""


class Tick(Arriving, widgets.Checkbox):  # type: ignore[misc]  # as above
    """A box to tick."""


class Select(Arriving, widgets.Dropdown):  # type: ignore[misc]  # as above
    """One of several values."""
