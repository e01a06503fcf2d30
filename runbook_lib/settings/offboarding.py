"""What settings allow to be taken away: one service, its levels, in which of two ways, why, who answers for it, and until when."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from runbook_lib.services.registry import ways_out
from runbook_lib.settings.section import Section, Text

LevelName = Literal[
    "stop-auto-enable", "switch-off", "dissociate", "administrator", "delegation", "trusted-access", "mute", "detach", "remove"
]


class OffboardingSection(Section):
    """Leave to take one service away, level by level. Without one nothing is offered."""

    service: Annotated[
        Literal[tuple(ways_out())],  # type: ignore[valid-type] # the registry's names
        Field(description="The service that is left, or response."),
    ]
    levels: Annotated[
        Annotated[tuple[LevelName, ...], Field(strict=False, min_length=1)],
        Field(description="The levels that may be done; `runbook offboard SERVICE` shows all of them with what each takes away."),
    ]
    exit: Annotated[
        Literal["hand-over", "off"],
        Field(
            description=(
                "hand-over: the service stays on in the accounts, for somebody else to administer. off: it is switched off in them "
                "before they are dissociated, because afterwards nobody but the accounts themselves can."
            )
        ),
    ]
    reason: Annotated[Text, Field(description="Why. Shown in the plan.")]
    owner: Annotated[Text, Field(description="Who answers for it: a team or role.")]
    expires: Annotated[dt.date, Field(description="Last day on which it holds, YYYY-MM-DD. After it the file is refused.")]
