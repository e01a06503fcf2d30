"""Rehearsing one's own settings on an inventory of one's own organization: mode, roles and profiles, and nothing else, made to fit.

The settings stay as they are but for `mode`, which is outside a plan's fingerprint: so the rehearsal's plans have the fingerprints
of the live ones, and its approvals are refused in live mode all the same.
"""

import json
from pathlib import Path
from typing import Any

from runbook_lib.base.files import write_text
from runbook_lib.base.owner_only import private_folder
from runbook_lib.settings import Door, Settings

AMBIENT = "rehearsal-runner"
"""The rehearsal's own profile: what stands for the credentials of the shell or runner."""


def is_inventory(organization: str) -> bool:
    """Whether this names a file that `runbook inventory` wrote, or one that extends it. What is no seed at all is none."""
    from runbook_lib.rehearsal import seeds  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    if not Path(organization).is_file():
        return False
    try:
        return bool(seeds.read(organization).observed)
    except ValueError:
        return False  # the server says what is wrong with it


def seed_with_doors(inventory: Path, settings: Settings, folder: Path) -> Path:
    """Write a seed that adds to an inventory what settings enter accounts by: roles with their trust, and profiles' users."""
    private_folder(folder)
    doors = _Doors(settings)
    seed: dict[str, Any] = {"extends": str(inventory.resolve()), "roles": doors.roles(), "profiles": doors.profiles()}
    path = folder / "inventory-with-doors.yaml"
    # JSON is YAML, and needs no second writer.
    write_text(path, json.dumps(seed, indent=1) + "\n")
    return path


class _Doors:
    def __init__(self, settings: Settings) -> None:
        self.access = settings.access
        organization = settings.organization
        self.own = {"management": organization.management_account, "delegated": organization.delegated_account}
        self.named = {"management": self.access.management, "delegated": self.access.delegated}

    def profiles(self) -> dict[str, str]:
        """Profile → account. A profile without a role is the account's own; any other one, and the ambient one, assumes roles."""
        found = {AMBIENT: self.own["delegated"]}
        for name, door in self.named.items():
            if door.profile or not door.role_arn:
                profile = door.profile or AMBIENT
                found[profile] = self.own[name] if not door.role_arn else found.get(profile, self.own["delegated"])
        return found

    def roles(self) -> list[dict[str, Any]]:
        """The roles that settings name, each trusting who assumes it."""
        found = [self._role(door.role_arn, self.own[name], door) for name, door in self.named.items() if door.role_arn]
        if (members := self.access.members) is not None:
            door = Door(**members.model_dump(exclude={"role_name"}))
            found.append(self._role(members.role_name, "members", door))
        return found

    def _role(self, name: str, account: str, door: Door) -> dict[str, Any]:
        by = self.own.get(door.via) or self.profiles()[door.profile or AMBIENT]
        return {
            "name": name.rpartition("/")[2],
            "account": account,
            "trusts": [by],
            "max_session_seconds": max(door.session_seconds, 3600),
            "external_id": door.external_id,
        }
