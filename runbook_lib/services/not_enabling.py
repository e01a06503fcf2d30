"""What a service that enables nothing in accounts answers about costs, trials, later phases and live resources: there are none."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Scope
from runbook_lib.plan.cost import Charge, Trials
from runbook_lib.services.inventory import Writer
from runbook_lib.services.remarks import Remark
from runbook_lib.services.view import View
from runbook_lib.settings import Settings


class NotEnabling:
    """The part of the Service protocol that is about enabling, for whatever does not."""

    not_estimated: tuple[str, ...] = ()

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        return ()

    def charges(self, actions: Sequence[Action], cells: Cells, state: Any, view: View) -> Sequence[Charge]:
        return ()

    def trials(self, charged: Sequence[Charge], state: Any, view: View, reader: Reader, now: dt.datetime) -> Trials:
        return Trials()

    def foundation(self, view: View, reader: Reader) -> None:
        """Nothing builds on it."""

    def missing(self, state: Any, view: View) -> Sequence[str]:
        return ()

    def resources(self, state: Any, view: View, reader: Reader) -> Cells:
        return ()

    def inventory(self, state: Any, writer: Writer) -> dict[str, Any]:
        return {}
