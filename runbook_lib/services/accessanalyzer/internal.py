"""Internal access: who inside the organization may reach what. Paid for each resource; read and shown, never planned."""

from runbook_lib.coverage import Cells
from runbook_lib.services.accessanalyzer.analysis import Here
from runbook_lib.services.accessanalyzer.state import INTERNAL, RegionState
from runbook_lib.services.aspect import Aspect
from runbook_lib.settings.sections.accessanalyzer import AccessAnalyzerSection


class InternalAccess(Aspect[AccessAnalyzerSection, RegionState]):
    name = "internal access"

    def cells(self, place: Here) -> Cells:
        found = [each for each in place.seen.known if each.kind == INTERNAL]
        columns = [(place.column(self.name, each.words), each) for each in found]
        return tuple(cell for column, each in columns for cell in column.unmanaged({each.owner}, each.status))
