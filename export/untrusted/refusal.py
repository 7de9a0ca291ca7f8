"""What is said of a model that could do harm."""

from pathlib import Path

from ..portable.fields import ModelFileError

_SHOWN = 5


def refusal(file: Path, why: str, *found: object) -> ModelFileError:
    """The error to raise where a model could do something else than compute.

    Args:
        file: Of the model.
        why: What it has.
        *found: Which; only the first are shown.
    """
    names = ", ".join(str(each)[:100] for each in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ModelFileError(
        f"A model must do nothing but compute; {file.name} {why}: {names}{more}. It was "
        "not opened."
    )
