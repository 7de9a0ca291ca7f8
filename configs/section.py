"""The base class of groups of settings, and common types."""

import os
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST = 1_000_000_000  # upper limit of epochs, steps and other counts
IMPORTABLE = r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$"  # package.module:name


def _as_text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _as_paths(value: Any) -> Any:
    return [value] if isinstance(value, str | os.PathLike) else _as_list(value)


Count = Annotated[int, Field(ge=1, le=MOST)]
# In Python, text may also be given as a path, and a list as a tuple.
AS_TEXT = BeforeValidator(_as_text)
PathText = Annotated[str, AS_TEXT, Field(json_schema_extra={"format": "path"})]
AS_LIST = BeforeValidator(_as_list)
AS_PATHS = BeforeValidator(_as_paths)  # also accepts a single path


class Section(BaseModel):
    """A group of settings: immutable, strictly typed, and without unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
