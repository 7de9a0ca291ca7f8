"""What the outputs of a model are called, by what it predicts."""

from collections.abc import Mapping
from typing import NamedTuple

DESCRIPTION = "description"  # everything that is said of an image


class OutputNames(NamedTuple):
    """Names of outputs.

    Attributes:
        numbers: `(images, outputs)` of the model.
        text: `(images,)`: the class of each image, or its labels as a list in JSON; None if
            there is neither.
    """

    numbers: str
    text: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """Of everything that can be asked for."""
        texts = () if self.text is None else (self.text,)
        return (self.numbers, *texts, DESCRIPTION)


OF_CLASSES = OutputNames("probabilities", "class")
OUTPUT_NAMES: Mapping[str, OutputNames] = {
    "classification": OF_CLASSES,
    "multi_label": OutputNames("probabilities", "labels"),
    "regression": OutputNames("values"),
}
