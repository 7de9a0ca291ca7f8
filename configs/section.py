"""What all groups of settings have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST = 1_000_000_000  # of epochs, steps and whatever else is counted
Count = Annotated[int, Field(ge=1, le=MOST)]


class Section(BaseModel):
    """A group of settings: immutable, without unknown names, without conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
