"""The simulated organization of a measurement, in a process of its own: the rehearsal's server, with latency in front of it."""

import argparse
import json
import resource
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cheroot.wsgi import Server

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.server import collect_rarely
from runbook_lib.rehearsal.state import write_state


class Delayed:
    """Answers every AWS call `seconds` later, outside any lock. /_bench tells how much CPU the server has used so far."""

    def __init__(self, application: Any, seconds: float) -> None:
        self.application, self.seconds = application, seconds

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/_bench":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.facts()).encode()]
        if not path.startswith("/_rehearsal/"):
            time.sleep(self.seconds)
        answer: Iterable[bytes] = self.application(environ, start_response)
        return answer

    def facts(self) -> dict[str, Any]:
        log = self.application.log
        return {
            "cpu": time.process_time(),
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "calls": len(log.entries),
            "mutating": sum(entry.mutating and entry.service != "sts" for entry in log.entries),
            "throttled": sum(entry.throttled for entry in log.entries),
        }


def main() -> None:
    """Serve a seed until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--moto", action="store_true", help="with what moto keeps: topics, queues, roles, tables")
    asked = parser.parse_args()
    app = build_app(asked.seed, moto=asked.moto)
    collect_rarely()
    server = Server(("127.0.0.1", 0), Delayed(app, asked.latency), numthreads=64, timeout=120, request_queue_size=256)
    server.keep_alive_conn_limit = 2000
    server.prepare()
    threading.Thread(target=server.serve, daemon=True).start()
    write_state(asked.state, {"url": f"http://127.0.0.1:{server.bind_addr[1]}", "token": app.control.token})
    threading.Event().wait()


if __name__ == "__main__":
    main()
