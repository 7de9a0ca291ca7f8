"""Creates the error for a model that could do harm."""

from pathlib import Path

from ..portable.fields import ModelFileError

_SHOWN = 5


def refusal(file: Path, why: str, *found: object) -> ModelFileError:
    """Returns the error for a model that could do more than compute.

    Args:
        file: File of the model.
        why: What is wrong with it, such as "has custom operations".
        *found: The items found; only the first are shown.
    """
    names = ", ".join(str(each)[:100] for each in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ModelFileError(
        f"A model must only compute; {file.name} {why}: {names}{more}. It was not opened."
    )
