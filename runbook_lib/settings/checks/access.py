"""What the file alone shows about the ways into the accounts."""

from collections.abc import Iterator
from typing import Any

from runbook_lib.base.documents import Problem
from runbook_lib.services.registry import sentence, specs
from runbook_lib.settings.checks import Tree, at

CHAINED_SECONDS = 3600
"""Longest session of a role that a role assumes. Source: AWS STS API Reference, AssumeRole, on role chaining."""
DOORS = ("management", "delegated")


def check_access(tree: Tree) -> Iterator[Problem]:
    """Accounts that are one, doors that lead to the wrong account, into each other or to the same credentials."""
    management, delegated = (at(tree, "organization", f"{name}_account") for name in DOORS)
    if management and management == delegated:
        central = sentence(tuple(spec.title for spec in specs() if spec.central))
        message = (
            f"The delegated account is the management account. AWS advises against it and {central}'s central configuration "
            "refuses it: name a security account of its own."
        )
        yield Problem(("organization", "delegated_account"), message)
    for name in DOORS:
        yield from _door(name, at(tree, "access", name) or {}, at(tree, "organization", f"{name}_account"))
    yield from _same_credentials(tree)
    yield from _via(tree)
    yield from _chained(tree)


def _door(name: str, door: dict[str, Any], account: str | None) -> Iterator[Problem]:
    role = door.get("role_arn")
    if role and account and role.split(":")[4] != account:
        message = f"This role is in account {role.split(':')[4]}, but the {name} account is {account}. Correct one of the two."
        yield Problem(("access", name, "role_arn"), message)
    if "role_arn" not in door:
        for key in ("external_id", "session_seconds", "via"):
            if key in door:
                yield Problem(
                    ("access", name, key), "This is about assuming a role, and there is no role_arn. Add it, or remove this key."
                )
    if "profile" in door and door.get("via", "ambient") != "ambient":
        message = "Either the profile's credentials assume the role, or another door's (via). Remove one of the two keys."
        yield Problem(("access", name, "profile"), message)


def _same_credentials(tree: Tree) -> Iterator[Problem]:
    """Without a role, a door's credentials are the account's own; the same credentials cannot be two accounts."""
    doors = [(at(tree, "access") or {}).get(name, {}) for name in DOORS]
    if any(door is None or "role_arn" in door or None in door.values() for door in doors):
        return
    if doors[0].get("profile") != doors[1].get("profile"):
        return
    named = doors[0].get("profile")
    source = f"profile {named}" if named else "the credentials of the shell or runner"
    message = (
        f"Both the management and the delegated account would be reached with {source}, and one set of credentials is one account. "
        "Give access.management or access.delegated a role_arn or a profile of its own."
    )
    yield Problem(("access", "delegated") if named else ("access",), message, "")


def _via(tree: Tree) -> Iterator[Problem]:
    vias = {name: at(tree, "access", name, "via") for name in DOORS}
    for name in DOORS:
        if vias[name] == name:
            yield Problem(("access", name, "via"), "A door cannot lead through itself. Name the other door, or ambient.")
    if (vias["management"], vias["delegated"]) == ("delegated", "management"):
        yield Problem(
            ("access", "delegated", "via"), "The two doors lead through each other. One of them needs credentials of its own."
        )


def _chained(tree: Tree) -> Iterator[Problem]:
    for name in (*DOORS, "members"):
        via = at(tree, "access", name, "via")
        seconds = at(tree, "access", name, "session_seconds")
        if seconds is not None and seconds > CHAINED_SECONDS and at(tree, "access", via or "", "role_arn"):
            message = f"The {via} door is a role, and AWS caps a role assumed by a role at {CHAINED_SECONDS} seconds."
            yield Problem(("access", name, "session_seconds"), f"{message} Write {CHAINED_SECONDS} or less.")
