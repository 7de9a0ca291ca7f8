"""The results of a part of an evaluation: numbers, sentences, tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ..core.errors import message
from .evidence import Evidence


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Attributes:
        title: Title of the table.
        header: Names of the columns.
        rows: Cells of each row: numbers or text; None is shown as "-".
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def __post_init__(self) -> None:
        """Raises ValueError if a row has more or fewer cells than the header."""
        for row in self.rows:
            if len(row) != len(self.header):
                words = (
                    f"Each row of the table `{self.title}` needs {len(self.header)} cells."
                )
                raise ValueError(message(words, row=row))


@dataclass(frozen=True)
class Panel:
    """An image of a report with a caption.

    Attributes:
        heading: Heading under which panels are grouped.
        caption: Lines of the caption.
        pixels: `(height, width, 3)` RGB, uint8.
        row: Position of the image in its split, by default the test split.
    """

    heading: str
    caption: Sequence[str]
    pixels: npt.NDArray[np.uint8]
    row: int

    def __post_init__(self) -> None:
        """Raises ValueError if the pixels have another shape or dtype."""
        shape, dtype = np.shape(self.pixels), np.asarray(self.pixels).dtype
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
            words = "The pixels of a panel must be (height, width, 3) uint8."
            raise ValueError(message(words, shape=shape, dtype=dtype))


@dataclass(frozen=True)
class Finding:
    """The result of a part of an evaluation.

    Attributes:
        title: Heading of its section in a report.
        explanation: What is measured and how to read it, in a few sentences.
        values: All numbers as JSON values, for `evaluation.json`.
        conclusions: The most important results, as sentences with numbers.
        warnings: Warnings, as sentences.
        gaps: What could not be measured, and why: "not measured: ...".
        tables: Tables in order.
        figures: Figures by the name of their file, such as `calibration`.
        panels: Images with captions.
    """

    title: str
    explanation: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    conclusions: Sequence[str] = ()
    warnings: Sequence[str] = ()
    gaps: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    panels: Sequence[Panel] = ()

    def __post_init__(self) -> None:
        """Raises TypeError for a string instead of a list, or another kind of figure."""
        for name in ("conclusions", "warnings", "gaps"):
            if isinstance(getattr(self, name), str):
                words = f"`{name}` of a finding must be a list of sentences."
                raise TypeError(message(words, **{name: getattr(self, name)}))
        figures: Mapping[str, Any] = self.figures
        for name, figure in figures.items():
            if not isinstance(figure, Figure):
                words = f"The figure `{name}` of a finding must be a Matplotlib figure."
                raise TypeError(message(words, figure=figure))


@runtime_checkable
class Evaluator(Protocol):
    """A part of an evaluation that needs only predictions.

    Example:
        >>> class Confidence:
        ...     def evaluate(self, evidence):
        ...         mean = float(evidence.test.probabilities.max(axis=1).mean())
        ...         return Finding("Confidence", values={"mean": mean})
    """

    def evaluate(self, evidence: Evidence) -> Finding:
        """Returns the result; what can't be measured is a gap, not an error."""
