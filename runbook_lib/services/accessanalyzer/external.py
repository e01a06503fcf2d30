"""External access: what of the organization can be reached from outside it. Free, and wanted in every Region."""

from runbook_lib.coverage import Cells
from runbook_lib.plan import Step
from runbook_lib.services.accessanalyzer.analysis import ABSENT, Analysis, Here
from runbook_lib.services.accessanalyzer.state import EXTERNAL
from runbook_lib.services.aspect import Planned
from runbook_lib.settings.sections.accessanalyzer import AccessAnalyzerSection


class ExternalAccess(Analysis):
    name = "external access"
    kind = EXTERNAL
    called = "organization-external-access"

    def of_members(self, section: AccessAnalyzerSection) -> bool:
        return True

    def cells(self, place: Here) -> Cells:
        return self.standing(place, place.column(self.name, desired=EXTERNAL), place.everyone)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> list[Step]:
        if stage != "delegated":
            return []
        absent = [cell for cell in self.raising(place, cells) if cell.observed == ABSENT]
        made = [self.creation(place, cell, planned.usable) for cell in absent]
        if not made and not self.open_without_call(place, cells):
            return []
        return [*made, self.awaited(place, (*planned.usable, *(step.id for step in made)))]
