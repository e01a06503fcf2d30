"""What Security Hub charges for: checks, and findings taken in.

Units and trial are from older copies of its pricing page and from general knowledge [belief]: not confirmed.

No operation of Security Hub tells how long a trial still lasts, so nothing is read.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action
from runbook_lib.plan.cost import Charge, Paid, Trials, charge
from runbook_lib.services.charges import switched_on
from runbook_lib.services.securityhub.membership import HUB, MEMBERSHIP
from runbook_lib.services.securityhub.standards import ASPECT
from runbook_lib.services.securityhub.state import State
from runbook_lib.services.view import View

CHECKS = Paid("security_hub", "SECURITY_CHECKS", "checks of controls, of each resource", 30)
INGESTION = Paid("security_hub", "FINDING_INGESTION", "findings taken in from other products and by aggregation", 30)
NOT_ESTIMATED = (
    "AWS Config's recording and rule evaluations, which standards need: charged by Config, per configuration item.",
    "Accounts that join later get what is set to start automatically, and cost as much each.",
    "EventBridge, and what its targets do with findings.",
)


def charges(actions: Sequence[Action], cells: Cells, state: State, view: View) -> list[Charge]:
    """Where these calls start checks and take findings in. A member that joins gets the default standards that settings accept."""
    part = view.settings.security_hub
    if part is None:
        return []
    joining = switched_on(cells, actions, (MEMBERSHIP,)) if part.accept_default_standards else {}
    checked = _together(joining, switched_on(cells, actions, (ASPECT,)))
    return [*charge(CHECKS, checked), *charge(INGESTION, switched_on(cells, actions, (HUB, MEMBERSHIP)))]


def _together(*found: Mapping[str, set[str]]) -> dict[str, set[str]]:
    sums: dict[str, set[str]] = {}
    for each in found:
        for region, accounts in each.items():
            sums.setdefault(region, set()).update(accounts)
    return sums


def trials(charged: Sequence[Charge], state: State, view: View, reader: Reader, now: dt.datetime) -> Trials:
    """Nothing: AWS has no read for it."""
    return Trials()
