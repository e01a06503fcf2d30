"""What every section of a parameters file is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """Base of every section: immutable, an unknown key is an error, and no value is taken for another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
