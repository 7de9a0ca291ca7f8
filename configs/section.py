"""What all groups of settings have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings: immutable, without unknown names, without conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
