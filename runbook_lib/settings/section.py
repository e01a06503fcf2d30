"""What every section of settings is made of: its base, and texts of a certain form."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from runbook_lib.base.documents.models import Says

NO_REGION = "AWS has no Region of this name."
AccountId = Annotated[
    str, Field(pattern=r"^[0-9]{12}$"), Says("Not an account id: exactly 12 digits in quotes. Copy it from AWS Organizations.")
]
Region = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$"), Says(NO_REGION)]
Regions = Annotated[tuple[Region, ...], Field(strict=False, min_length=1)]
Unit = Annotated[
    str,
    Field(pattern=r"^(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$"),
    Says("Not the id of an organizational unit (ou-…) or root (r-…). Copy it from AWS Organizations."),
]
RoleArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$"),
    Says("Not the ARN of a role: arn:PARTITION:iam::ACCOUNT:role/NAME."),
]
Sha256 = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{64}$"),
    Says("Not a SHA-256: 64 of the characters 0-9 and a-f, as `runbook evidence trust` prints it."),
]
Text = Annotated[str, Field(min_length=1)]
S3_STORE = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.=-]+)*/?"
STORE = rf"^({S3_STORE}|/.*|~.*|[^/:]+(/.*)?)$"
"""A store of evidence: a bucket with an optional prefix, or a folder; what looks like another address is neither."""
RETENTION = r"^[1-9][0-9]{0,4} (days?|years?)$"


class Section(BaseModel):
    """Base of every section: immutable, an unknown key is an error, and no value is taken for another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
