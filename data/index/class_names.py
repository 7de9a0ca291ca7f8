"""Checks the names of classes."""

from collections.abc import Sequence

from ...core.errors import DataError, message
from ...core.names import did_you_mean, is_one_line, some
from .label_checks import twins
from .scan import Scan


def require_plain_names(class_names: Sequence[str]) -> None:
    """Checks class names, which are written one per line and must be distinguishable.

    Raises:
        DataError: A name has several lines, or two names look the same.
    """
    odd = [name for name in class_names if not is_one_line(name)]
    if odd:
        raise DataError(
            message(
                "The name of a class must be one line of text in UTF-8.",
                "Rename its folder, or its label in the table.",
                classes=odd,
            )
        )
    for names in twins(class_names):
        raise DataError(
            message(
                "Names of classes must differ visibly, and not be the same number.",
                "Rename one, or merge the classes.",
                classes=", ".join(map(ascii, names)),
            )
        )


def require_same_classes(wanted: tuple[str, ...], scan: Scan, name: str) -> None:
    """Checks that further images have no class that the training images lack.

    Args:
        wanted: The classes of the training images.
        scan: The further images.
        name: Their setting, such as `"data.test"`, for messages.

    Raises:
        DataError: There are such classes.
    """
    extra = [each for each in scan.class_names if each not in wanted]
    if not extra:
        return
    hints = [f"{each} ({did_you_mean(each, wanted)})".replace(" ()", "") for each in extra]
    raise DataError(
        message(
            f"`{name}` must have no class that `data.train` lacks; it has {some(hints)}.",
            f"Rename or remove those folders. The classes of data.train are "
            f"{some(wanted)}.",
            **{name: str(scan.root)},
        )
    )
