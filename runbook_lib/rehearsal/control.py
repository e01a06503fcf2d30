"""The rehearsal's own door under /_rehearsal/: health, the call log, the clock, and named changes to the world for tests."""

import hmac
import json
import math
import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any, Protocol
from urllib.parse import parse_qs

from runbook_lib.rehearsal import cloudtrail, events
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.faults import Faults
from runbook_lib.rehearsal.identity import user_credential
from runbook_lib.rehearsal.internal import load_operations
from runbook_lib.rehearsal.log import Log
from runbook_lib.rehearsal.organization import close_account
from runbook_lib.rehearsal.state import authorization
from runbook_lib.rehearsal.world import SimulatedRole, World

LONGEST_SKIP = 10 * 366 * 24 * 3600
"""Seconds: ten years."""

LISTED = ("finding",)
"""Members of a query that may be there several times."""


class Served(Protocol):
    """What these pages look at and change: the application beside them."""

    world: World
    log: Log
    faults: Faults

    def adopt(self, world: World) -> None:
        """Serve another world from now on."""


class Control:
    """A WSGI application beside the AWS one; it answers JSON to who knows its token, and is not logged.

    `rebuild` makes the seed's world anew for `reset`; `stop` ends the server. Both are there only where an application was built
    with them.
    """

    def __init__(self, front: Served) -> None:
        self.front = front
        self.token = secrets.token_urlsafe(32)
        """These pages show the replica of an organization, and change it: no other user of the machine, and no web page, may."""
        self.rebuild: Callable[[], World] | None = None
        self.stop: Callable[[], None] | None = None
        self.pages: dict[tuple[str, str], Callable[..., Any]] = {
            ("GET", "health"): self.health,
            ("GET", "accounts"): lambda: sorted(self.front.world.organization.accounts),
            ("GET", "units"): lambda: sorted({self.front.world.organization.root, *self.front.world.organization.units}),
            ("GET", "log"): self.log,
            ("GET", "cloudtrail"): lambda: cloudtrail.export(self.front.log.entries),
            ("GET", "unhandled"): lambda: dict(self.front.log.unhandled),
            ("POST", "clear-log"): self.front.log.clear,
            ("POST", "clock"): self.clock,
            ("POST", "suspend-account"): lambda account: close_account(self.front.world, account, "SUSPENDED"),
            ("POST", "close-account"): lambda account: close_account(self.front.world, account, "CLOSED"),
            ("POST", "add-account"): self.add_account,
            ("POST", "move-account"): self.move_account,
            ("POST", "foreign-administrator"): self.foreign_administrator,
            ("POST", "storage"): self.storage,
            ("POST", "user"): self.user,
            ("POST", "door"): self.door,
            ("POST", "deny"): self.deny,
            ("POST", "end-faults"): self.end_faults,
            ("POST", "reset"): self.reset,
            ("POST", "stop"): lambda: self.stop() if self.stop else None,
            **{page: partial(self.on_world, run) for each in load_operations() for page, run in getattr(each, "PAGES", {}).items()},
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        shown = str(environ.get("HTTP_AUTHORIZATION", "")).encode("utf-8", "replace")
        if not hmac.compare_digest(shown, authorization(self.token).encode()):
            start_response("401 Unauthorized", [("Content-Type", "application/json"), ("WWW-Authenticate", "Bearer")])
            return [json.dumps({"error": "this page asks for the token of the server's state file, server.json"}).encode()]
        name = environ["PATH_INFO"].removeprefix("/_rehearsal/")
        found = self.pages.get((environ["REQUEST_METHOD"], name))
        if found is None:
            start_response("404 Not Found", [("Content-Type", "application/json")])
            return [json.dumps({"error": f"no such page; there are {sorted(page for _, page in self.pages)}"}).encode()]
        given = {key: values if key in LISTED else values[-1] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        status = "200 OK"
        try:
            with self.front.world.lock:
                answer = found(**given)
        except (ApiError, KeyError, TypeError, ValueError) as error:
            status, answer = "400 Bad Request", {"error": f"{type(error).__name__}: {error}"}
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(answer if answer is not None else {}).encode()]

    def on_world(self, run: Callable[..., Any], **given: Any) -> Any:
        """A page that a service adds (`PAGES` beside its operations): a function of the world and the query's members."""
        self.front.world.catch_up()
        return run(self.front.world, **given)

    def health(self) -> dict[str, Any]:
        """Who is simulated; proof that this is a rehearsal's server."""
        organization = self.front.world.organization
        return {
            "rehearsal": True,
            "pid": os.getpid(),
            "organization": organization.id,
            "management": organization.management,
            "accounts": len(organization.accounts),
            "partition": self.front.world.partition,
            "regions": sorted(self.front.world.regions),
            "scenario": self.front.log.schedule,
            "profiles": self.front.world.profiles,
        }

    def log(self, **wanted: str) -> list[dict[str, Any]]:
        """Entries of the call log whose members equal the query's, for example ?service=guardduty&mutating=True."""
        return [asdict(entry) for entry in self.front.log.select(**wanted)]

    def clock(self, seconds: str) -> None:
        """Let simulated time pass; it never goes back."""
        ahead = float(seconds)
        if not (math.isfinite(ahead) and 0 <= ahead <= LONGEST_SKIP):
            raise ValueError(f"seconds: {seconds}: a number from 0 to {LONGEST_SKIP} is expected")
        self.front.world.skip(ahead)
        with self.front.world.lock:
            self.front.world.catch_up()

    def reset(self) -> None:
        """Start again from the seed, with an empty log."""
        if self.rebuild is None:
            raise ValueError("this application was not built from a seed")
        self.front.adopt(self.rebuild())
        self.front.log.clear()

    def add_account(self, account: str, name: str = "Joined later", parent: str = "") -> None:
        events.add_account(self.front.world, account, name, parent)

    def move_account(self, account: str, parent: str) -> None:
        self.front.world.organization.accounts[account].parent = parent

    def foreign_administrator(self, service: str, region: str, account: str) -> None:
        """Designate another account as a service's administrator in one Region, as the management account would."""
        events.designate(self.front.world, service, region, account)

    def storage(self, bucket: str, key: str) -> None:
        """Have a bucket and a key that services write with, which settings take to be there."""
        self.front.world.tell("bucket and key exist", bucket=bucket, key=key)

    def user(self, account: str, name: str) -> None:
        """Have a user in an account, with a profile of that name."""
        user_credential(self.front.world, account, name)
        self.front.world.profiles[name] = account

    def door(self, account: str, role: str, trusted: str) -> None:
        """Let an account become a role of another one, which is made where it is not there."""
        roles = self.front.world.organization.accounts[account].roles
        roles.setdefault(role, SimulatedRole(role, set())).trusts.add(trusted)

    def end_faults(self) -> None:
        """End the scenario's faults; what they did stays done."""
        self.front.faults.end()

    def deny(self, account: str, role: str, pattern: str) -> None:
        """Refuse a role the operations that a glob of "service:Operation" names."""
        found = self.front.world.organization.accounts[account].roles[role]
        found.denied = (*found.denied, pattern)
