"""What griffe is told of our docstrings: one example stands under `Example:`."""

import re
from typing import Any

import griffe


class SingleExample(griffe.Extension):
    """Reads `Example:` as the section `Examples:`, which shows its lines as code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Changes the docstring of whatever was found."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(
                r"^Example:$", "Examples:", obj.docstring.value, flags=re.M
            )
