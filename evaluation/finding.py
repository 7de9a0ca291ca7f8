"""What a part of an evaluation comes to: numbers, tables, figures and gaps."""

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
        title: What it shows.
        header: Names of the columns.
        rows: Numbers or text; None is shown as "-".
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def __post_init__(self) -> None:
        """Raises ValueError where a row has other columns than the header."""
        for row in self.rows:
            if len(row) != len(self.header):
                words = (
                    f"Each row of the table `{self.title}` needs {len(self.header)} cells."
                )
                raise ValueError(message(words, row=row))


@dataclass(frozen=True)
class Panel:
    """An image of a report, with what is said of it.

    Attributes:
        heading: Panels of the same heading stand together.
        caption: What is said of the image, a line each.
        pixels: `(height, width, 3)` RGB, uint8.
        row: Which image of the split it is; of the test split, unless something else is
            said.
    """

    heading: str
    caption: Sequence[str]
    pixels: npt.NDArray[np.uint8]
    row: int

    def __post_init__(self) -> None:
        """Raises ValueError where the pixels are of another kind."""
        shape, dtype = np.shape(self.pixels), np.asarray(self.pixels).dtype
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
            words = "The pixels of a panel must be (height, width, 3) uint8."
            raise ValueError(message(words, shape=shape, dtype=dtype))


@dataclass(frozen=True)
class Finding:
    """What a part of an evaluation comes to.

    Attributes:
        title: Heading of its section in a report.
        explanation: What is measured and how to read it, in a sentence or two.
        values: All numbers, ready for JSON: `evaluation.json` keeps them.
        conclusions: Sentences for somebody who reads nothing else, with their numbers.
        warnings: What must not be overlooked.
        gaps: What could not be measured, and why: "not measured: ...".
        tables: In their order.
        figures: By name, as in `calibration.png`.
        panels: Images that are shown.
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
        """Raises TypeError for a sentence where sentences are needed, and for no figure."""
        for name in ("conclusions", "warnings", "gaps"):
            if isinstance(getattr(self, name), str):
                words = f"`{name}` of a finding must be a list of sentences."
                raise TypeError(message(words, **{name: getattr(self, name)}))
        figures: Mapping[str, Any] = self.figures
        for name, figure in figures.items():
            if not isinstance(figure, Figure):
                words = f"The figure `{name}` of a finding must be one of Matplotlib."
                raise TypeError(message(words, figure=figure))


@runtime_checkable
class Evaluator(Protocol):
    """A part of an evaluation that needs predictions alone.

    Example:
        >>> class Confidence:
        ...     def evaluate(self, evidence):
        ...         mean = float(evidence.test.probabilities.max(axis=1).mean())
        ...         return Finding("Confidence", values={"mean": mean})
    """

    def evaluate(self, evidence: Evidence) -> Finding:
        """Measures; what can't be measured is a gap and no error."""
