"""What Access Analyzer charges for: each IAM role and user analyzed for unused access, a month [docs]. No trial is known."""

from collections.abc import Sequence

from runbook_lib.coverage import Cells
from runbook_lib.plan import Action
from runbook_lib.plan.cost import Charge, Paid, charge
from runbook_lib.services.accessanalyzer.unused import ANALYZER, UnusedAccess
from runbook_lib.services.charges import switched_on

PAID = Paid("access_analyzer", "UNUSED_ACCESS", "IAM roles and users analyzed")
NOT_ESTIMATED = ("Accounts that join later are analyzed too: their roles and users cost as much each.",)


def charges(actions: Sequence[Action], cells: Cells) -> list[Charge]:
    """The accounts whose roles and users these calls begin to analyze."""
    return charge(PAID, switched_on(cells, actions, (UnusedAccess.name,), ANALYZER))
