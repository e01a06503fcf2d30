"""What Macie was seen to be, Region by Region."""

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.regional import RegionalState


@dataclass(frozen=True)
class Session:
    """Macie in one account: ENABLED, PAUSED, or "" where it is off."""

    status: str = ""
    frequency: str = ""


@dataclass(frozen=True)
class OrganizationConfiguration:
    """What accounts that join get, and whether the administrator has as many members as AWS allows it."""

    auto_enable: bool
    limit_reached: bool = False


@dataclass(frozen=True)
class Publication:
    """What goes to Security Hub. The values of a first activation [docs]: policy findings, and none about sensitive data."""

    policy: bool = True
    sensitive_data: bool = False


@dataclass(frozen=True)
class Destination:
    """Where results of discovery are kept."""

    bucket_name: str
    key_prefix: str
    kms_key_arn: str

    @property
    def words(self) -> str:
        return f"s3://{self.bucket_name}/{self.key_prefix}".rstrip("/")


@dataclass(frozen=True)
class RegionState:
    """Macie in one Region that is asked for. `members` maps account to AWS's relationship status."""

    administrators: Observation[Mapping[str, str]]
    own: Observation[Session]
    management: Observation[Session]
    """The management account's own, where it is to be a member."""
    organization: Observation[OrganizationConfiguration]
    members: Observation[Mapping[str, str]]
    discovery: Observation[str]
    """DISABLED, or which accounts get automated discovery: NONE, NEW or ALL."""
    discovering: Observation[Mapping[str, str]]
    """Account → ENABLED or DISABLED, of the administrator and its members."""
    publication: Observation[Publication]
    destination: Observation[Destination | None]

    @property
    def full(self) -> bool:
        """Whether the administrator has as many members as AWS allows it."""
        return isinstance(self.organization, Known) and self.organization.value.limit_reached


State = RegionalState[RegionState]
