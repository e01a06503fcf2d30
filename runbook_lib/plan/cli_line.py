"""An Action as one line for the AWS CLI (version 2), so that a reviewer can read, check and, if need be, make the call by hand.

Parameters that are plain values become options, anything nested becomes `--cli-input-json`. Target accounts beyond the first few
are left out and counted in a comment behind the line. What only AWS knows (a detector id, an e-mail address) stays a
placeholder such as <detector-id>; the line does not work before it is filled in.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore import xform_name

from runbook_lib.plan import Action, Reference
from runbook_lib.services.registry import specs

SHOWN_TARGETS = 3
_NAMES = {kind: option for spec in specs() for kind, option in spec.reference_options.items()}
"""Kind of Reference → the option that takes it."""


def cli_line(action: Action, shown: int = SHOWN_TARGETS) -> str:
    """The call as a shell line; who has to make it, and how many targets are left out, follow as a comment."""
    line, left_out = command(action, shown), max(len(action.targets) - shown, 0)
    note = f"as account {action.account}"
    return f"{line}  # {note}; {left_out} more target accounts" if left_out else f"{line}  # {note}"


def back_out_line(action: Action, shown: int = SHOWN_TARGETS) -> str:
    """The reverse call as a shell line; empty when the Action cannot be reversed."""
    reverse = reversed_action(action)
    return cli_line(reverse, shown) if reverse else ""


def reversed_action(action: Action) -> Action | None:
    """The reverse call: same account, Region and targets; None when there is none. `operation` may name another service."""
    if not action.back_out.operation:
        return None
    service, _, operation = action.back_out.operation.rpartition(":")
    return replace(
        action,
        service=service or action.service,
        operation=operation,
        parameters=action.back_out.parameters,
        reason=action.back_out.why,
    )


def command(action: Action, shown: int = SHOWN_TARGETS) -> str:
    """The bare command without a comment: one line, quoted for a POSIX shell."""
    words = ["aws", action.service, xform_name(action.operation, "-"), "--region", action.region]
    parameters = _first_targets(action, shown).request(placeholder)
    if all(_simple(value) for value in parameters.values()):
        words += [word for name, value in parameters.items() for word in _option(name, value)]
    else:
        words += ["--cli-input-json", json.dumps(parameters)]
    return shlex.join(words)


def placeholder(reference: Reference) -> str:
    """What stands for a value that only AWS knows: <detector-id>, <account-email of 444444444444>."""
    name = _NAMES.get(reference.kind) or re.sub(r"[^A-Za-z0-9]+", "-", reference.kind.rpartition(":")[2])
    return f"<{name} of {reference.account}>" if reference.kind.startswith("account-") else f"<{name}>"


def _first_targets(action: Action, shown: int) -> Action:
    return action.only(action.targets[: max(shown, 1)]) if len(action.targets) > shown else action


def _simple(value: Any) -> bool:
    """Whether the value can be an option of its own: no nesting, and nothing that a terminal would not show."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, str) and _simple(item) for item in value)
    if isinstance(value, str):
        return value.isprintable() and value.isascii() and value != "" and value[0] not in "-[{" and "://" not in value
    return isinstance(value, bool | int) and not isinstance(value, Mapping)


def _option(name: str, value: Any) -> list[str]:
    option = xform_name(name, "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", *([str(item) for item in value] if isinstance(value, list) else [str(value)])]
