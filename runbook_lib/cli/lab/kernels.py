"""The lab's kernels talk over sockets in a folder of this user's own.

Over ports every user of the machine may listen to what a kernel publishes: messages are signed there, and not encrypted.

They are forked from one process that has imported what every notebook needs, so that a notebook that is opened can be run at once.
"""

import os
from collections.abc import Mapping
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Unicode

from runbook_lib.cli import forking

LONGEST_NAME = len("kernel-") + 36 + len("-ipc-5")
"""A kernel's socket is named after its id, a UUID."""


class Kernels(AsyncMappingKernelManager):
    """Kernels with their sockets in one folder, and with the environment that the lab was started in."""

    sockets = Unicode(help="The folder for sockets; empty for ports, encrypted.").tag(config=True)
    not_for_kernels = ("JUPYTER_NO_CONFIG",)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call] # Jupyter's own
        if self.sockets:
            self.connection_dir = self.sockets
        self.server: forking.ForkServer | None = None
        if forking.possible():
            try:
                self.server = forking.ForkServer.started(self._for_kernels(os.environ))
            except OSError:
                self.log.warning("kernels are started one by one", exc_info=True)

    def pre_start_kernel(self, kernel_name: str | None, kwargs: dict[str, Any]) -> Any:
        kwargs["env"] = self._for_kernels(kwargs.get("env") or os.environ)
        made = super().pre_start_kernel(kernel_name, kwargs)
        if self.server is not None:
            forking.forked_from(self.server, made[0])
        return made

    def _for_kernels(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in environment.items() if name not in self.not_for_kernels}
