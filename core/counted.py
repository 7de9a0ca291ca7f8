"""Formats a number with its noun in the singular or plural."""


def counted(count: int, noun: str) -> str:
    """Formats a number with its noun.

    Args:
        count: The number.
        noun: The noun in the singular; its plural must be formed with s.

    Example:
        >>> counted(1, "image"), counted(2300, "image")
        ('1 image', '2,300 images')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
