"""What Security Hub charges for: checks, and findings taken in; and what its standards need and AWS Config charges for.

Units and trial are from older copies of its pricing page and from general knowledge [belief]: not confirmed.

No operation of Security Hub tells how long a trial still lasts, so nothing is read.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cells, Gap, Status
from runbook_lib.plan import Action
from runbook_lib.plan.cost import Charge, Paid, Trials, charge
from runbook_lib.services.charges import switched_on
from runbook_lib.services.securityhub.membership import HUB, MEMBERSHIP
from runbook_lib.services.securityhub.standards import ASPECT
from runbook_lib.services.securityhub.state import State
from runbook_lib.services.spec import EVALUATING
from runbook_lib.services.view import View

CHECKS = Paid("security_hub", "SECURITY_CHECKS", "checks of controls, of each resource", 30)
INGESTION = Paid("security_hub", "FINDING_INGESTION", "findings taken in from other products and by aggregation", 30)
CONFIG_ITEMS = Paid(
    "security_hub", "CONFIG_ITEMS", "configuration items, by AWS Config, once somebody turns its recording on for these checks"
)
"""Recording has no trial [docs]. Where it is on already, it is paid for already."""
NOT_ESTIMATED = (
    "AWS Config's rule evaluations beyond those of standards, and its recording where it is on already.",
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
    needed = {region: checked.get(region, set()) & accounts for region, accounts in _without_recording(cells).items()}
    taken_in = switched_on(cells, actions, (HUB, MEMBERSHIP))
    return [*charge(CHECKS, checked), *charge(INGESTION, taken_in), *charge(CONFIG_ITEMS, needed)]


def _without_recording(cells: Cells) -> dict[str, set[str]]:
    """Region → accounts in which AWS Config does not record, or nothing tells whether it does."""
    found: dict[str, set[str]] = {}
    for cell in cells:
        if cell.aspect == EVALUATING and (cell.gap is Gap.NOT_EVALUATING or cell.status is Status.UNKNOWN):
            found.setdefault(cell.region, set()).update(cell.accounts)
    return found


def _together(*found: Mapping[str, set[str]]) -> dict[str, set[str]]:
    sums: dict[str, set[str]] = {}
    for each in found:
        for region, accounts in each.items():
            sums.setdefault(region, set()).update(accounts)
    return sums


def trials(charged: Sequence[Charge], state: State, view: View, reader: Reader, now: dt.datetime) -> Trials:
    """Nothing: AWS has no read for it."""
    return Trials()
