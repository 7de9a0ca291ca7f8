"""Names of the outputs of a model, by task."""

from collections.abc import Mapping
from typing import NamedTuple

DESCRIPTION = "description"  # everything known about an image


class OutputNames(NamedTuple):
    """Names of outputs.

    Attributes:
        numbers: Name of the `(images, outputs)` numbers of the model.
        text: Name of the `(images,)` class of each image, or its labels as a JSON list;
            None if there is neither.
    """

    numbers: str
    text: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """Names of all outputs that can be requested."""
        texts = () if self.text is None else (self.text,)
        return (self.numbers, *texts, DESCRIPTION)


OF_CLASSES = OutputNames("probabilities", "class")
OUTPUT_NAMES: Mapping[str, OutputNames] = {
    "classification": OF_CLASSES,
    "multi_label": OutputNames("probabilities", "labels"),
    "regression": OutputNames("values"),
}
