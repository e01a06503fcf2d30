"""Reading what counts the messages of channels that have a ceiling: state machines, and the table of counts. Reads only."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.plan import plain
from runbook_lib.services.answers import text
from runbook_lib.services.response.counting import TABLE
from runbook_lib.services.response.named import MISSING
from runbook_lib.services.response.names import MACHINE, MACHINES, MARK, TABLES, TAG, TAGGED
from runbook_lib.services.response.state import Counts, Machine
from runbook_lib.services.response.wanted import Wanted

READS = frozenset({f"{MACHINES}:DescribeStateMachine", f"{TABLES}:DescribeTable", f"{TABLES}:ListTagsOfResource"})


def read_machine(arn: str, account: str, region: str, reader: Reader) -> Machine | None:
    """A state machine, by its ARN; None where there is none. Raises CallFailed."""
    try:
        found = reader.read(MACHINES, "DescribeStateMachine", account, region, stateMachineArn=arn)
    except CallFailed as error:
        if error.code in MISSING:
            return None
        raise
    if found.get("status") == "DELETING":
        return None
    said = text(found.get("definition"))
    return Machine(said, text(found.get("roleArn")), ours=_comment(said).startswith(MARK))


def read_counting(account: str, region: str, reader: Reader) -> tuple[str, ...]:
    """What counts and is ours, whatever settings want: state machines and the table, as kind and name. Raises CallFailed."""
    listed = [each for page in reader.pages(MACHINES, "ListStateMachines", account, region) for each in page["stateMachines"]]
    arns = sorted(each["stateMachineArn"] for each in listed if each["name"].startswith(MACHINE))
    machines = reader.parallel([partial(read_machine, arn, account, region, reader) for arn in arns])
    counts = read_counts(account, region, reader)
    ours = [f"state machine {arn.rpartition(':')[2]}" for arn, each in zip(arns, machines, strict=True) if each and each.ours]
    return (*ours, *([f"table {TABLE}"] if counts and counts.ours and counts.status != "DELETING" else []))


def _comment(said: str) -> str:
    try:
        return text(json.loads(said).get("Comment"))
    except (ValueError, AttributeError):
        return ""


def read_counts(account: str, region: str, reader: Reader) -> Counts | None:
    """The table of counts; None where there is none. Raises CallFailed."""
    try:
        found = reader.read(TABLES, "DescribeTable", account, region, TableName=TABLE)["Table"]
        tags = reader.read(TABLES, "ListTagsOfResource", account, region, ResourceArn=found["TableArn"]).get("Tags") or ()
    except CallFailed as error:
        if error.code in MISSING:
            return None
        raise
    return Counts(text(found.get("TableStatus")), ours={"Key": TAG, "Value": TAGGED} in [plain(each) for each in tags])


def seen_of(wanted: Wanted, reader: Reader) -> tuple[Mapping[str, Observation[Machine | None]], Observation[Counts | None]]:
    """Channel → its state machine, and the table; nothing is read where no channel has a ceiling."""
    account, region, asked = wanted.view.delegated, wanted.region, [each for each in wanted.destinations if each.through]
    if not asked:
        return {}, Known(None)
    counts, *machines = reader.parallel([
        partial(_tried, partial(read_counts, account, region, reader)),
        *(partial(_tried, partial(read_machine, each.through, account, region, reader)) for each in asked),
    ])  # fmt: skip
    return dict(zip((each.item for each in asked), machines, strict=True)), counts


def _tried(read: Any) -> Observation[Any]:
    try:
        return Known(read())
    except CallFailed as error:
        return unread(error)
