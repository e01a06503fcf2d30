"""`python -m runbook_lib.cli.fork_server`: a process that has imported what every notebook needs, and forks a kernel on request.

Importing is four fifths of what a kernel takes to come up. It is done once here; each kernel is a process of its own all the same,
as clean as one that is started: nothing but imports has happened in what it is forked from, and there are no threads in it.
"""

import gc
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAUNCHER = "ipykernel_launcher"
"""The module by which Jupyter has a kernel started; what it does is done here."""


@dataclass(frozen=True)
class Request:
    """How a kernel is to be started: the launcher's arguments, the environment, the folder ("" for this one), its two streams."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    out: int
    error: int


def main(descriptor: int, library: str) -> None:
    """Fork kernels until whoever asks is gone; kernels notice, and end. In each of them this is left to run it."""
    with socket.socket(fileno=descriptor) as client:
        _imported(library)
        server, request = os.getpid(), _asked(client)
    if request is not None:
        _run(request, server)


def _imported(library: str) -> None:
    """What a kernel imports, in its order: its own modules where the folder is out of the way, the library as a notebook would."""
    here = sys.path.pop(0)
    importlib.import_module("ipykernel.kernelapp")
    sys.path.insert(0, "")
    with suppress(Exception):  # the notebook says so, where it cannot be imported
        importlib.import_module(library)
    sys.path.pop(0)
    if here not in ("", str(Path.cwd())):
        sys.path.insert(0, here)
    gc.collect()
    gc.freeze()  # so that collecting in a kernel does not copy what all have in common


def _asked(client: socket.socket) -> Request | None:
    """Serve requests: None once nobody asks any more; in a process that was forked, the request that it is for."""
    children: dict[int, int] = {}
    while True:
        for ready in select.select([client.fileno(), *children], [], [])[0]:
            if ready in children:
                os.waitpid(children.pop(ready), 0)
                os.close(ready)
            elif (request := _read(client)) is None:
                return None
            elif not (child := _forked(request)):
                for each in children:
                    os.close(each)
                return request
            else:
                handle = os.pidfd_open(child)
                children[handle] = child
                socket.send_fds(client, [f"{child}\n".encode()], [handle])


def _read(client: socket.socket) -> Request | None:
    """A byte with the two streams, then a line of JSON."""
    try:
        begun, streams, _, _ = socket.recv_fds(client, 1, 2)
        line = b""
        while begun and not line.endswith(b"\n"):
            if not (part := client.recv(65536)):
                return None
            line += part
    except OSError:
        return None
    return Request(*json.loads(line), *streams) if begun else None


def _forked(request: Request) -> int:
    """The process id of a kernel that leads a group of its own; 0 in the kernel."""
    begun, begins = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that a library of numpy's ends before each fork
        child = os.fork()
    if not child:
        os.setsid()
        os.close(begun)
        os.close(begins)
        return 0
    os.close(begins)
    os.read(begun, 1)  # it ends when the kernel has closed its end, or is dead
    for each in (begun, request.out, request.error):
        os.close(each)
    return child


def _run(request: Request, server: int) -> None:
    """Be the kernel."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate((nothing, request.out, request.error)):
        os.dup2(stream, number)
        os.close(stream)
    if request.folder:
        os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment, JPY_PARENT_PID=str(server))
    # ipykernel looks for its parent in the environment when it is imported, which was elsewhere.
    launcher = importlib.util.find_spec(LAUNCHER)
    sys.argv = [str(launcher and launcher.origin), *request.arguments, f"--IPKernelApp.parent_handle={server}"]
    kernelapp: Any = sys.modules["ipykernel.kernelapp"]
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(int(sys.argv[1]), sys.argv[2])
