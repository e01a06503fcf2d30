"""The kernels of notebooks that run headlessly: a new one for each, and the next one's comes up while this one's works.

Two thirds of what a short notebook takes is its kernel coming up: Python, IPython, and the library's imports. A kernel that waits
for its notebook has done that, and nothing else: it holds no settings, no parameters and no credentials but its environment's.
Where several notebooks follow each other, one process imports, and their kernels are forked from it.
"""

import logging
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from runbook_lib.base.privacy import masked
from runbook_lib.base.socket_folder import socket_folder

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

    from runbook_lib.cli.forking import ForkServer

LOG = logging.getLogger(__name__)
NAME = "python3"
# At its end a kernel that is idle may log that it was interrupted: no news for anybody. Its history is nobody's.
ARGUMENTS = ("--IPKernelApp.log_level=CRITICAL", "--HistoryManager.hist_file=:memory:")
IMPORTED = "--IPKernelApp.exec_lines=import runbook_lib.notebook; del runbook_lib"
"""What the notebook would import first. It leaves no name behind."""
LAST_LINES = 10
"""So much of what a kernel that died wrote past its notebook is said; the run's log has all."""


@dataclass(frozen=True)
class Kernel:
    """One kernel with what only it uses: sockets, IPython's folder, a file for what it writes past its notebook."""

    manager: "AsyncKernelManager"
    environment: Mapping[str, str]
    aside: IO[bytes]
    kept: ExitStack

    @classmethod
    def made(cls, environment: Mapping[str, str]) -> "Kernel":
        """A kernel that has not been started."""
        from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415 most commands need no kernel
        from traitlets.config import Config  # noqa: PLC0415 as above

        with ExitStack() as stack:
            sockets = stack.enter_context(socket_folder(len("kernel-1")))
            # What a person has IPython do at its start has no business in a run that is evidence.
            ipython = stack.enter_context(tempfile.TemporaryDirectory(prefix="runbook-"))
            aside = stack.enter_context(tempfile.TemporaryFile())
            manager = AsyncKernelManager(kernel_name=NAME, config=Config({"KernelManager": transport(sockets)}))
            return cls(manager, {**environment, "IPYTHONDIR": ipython}, aside, stack.pop_all())
        raise AssertionError  # pragma: no cover  # an ExitStack that is empty swallows nothing

    async def start(self, *arguments: str, server: "ForkServer | None" = None) -> None:
        """Start its process, or have it forked; whether it comes up, its client sees."""
        extra = [*ARGUMENTS, *([] if server else arguments)]
        if server is not None:
            from runbook_lib.cli.forking import forked_from  # noqa: PLC0415 as above

            forked_from(server, self.manager, arguments)
        await self.manager.start_kernel(extra_arguments=extra, env=dict(self.environment), stdout=self.aside, stderr=self.aside)

    async def end(self) -> None:
        """End its process, if there is one; nothing is waiting for it."""
        if self.manager.has_kernel:
            await self.manager.shutdown_kernel(now=True)

    def words(self) -> str:
        """What it wrote past its notebook, as its threads do that lose their sockets while it ends."""
        self.aside.seek(0)
        return masked(self.aside.read().decode("utf-8", "replace")).strip()


def transport(sockets: Path | None) -> dict[str, str]:
    """Sockets in a folder that only this user can enter; ports of this machine, encrypted, where no such folder can be made."""
    if sockets is None:
        return {"transport": "tcp", "transport_encryption": "auto"}
    return {"transport": "ipc", "ip": str(sockets / "kernel")}


@dataclass
class Kernels:
    """A command's kernels: each gets exactly `environment`. `expected` is how many notebooks will still ask for one."""

    environment: Mapping[str, str]
    expected: int = field(default=0, init=False)
    _next: Kernel | None = field(default=None, init=False)
    _server: "ForkServer | None" = field(default=None, init=False)

    def expect(self, notebooks: int) -> None:
        """So many notebooks will ask for a kernel; what it imports is imported while what executes notebooks still is."""
        from jupyter_core.utils import run_sync  # noqa: PLC0415 most commands need no kernel

        from runbook_lib.cli import forking  # noqa: PLC0415 as above

        self.expected = notebooks
        if notebooks > 1 and self._server is None and forking.possible():
            try:
                self._server = forking.ForkServer.started(self.environment)
            except OSError:
                LOG.warning("kernels are started one by one", exc_info=True)
        if self._server is None:
            run_sync(self.prepare)()

    def take(self) -> Kernel:
        """The kernel of a notebook: the one that has been started ahead, unless that died, else a new one."""
        from jupyter_core.utils import run_sync  # noqa: PLC0415 as above

        self.expected -= 1
        ahead, self._next = self._next, None
        if ahead is not None:
            if run_sync(ahead.manager.is_alive)():
                return ahead
            self._ended(ahead)
        made = Kernel.made(self.environment)
        try:
            run_sync(made.start)(server=self._server)
        except BaseException:
            made.kept.close()
            raise
        return made

    async def prepare(self) -> None:
        """Start the next notebook's kernel, if another notebook is expected.

        Where that fails, for lack of room or memory, the notebook at work goes on; the next one asks for a kernel itself.
        """
        if self.expected <= 0 or self._next is not None:
            return
        try:
            made = Kernel.made(self.environment)
            try:
                await made.start(IMPORTED, server=self._server)
            except BaseException:
                made.kept.close()
                raise
        except Exception:  # whatever it is: calls may be under way in the notebook at work
            LOG.warning("no kernel was started ahead", exc_info=True)
        else:
            self._next = made

    def give_back(self, kernel: Kernel, *, died: Callable[[str], None] | None = None) -> None:
        """A notebook needs its kernel no more; `died` is told the last of what a kernel wrote that died: it may be the reason.

        All that it wrote past its notebook goes to the run's log.
        """
        try:
            if words := kernel.words():
                LOG.warning("the kernel wrote past its notebook", extra={"fields": {"text": words}})
                if died is not None:
                    for line in words.splitlines()[-LAST_LINES:]:
                        died(line)
        finally:
            self._ended(kernel)

    def close(self) -> None:
        """End the kernel that no notebook asked for, and what kernels are forked from."""
        ahead, self._next = self._next, None
        server, self._server = self._server, None
        try:
            if ahead is not None:
                self._ended(ahead)
        finally:
            if server is not None:
                server.close()

    @staticmethod
    def _ended(kernel: Kernel) -> None:
        from jupyter_core.utils import run_sync  # noqa: PLC0415 as above

        try:
            run_sync(kernel.end)()
        finally:
            kernel.kept.close()
