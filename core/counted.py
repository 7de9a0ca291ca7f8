"""A number with its noun in the singular or plural."""


def counted(count: int, noun: str) -> str:
    """Returns a number and what it counts.

    Args:
        count: How many.
        noun: One of them; its plural ends in s.

    Example:
        >>> counted(1, "image"), counted(2300, "image")
        ('1 image', '2,300 images')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
