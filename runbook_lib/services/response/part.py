"""What the response's aspects have in common: they call several services, and know what settings want of a Region."""

from runbook_lib.plan import Action
from runbook_lib.services.aspect import Aspect, Place
from runbook_lib.services.response.state import RegionState
from runbook_lib.services.response.wanted import Wanted
from runbook_lib.settings.response import ResponseSection

Here = Place[ResponseSection, RegionState]


class Part(Aspect[ResponseSection, RegionState]):
    """An aspect whose `calls` are operations as "service:Operation"."""

    def plans(self, action: Action) -> bool:
        return f"{action.service}:{action.operation}" in self.calls

    def wanted(self, place: Here) -> Wanted:
        return Wanted(place.view, place.section, place.region)
