"""The settings' section on how a bucket locks the evidence in it."""

from typing import Annotated, Literal

from pydantic import Field

from runbook_lib.base.documents.models import Says
from runbook_lib.settings.section import RETENTION, AccountId, Region, Section, Text


class ObjectLockSection(Section):
    """How what lies in the S3 store is kept: every object is locked when it is written, for as long as `retention` says."""

    account: Annotated[
        AccountId,
        Field(description="The account that owns the bucket, 12 digits in quotes; a bucket of this name elsewhere is refused."),
    ]
    region: Annotated[Region, Field(description="The bucket's Region.")]
    retention: Annotated[
        Annotated[str, Field(pattern=RETENTION), Says("Not a time: a number of days or years, for example 7 years or 400 days.")],
        Field(description="How long each object stays locked after it was written, for example 7 years or 400 days."),
    ]
    mode: Annotated[
        Text,
        Field(
            description=(
                "GOVERNANCE, or a sentence that says what COMPLIANCE means (the check of the file shows it): in that mode nobody, "
                "not even the root user, can delete an object or shorten its retention."
            )
        ),
    ] = "GOVERNANCE"

    @property
    def compliance(self) -> str:
        """The one value of `mode` that means COMPLIANCE: nobody writes it, with this very retention, without meaning it."""
        return f"COMPLIANCE: nobody can delete this evidence for {self.retention}, not even the root user"

    @property
    def lock_mode(self) -> Literal["GOVERNANCE", "COMPLIANCE"]:
        """Object Lock's mode, as AWS spells it."""
        return "COMPLIANCE" if self.mode == self.compliance else "GOVERNANCE"
