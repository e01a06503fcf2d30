"""Kernels that are forked instead of started, where the system can tell how a process does that is no child of this one."""

import asyncio
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from runbook_lib.cli.fork_server import LAUNCHER

LOG = logging.getLogger(__name__)
ANSWER_SECONDS = 120.0
"""The first answer comes when all is imported."""
LIBRARY = "runbook_lib.notebook"
"""What a notebook imports first."""


def possible() -> bool:
    """Linux has handles of processes; elsewhere libraries of the system do not outlive a fork."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


@dataclass
class Forked:
    """A process as `subprocess.Popen` shows one. It is no child of this process: how it ended is not known here, only that."""

    pid: int
    handle: int
    stdin: None = None
    stdout: None = None
    stderr: None = None
    returncode: int | None = None

    def poll(self) -> int | None:
        """0 once it has ended, however."""
        if self.returncode is None and select.select([self.handle], [], [], 0)[0]:
            self._ended()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if self.returncode is None:
            if not select.select([self.handle], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(LAUNCHER, timeout or 0)
            self._ended()
        return 0

    def _ended(self) -> None:
        self.returncode = 0
        os.close(self.handle)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@dataclass
class ForkServer:
    """The process that kernels are forked from. It ends when this process does, and kernels with it."""

    process: "subprocess.Popen[bytes]"
    environment: Mapping[str, str] = field(repr=False)
    _socket: socket.socket = field(repr=False)
    _one: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def started(cls, environment: Mapping[str, str]) -> "ForkServer":
        """Begin to import; nobody waits for it until the first kernel is asked for. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = subprocess.Popen(  # noqa: S603 our own interpreter
                    [sys.executable, "-m", "runbook_lib.cli.fork_server", str(theirs.fileno()), LIBRARY],
                    env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()], start_new_session=True,
                )  # fmt: skip
            except OSError:
                ours.close()
                raise
        ours.settimeout(ANSWER_SECONDS)
        return cls(process, dict(environment), ours)

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str], folder: str, out: int, error: int) -> Forked:
        """A new kernel. Raises OSError where the server has ended or does not answer."""
        line = json.dumps([list(arguments), dict(environment), folder]).encode() + b"\n"
        with self._one:
            socket.send_fds(self._socket, [b"\0"], [out, error])
            self._socket.sendall(line)
            said, handles, _, _ = socket.recv_fds(self._socket, 64, 1)
        if not said.endswith(b"\n") or not handles:
            raise ConnectionResetError("the fork server has ended")
        os.set_inheritable(handles[0], False)
        return Forked(int(said), handles[0])

    def fits(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether a kernel that is started by a command would be the same: this Python's, with the same places to import from."""
        own = [sys.executable, "-m", LAUNCHER]
        return list(command[:3]) == own and _importing(environment) == _importing(self.environment)

    def close(self) -> None:
        """End it; whoever waits for a kernel meanwhile gets none."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._one:
            self._socket.close()
        try:
            self.process.wait(ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _importing(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LD_"))}


class Provisioner(LocalProvisioner):
    """Where a manager of Jupyter's gets its kernel: forked, or started where that cannot be."""

    server: ForkServer
    otherwise: tuple[str, ...] = ()
    """Arguments for a kernel that is started."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        environment = kwargs.get("env") or os.environ
        if self.server.fits(cmd, environment):
            streams = [_descriptor(kwargs.get(name), number) for name, number in (("stdout", 1), ("stderr", 2))]
            folder = str(kwargs.get("cwd") or "")
            try:
                # In a thread: until all is imported, other notebooks and pages go on.
                forked = await asyncio.to_thread(self.server.fork, cmd[3:], environment, folder, *streams)
            except OSError:
                LOG.warning("no kernel was forked", exc_info=True)
            else:
                process: Any = forked
                self.process, self.pid, self.pgid = process, forked.pid, forked.pid
                self.cwd = Path(folder) if folder else Path.cwd()
                return self.connection_info
        return await super().launch_kernel([*cmd, *self.otherwise], **kwargs)


def _descriptor(stream: Any, inherited: int) -> int:
    if stream is None:
        return inherited
    return stream if isinstance(stream, int) else int(stream.fileno())


def forked_from(server: ForkServer, manager: Any, otherwise: tuple[str, ...] = ()) -> None:
    """Let a manager of Jupyter's have its kernels forked, when it starts one and when it starts it again."""
    manager.provisioner = Provisioner(kernel_id="", kernel_spec=manager.kernel_spec, parent=manager)
    manager.provisioner.server, manager.provisioner.otherwise = server, otherwise
