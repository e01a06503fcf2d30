"""Settings in the making: values, what was left out of them and why, and the accounts that lack what the others have. Pure."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.base.documents import Path, Problem
from runbook_lib.services.registry import by_name, by_section
from runbook_lib.settings import Settings
from runbook_lib.settings.checks.exclusions import account_exclusions
from runbook_lib.settings.checks.places import check_places
from runbook_lib.settings.checks.services import check_services
from runbook_lib.settings.sections.service import OWN_CHOICE, section_types

DAYS = 90
"""For how long an account that lacks something is left out before somebody has to decide."""


@dataclass
class Draft:
    """Changed until it asks for nothing that is not there."""

    base: Mapping[str, Any]
    """All keys besides the services' sections and exclusions."""
    today: dt.date
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Service → its section."""
    lacking: dict[str, dict[str, str]] = field(default_factory=dict)
    """Account → service → what it lacks."""
    notes: dict[str, list[str]] = field(default_factory=dict)
    """Service → what of it is not in its section, a sentence each."""

    def note(self, service: str, sentence: str) -> None:
        """Say once of a service what was left out."""
        said = self.notes.setdefault(service, [])
        if sentence not in said:
            said.append(sentence)

    def leave_out(self, service: str, why: str) -> None:
        """Leave a service out as a whole."""
        self.sections.pop(service, None)
        for services in self.lacking.values():
            services.pop(service, None)
        self.note(service, why)

    def exclusions(self) -> list[dict[str, Any]]:
        """The accounts that lack what the others have, those alike named together no further: an exclusion is about one account."""
        expires = (self.today + dt.timedelta(days=DAYS)).isoformat()
        return [
            {
                "account": account,
                "services": [name for name in by_name() if name in services],
                "reason": f"As found by init: {'; '.join(dict.fromkeys(services.values()))}",
                "owner": f"The owner of account {account}",
                "expires": expires,
            }
            for account, services in sorted(self.lacking.items())
            if services
        ]

    def tree(self) -> dict[str, Any]:
        """The file's values."""
        exclusions = self.exclusions()
        tree = {**self.base, **({"exclusions": exclusions} if exclusions else {})}
        tree |= {by_name()[name].section: ordered(name, self.sections[name]) for name in by_name() if name in self.sections}
        if not self.sections:
            tree["manages"] = "nothing"
        for name in self.sections:
            section = by_name()[name].section
            if section_types()[section].auto_enable_on(tree) and account_exclusions(tree, name):
                tree[section] = {**tree[section], OWN_CHOICE: True}
        return tree

    def settings(self) -> Settings:
        """The same as settings."""
        return Settings.model_validate_json(json.dumps(self.tree()))

    def problems(self) -> list[tuple[str, Path, str]]:
        """What the file's own checks refuse in a service's section: service, key within it, why."""
        tree = self.tree()
        found: list[Problem] = [*check_places(tree, self.today), *check_services(tree)]
        return [
            (by_section()[str(each.path[0])].name, each.path[1:], each.message) for each in found if each.path[0] in by_section()
        ]


def ordered(service: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """A section with its keys as its model has them."""
    order = list(section_types()[by_name()[service].section].model_fields)
    return dict(sorted(section.items(), key=lambda each: order.index(each[0])))
