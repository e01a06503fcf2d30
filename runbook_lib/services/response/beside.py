"""Aspect "beside": what else tells people of the same causes, the newer Security Hub (V2) and AWS Security Incident Response.

Both are read and shown; neither is ever switched, and none of their rules is made here. Settings say which of Security Hub CSPM and
V2 feeds people (`feeds`); what the other one sends to a channel of settings is a Blocker of the route. Where V2 is to feed people,
it has to be on. Incident Response has one membership, in one Region, which settings name; else it is not asked.
"""

from collections.abc import Iterator
from typing import Any

from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.services.column import SETTINGS_OWNER
from runbook_lib.services.response.part import Here, Part
from runbook_lib.services.response.state import Beside

NEWER, RESPONSE = "Security Hub V2", "Security Incident Response"


class Besides(Part):
    name = "beside"

    def cells(self, place: Here) -> Cells:
        found, us = place.seen.beside, {place.delegated}
        column, feeds = place.column(self.name, NEWER), place.section.feeds == "V2"
        if not isinstance(found, Known):
            if isinstance(found, Unknown) and feeds:
                return column.unknown(us, found.code, found.reason, found.next_step)
            said = found.reason if isinstance(found, Unknown) else "not asked"
            return column.unmanaged(us, "not read", f"whether it is on could not be read: {said}")
        return (*self._newer(place, found.value, feeds=feeds), *self._others(place, found.value))

    def _newer(self, place: Here, seen: Beside, *, feeds: bool) -> Cells:
        column, us = place.column(self.name, NEWER, "on" if feeds else ""), {place.delegated}
        if not feeds:
            return column.unmanaged(us, f"on since {seen.since}" if seen.since else "off", "read and shown; never switched here")
        if seen.since:
            return column.covered(us, "on; its own rules feed people, and no route here does", f"on since {seen.since}")
        step = "Have whoever runs it switch it on, or leave feeds out of settings and route findings here."
        why = f"settings say that it feeds people, and it is not on in {place.region}: nobody is told of findings"
        return column.blocked(us, why, step, "off", SETTINGS_OWNER)

    def _others(self, place: Here, seen: Beside) -> Iterator[Any]:
        us, alone = {place.delegated}, "read and shown; left alone"
        for rule in seen.rules:
            yield from place.column(self.name, f"V2 automation rule {rule}").unmanaged(us, "there", alone)
        for name, status in seen.connectors:
            yield from place.column(self.name, f"V2 connector {name}").unmanaged(us, status, alone)
        if seen.memberships is not None:
            said = ", ".join(seen.memberships) or "no membership"
            yield from place.column(self.name, RESPONSE).unmanaged(us, said, f"{alone}; it may suppress GuardDuty's findings")
