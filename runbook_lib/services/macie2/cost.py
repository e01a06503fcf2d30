"""What Macie charges for: evaluating buckets, and automated discovery by objects and by what it reads. Names are AWS's metrics.

How many buckets and how much data an account has, nobody can tell beforehand: what settings do not price is unknown, never free.
Units and trials are from the user guide and from general knowledge [docs, belief].
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from botocore.utils import parse_timestamp

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action
from runbook_lib.plan.cost import Charge, Paid, Trials, charge
from runbook_lib.services.charges import Days, by_region, read_trials, switched_on
from runbook_lib.services.macie2.spec import NAME, SPEC
from runbook_lib.services.macie2.state import RegionState, State
from runbook_lib.services.view import View

TRIAL = 30
"""Days of a trial, of Macie and of automated discovery each [docs]."""
EVALUATION = Paid("macie", "DATA_INVENTORY_EVALUATION", "buckets evaluated", TRIAL)
DISCOVERY = (
    Paid("macie", "AUTOMATED_OBJECT_MONITORING", "objects monitored", TRIAL),
    Paid("macie", "AUTOMATED_SENSITIVE_DATA_DISCOVERY", "volume of data inspected", TRIAL),
)
STARTED = {
    "freeTrialStartDate": (EVALUATION.name,),
    "automatedDiscoveryFreeTrialStartDate": tuple(each.name for each in DISCOVERY),
}
"""Member of a usage record → the paid features whose trial began then."""
NOT_ESTIMATED = (
    "Accounts that join later get what is set to start automatically, and cost as much each.",
    "Sensitive data discovery jobs, which people start: by the volume of data inspected.",
    "Requests to S3 and KMS that discovery makes, and storage of exported results.",
)


def charges(actions: Sequence[Action], cells: Cells, state: State, view: View) -> list[Charge]:
    """What these calls switch on, and in which accounts."""
    started = switched_on(cells, actions, ("session",))
    for region, accounts in by_region(actions, "CreateMember", "UpdateMemberSession").items():
        started.setdefault(region, set()).update(accounts - _on_already(state.regions[region], view.management))
    discovering = switched_on(cells, actions, ("automated discovery",))
    return [*charge(EVALUATION, started), *(each for paid in DISCOVERY for each in charge(paid, discovering))]


def _on_already(seen: RegionState, management: str) -> frozenset[str]:
    """The management account may have Macie before it is a member."""
    own = seen.management
    return frozenset({management} if isinstance(own, Known) and own.value.status == "ENABLED" else ())


def trials(charged: Sequence[Charge], state: State, view: View, reader: Reader, now: dt.datetime) -> Trials:
    """Days left, of accounts that the administrator may ask about: its own and its members."""
    asked: dict[str, set[str]] = {}
    for each in charged:
        for region, accounts in each.accounts.items():
            asked.setdefault(region, set()).update(accounts & _readable(state.regions[region], view.delegated))
    known = {region: frozenset(accounts) for region, accounts in asked.items() if accounts}
    return read_trials(known, SPEC.batches["GetUsageStatistics"], partial(_read, view.delegated, reader, now), reader)


def _readable(seen: RegionState, delegated: str) -> frozenset[str]:
    if not isinstance(seen.own, Known) or not seen.own.value.status:
        return frozenset()
    members = seen.members.value if isinstance(seen.members, Known) else {}
    return frozenset({delegated, *(account for account, status in members.items() if status in ("Enabled", "Paused"))})


def _read(delegated: str, reader: Reader, now: dt.datetime, region: str, accounts: tuple[str, ...]) -> Days:
    named = [{"comparator": "EQ", "key": "accountId", "values": list(accounts)}]
    found: dict[str, dict[str, int]] = {}
    for page in reader.pages(NAME, "GetUsageStatistics", delegated, region, filterBy=named):
        for record in page.get("records") or ():
            for member, names in STARTED.items():
                if (left := _left(record, member, now)) is not None:
                    for name in names:
                        found.setdefault(name, {})[str(record["accountId"])] = left
    return found


def _left(record: Mapping[str, Any], member: str, now: dt.datetime) -> int | None:
    """Days left of one trial; None where the answer does not say when it began."""
    try:
        ends = parse_timestamp(str(record.get(member))) + dt.timedelta(days=TRIAL)
        return max(math.ceil((ends - now) / dt.timedelta(days=1)), 0)
    except (ValueError, TypeError):
        return None
