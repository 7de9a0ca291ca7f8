"""What can't be asked for together, as it compensates for class imbalance twice."""

from ..core.errors import message


def corrected_twice(**received: object) -> str:
    """The message for two corrections of one imbalance.

    Args:
        **received: Both, by the names of their settings.
    """
    return message(
        "Class imbalance must be compensated only once: by the loss, or by weights or "
        "sampling.",
        "Leave out one of the two.",
        **received,
    )
