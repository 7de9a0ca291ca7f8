"""What can't be asked for together, as it makes up for rare classes twice."""

from ..core.errors import message


def corrected_twice(**received: object) -> str:
    """The message for two corrections of one imbalance.

    Args:
        **received: Both, by the names of their settings.
    """
    return message(
        "Classes of unequal size must be made up for once: by the loss, or by weights or "
        "sampling.",
        "Leave out one of both.",
        **received,
    )
