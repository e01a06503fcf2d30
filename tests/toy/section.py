"""X-Ray in settings."""

from typing import Annotated

from pydantic import Field

from runbook_lib.settings.section import Text
from runbook_lib.settings.sections.service import ServiceSection


class XRaySection(ServiceSection):
    """X-Ray. Absent: not managed here."""

    key: Annotated[Text, Field(description="Alias of the KMS key that encrypts traces.")]

    @property
    def wanted_features(self) -> frozenset[str]:
        return frozenset({"KMS"})


SECTION = XRaySection
