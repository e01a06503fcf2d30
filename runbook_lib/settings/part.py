"""What every section of settings is made of: its base, and the ids by which organizations, accounts and Regions are named."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$")]
Regions = Annotated[tuple[Region, ...], Field(strict=False, min_length=1)]
Unit = Annotated[str, Field(pattern=r"^(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$")]
Text = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """Base of every section: immutable, an unknown key is an error, and no value is taken for another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
