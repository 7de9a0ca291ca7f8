"""Base class and types of all groups of settings."""

import os
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST = 1_000_000_000  # of epochs, steps and whatever else is counted
IMPORTABLE = r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$"  # package.module:name


def _as_text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _as_paths(value: Any) -> Any:
    return [value] if isinstance(value, str | os.PathLike) else _as_list(value)


Count = Annotated[int, Field(ge=1, le=MOST)]
# What YAML holds as text and as a list may be a path and a tuple in Python.
AS_TEXT = BeforeValidator(_as_text)
PathText = Annotated[str, AS_TEXT, Field(json_schema_extra={"format": "path"})]
AS_LIST = BeforeValidator(_as_list)
AS_PATHS = BeforeValidator(_as_paths)  # one path is a list of one


class Section(BaseModel):
    """A group of settings: immutable, without unknown names, without conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
