"""The simulated AWS on a loopback port: in a thread of this process, or as a process of its own.

    python -m runbook_lib.rehearsal.server --seed default --state FILE

The state file (url, pid, Region, partition, the token of the control pages) is written once the server listens, and removed when it
ends in order.
"""

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cheroot.wsgi import Server

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.guard import LARGEST_BODY, LARGEST_HEAD, Guard
from runbook_lib.rehearsal.organization import home_region
from runbook_lib.rehearsal.state import remove_state, write_state

LOOPBACK = "127.0.0.1"
CONNECTIONS = 1000
"""Idle keep-alive connections: clients of three services in many Regions and several kernels come to hundreds."""
IDLE_SECONDS = 120


def make_server(app: Any, port: int = 0) -> Server:
    """A server for a WSGI application on loopback; port 0 takes a free one. It answers to loopback names, and bounds requests."""
    server = Server((LOOPBACK, port), Guard(app), numthreads=16, timeout=IDLE_SECONDS, request_queue_size=256)
    server.keep_alive_conn_limit = CONNECTIONS
    server.max_request_body_size, server.max_request_header_size = LARGEST_BODY, LARGEST_HEAD
    return server


def url_of(server: Server) -> str:
    return f"http://{LOOPBACK}:{server.bind_addr[1]}"


def collect_rarely() -> None:
    """For a process that serves: a large world is millions of objects, which stay. Looking among them for garbage takes seconds."""
    gc.freeze()
    gc.set_threshold(50_000, 100, 20)


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an application in a thread of this process; gives its URL."""
    server = make_server(app)
    server.prepare()
    thread = threading.Thread(target=server.serve, name="rehearsal-server", daemon=True)
    thread.start()
    try:
        yield url_of(server)
    finally:
        server.stop()
        thread.join()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one seed until asked to stop (control page, SIGTERM, SIGINT), or until the parent's end of stdin closes."""
    asked = _parser().parse_args(arguments)
    regions = asked.regions.split(",") if asked.regions else None
    try:
        app = build_app(asked.seed, asked.accounts, regions, speed=asked.speed, log=asked.log, scenario=asked.scenario)
    except (ApiError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    collect_rarely()
    server = make_server(app, asked.port)
    server.prepare()
    stop = threading.Event()
    app.control.stop = stop.set
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if asked.with_parent:
        threading.Thread(target=_until_closed, args=(stop.set,), daemon=True).start()
    threading.Thread(target=server.serve, daemon=True).start()
    world = app.world
    described = {
        "url": url_of(server),
        "pid": os.getpid(),
        "region": home_region(world),
        "partition": world.partition,
        "seed": str(asked.seed),
        "profiles": world.profiles,
        "token": app.control.token,
    }
    write_state(asked.state, described)
    stop.wait()
    remove_state(asked.state)
    server.stop()
    return 0


def _until_closed(stop: Callable[[], None]) -> None:
    """The parent holds the other end of stdin and never writes: it ends when the parent does, however it ends."""
    os.read(sys.stdin.fileno(), 1)
    stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m runbook_lib.rehearsal.server", description="Serve a simulated AWS Organization."
    )
    parser.add_argument("--seed", default="default", help="name of a seed, or a YAML file")
    parser.add_argument("--accounts", type=int, help="number of accounts, instead of the seed's")
    parser.add_argument("--regions", help="Regions, comma-separated, instead of the seed's")
    parser.add_argument("--scenario", default="", help="name of a scenario, or a YAML file")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast the simulated clock runs")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, help="file for the call log, one JSON line per call")
    parser.add_argument("--state", type=Path, required=True, help="file to write URL, process id and token to")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin closes")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
