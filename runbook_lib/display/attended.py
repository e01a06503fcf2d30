"""Widgets whose every change arrives while a cell awaits."""

from typing import Any

import ipywidgets as widgets


class Attended(widgets.DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """ipykernel 7.4 takes widget messages while a cell awaits, but does not report that it has.

    Without that report the front end holds back the widget's next change until the cell has ended. A second report, where the
    kernel makes its own, changes nothing.
    """

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        super()._handle_msg(msg)
        kernel = getattr(self.comm, "kernel", None)
        if kernel is not None:
            topic = f"kernel.{kernel.ident}.status".encode()
            kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent=msg, ident=topic)


class Field(Attended, widgets.Text):  # type: ignore[misc]  # as above
    """A text field."""


class Tick(Attended, widgets.Checkbox):  # type: ignore[misc]  # as above
    """A box to tick."""
