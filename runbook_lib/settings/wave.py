"""One wave of a roll-out, as the parameters file says it."""

from typing import Annotated

from pydantic import Field

from runbook_lib.base.documents.models import Says
from runbook_lib.settings.section import AccountId, Regions, Section, Unit

REST = "rest"
"""The name of the last wave, which settings do not name."""


class WaveSection(Section):
    """One wave: the named accounts and organizational units (absent: all accounts) in the named Regions (absent: all)."""

    name: Annotated[
        Annotated[
            str,
            Field(pattern=r"^[a-z][a-z0-9-]{0,39}$"),
            Says("Not the name of a wave: small letters, digits and hyphens, a letter first, for example canary."),
        ],
        Field(description="What `--wave` and the gate call it, for example canary; not rest, which is the last wave's name."),
    ]
    organizational_units: Annotated[
        Annotated[tuple[Unit, ...], Field(strict=False, min_length=1)],
        Field(description="Every account below these organizational units, at any depth."),
    ] = ()
    accounts: Annotated[
        Annotated[tuple[AccountId, ...], Field(strict=False, min_length=1)],
        Field(description="These accounts, 12 digits in quotes."),
    ] = ()
    regions: Annotated[Regions, Field(description="Only these Regions.")] = ()
