"""The error message for compensating class imbalance twice."""

from ..core.errors import message


def corrected_twice(**received: object) -> str:
    """Returns the error message for compensating class imbalance twice.

    Args:
        **received: The values of both settings by name.
    """
    return message(
        "Class imbalance must be compensated only once: by the loss, or by weights or "
        "sampling.",
        "Leave out one of the two.",
        **received,
    )
