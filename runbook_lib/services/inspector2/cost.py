"""What Inspector charges for: each scan type.

Units and trials are from older copies of Inspector's pricing page and from general knowledge [belief]: not confirmed.
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
from runbook_lib.services.charges import Days, read_trials, switched_on
from runbook_lib.services.inspector2.spec import NAME, SPEC
from runbook_lib.services.inspector2.state import RegionState, State
from runbook_lib.services.view import View

PAID: Mapping[str, Paid] = {
    name: Paid("inspector", name, counts, days)
    for name, counts, days in (
        ("EC2", "EC2 instances scanned", 15),
        ("ECR", "container images scanned, and scanned again", 15),
        ("LAMBDA", "Lambda functions scanned", 15),
        ("LAMBDA_CODE", "Lambda functions whose code is scanned", 15),
        ("CODE_REPOSITORY", "scans of code repositories", 15),
    )
}
NOT_ESTIMATED = (
    "Accounts that join later get what is set to start automatically, and cost as much each.",
    "Snapshots of EBS volumes that scanning without an agent makes, and SSM's own charges.",
)


def charges(actions: Sequence[Action], cells: Cells, state: State, view: View) -> list[Charge]:
    """The scan types that these calls switch on, and in which accounts."""
    return [each for name, paid in PAID.items() for each in charge(paid, switched_on(cells, actions, ("scan types",), name))]


def trials(charged: Sequence[Charge], state: State, view: View, reader: Reader, now: dt.datetime) -> Trials:
    """Days left, of accounts that the administrator may ask about: its own and its members."""
    asked: dict[str, set[str]] = {}
    for each in charged:
        for region, accounts in each.accounts.items():
            asked.setdefault(region, set()).update(accounts & _readable(state.regions[region], view.delegated))
    known = {region: frozenset(accounts) for region, accounts in asked.items() if accounts}
    return read_trials(known, SPEC.batches["BatchGetFreeTrialInfo"], partial(_read, view.delegated, reader, now), reader)


def _readable(seen: RegionState, delegated: str) -> frozenset[str]:
    """Members that are associated; nobody before there are any, because then nothing was tried."""
    members = seen.members.value if isinstance(seen.members, Known) else {}
    associated = [account for account, status in members.items() if status == "ENABLED"]
    return frozenset({delegated, *associated} if associated else ())


def _read(delegated: str, reader: Reader, now: dt.datetime, region: str, accounts: tuple[str, ...]) -> Days:
    answer = reader.read(NAME, "BatchGetFreeTrialInfo", delegated, region, accountIds=list(accounts))
    found: dict[str, dict[str, int]] = {}
    for account in answer.get("accounts") or ():
        for trial in account.get("freeTrialInfo") or ():
            left = _left(trial, now)
            if left is not None:
                found.setdefault(str(trial["type"]), {})[str(account["accountId"])] = left
    return found


def _left(trial: Mapping[str, Any], now: dt.datetime) -> int | None:
    """Days left of one trial; None where the answer does not say."""
    if trial.get("status") == "INACTIVE":
        return 0
    try:
        return max(math.ceil((parse_timestamp(str(trial.get("end"))) - now) / dt.timedelta(days=1)), 0)
    except (ValueError, TypeError):
        return None
