"""BatchUpdateFindings: the customer's fields, for all named findings the same, handed back one by one where it does not work."""

import copy
import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World

from .errors import invalid, not_subscribed
from .findings import LARGEST, apply_rules, change
from .history import record
from .state import state_of
from .switching import require_hub
from .visibility import announce, visible

MOST_FIELDS, LONGEST_KEY, LONGEST_VALUE = 50, 128, 1024
"""UserDefinedFields [model]."""
ROUND_SECONDS = 60.0
"""How long a target takes that updates a finding."""
LONGEST_NOTE = 512
"""Characters of a note [model]."""


def _problems(changes: dict[str, Any]) -> Iterator[str]:
    """What refuses the whole call: rules [model], texts assumed."""
    if len(changes.get("Note", {}).get("Text", "")) > LONGEST_NOTE:
        yield f"Note.Text can have up to {LONGEST_NOTE} characters"
    fields = changes.get("UserDefinedFields", {})
    if len(fields) > MOST_FIELDS:
        yield f"UserDefinedFields can have up to {MOST_FIELDS} entries"
    if any(len(key) > LONGEST_KEY or len(value) > LONGEST_VALUE for key, value in fields.items()):
        yield f"UserDefinedFields have keys of up to {LONGEST_KEY} and values of up to {LONGEST_VALUE} characters"
    for name in ("Confidence", "Criticality"):
        if not 0 <= changes.get(name, 0) <= 100:
            yield f"{name} must be between 0 and 100"


@operation("securityhub", "BatchUpdateFindings")
def batch_update_findings(call: Call, FindingIdentifiers: list[dict[str, str]], **changes: Any) -> dict[str, Any]:
    """The customer's fields of up to 100 findings that the caller sees [docs]; HTTP 200 has unprocessed ones.

    AWS says that it can take minutes: variant "securityhub update delay", seconds until anybody sees the change, "0" by default.
    """
    require_hub(call)
    if not 1 <= len(FindingIdentifiers) <= 100:
        raise invalid("FindingIdentifiers must have 1 to 100 items")
    for problem in _problems(changes):
        raise invalid(problem)
    seen = {(each["ProductArn"], each["Id"]): each for each in visible(call.world, call.account, call.region)}
    done: list[dict[str, str]] = []
    unprocessed = []
    for number, identifier in enumerate(FindingIdentifiers):
        finding = seen.get((identifier["ProductArn"], identifier["Id"]))
        error = ("DuplicatedFindingIdentifier", "Duplicated finding identifier")
        if identifier not in FindingIdentifiers[:number]:
            error = ("FindingNotFound", "Finding Not Found") if finding is None else _too_large(finding, changes)
        if finding is None or error != NO_ERROR:
            unprocessed.append({"FindingIdentifier": identifier, "ErrorCode": error[0], "ErrorMessage": error[1]})
            continue
        facts = {"place": (finding["AwsAccountId"], finding["Region"]), "key": (finding["ProductArn"], finding["Id"])}
        delay = float(call.world.variants.get("securityhub update delay", "0"))
        if delay:
            call.world.tell_later(delay, "finding updated", changes=changes, by=call.principal, **facts)
        else:
            take_effect(call.world, changes=changes, by=call.principal, **facts)
        done.append(identifier)
    return {"ProcessedFindings": done, "UnprocessedFindings": unprocessed}


NO_ERROR = ("", "")


def _too_large(finding: dict[str, Any], changes: dict[str, Any]) -> tuple[str, str]:
    if len(json.dumps({**finding, **changes}).encode()) > LARGEST:
        return "FindingSizeExceeded", "The finding is too large"
    return NO_ERROR


def take_effect(world: World, place: tuple[str, str], key: tuple[str, str], changes: dict[str, Any], by: str) -> None:
    """Change a finding and tell of it: an update is an event on every bus that got the finding [docs]."""
    finding = state_of(world).findings.get(place, {}).get(key)
    if finding is None:
        return
    before = copy.deepcopy(finding)
    change(world, finding, changes)
    record(world, before, finding, "BATCH_UPDATE_FINDINGS", by)
    if world.variants.get("securityhub rules on updates", "no") == "yes":
        apply_rules(world, *place, finding)
    announce(world, *place, finding)


def acknowledge(world: World, account: str, region: str, finding: Sequence[str]) -> dict[str, int]:
    """Set findings to NOTIFIED in a console, as whoever was told of them does; how many are seen there."""
    if (account, region) not in state_of(world).hubs:
        raise not_subscribed(account)
    seen = [each for each in visible(world, account, region) if each["Id"] in finding]
    for each in seen:
        place, key = (each["AwsAccountId"], each["Region"]), (each["ProductArn"], each["Id"])
        take_effect(world, place, key, {"Workflow": {"Status": "NOTIFIED"}}, f"somebody in the console of {account}")
    return {"findings": len(seen)}


def react(world: World, target: str, status: str) -> None:
    """Let the targets that a glob names set the workflow status of each finding that they get, as a program there would.

    It takes a minute, so a rule that the update fits as well goes round once a minute.
    """
    if status not in ("NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"):
        raise ValueError(f"status: {status}: NEW, NOTIFIED, RESOLVED or SUPPRESSED is expected")
    state_of(world).reactions[target] = {"Workflow": {"Status": status}}


def on_target_invoked(world: World, target: str, account: str, region: str, event: dict[str, Any]) -> None:
    """A function or state machine that the simulation does not run got an event: what it is said to do comes later."""
    for glob, changes in state_of(world).reactions.items():
        if event["source"] == "aws.securityhub" and fnmatchcase(target, glob):
            for finding in event["detail"]["findings"]:
                place, key = (finding["AwsAccountId"], finding["Region"]), (finding["ProductArn"], finding["Id"])
                world.tell_later(ROUND_SECONDS, "finding updated", place=place, key=key, changes=changes, by=target)
