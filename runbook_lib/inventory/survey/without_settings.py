"""Entering AWS before there are settings: what stands in their place, and in which partition."""

import re
from collections.abc import Sequence

from runbook_lib.aws.configuration import configured_region
from runbook_lib.settings import Door, Settings
from runbook_lib.settings.regions import partition_of

NOBODY = ("000000000000", "000000000001")
"""In the place of the accounts that settings would name: nothing is asked as them."""


def settings_of_nobody(mode: str, partition: str, asker: str = NOBODY[0]) -> Settings:
    """Settings that say nothing but in which partition AWS is entered; nothing in them is asked of AWS."""
    door = {"role_arn": f"arn:{partition}:iam::{asker}:role/nobody"}
    accounts = {"management_account": asker, "delegated_account": NOBODY[1]}
    return Settings.model_validate(
        {"mode": mode, "organization": {"id": "o-0000000000", **accounts}, "access": {"management": door}}
    )


def entered_partition(door: Door, regions: Sequence[str] = ()) -> str:
    """The partition in which AWS is entered: that of the Regions to look at, else of the role, else of the profile's Region."""
    if regions:
        return str(partition_of(regions[0]))
    named = re.match(r"arn:(aws[a-z-]*):", door.role_arn or "")
    return named[1] if named else partition_of(configured_region(door.profile)) or "aws"
