"""The lab's kernels talk over sockets in a folder of this user's own.

Over ports every user of the machine may listen to what a kernel publishes: messages are signed there, and not encrypted.
"""

import os
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Unicode

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

    def pre_start_kernel(self, kernel_name: str | None, kwargs: dict[str, Any]) -> Any:
        given = kwargs.get("env") or os.environ
        kwargs["env"] = {name: value for name, value in given.items() if name not in self.not_for_kernels}
        return super().pre_start_kernel(kernel_name, kwargs)
