"""Predictions of regression, and their table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...configs.choices import Task
from ...core.checked_files import note_checksum, write_checked_json
from ...core.files import write_csv
from ...core.run_layout import PREDICTIONS_FILE, SCATTER_IMAGE, TEST_FILE
from ..predictions import digest_of
from .intervals import interval_coverage
from .scores import regression_scores


@dataclass(frozen=True)
class NumberPredictions:
    """Predictions of one or several numbers per image.

    Attributes:
        names: File of each image.
        values: `(images, numbers)` float32.
        target_names: Names of the numbers, in the order of the model's outputs.
        half_widths: Half the width of the interval around each number, chosen on other
            images; None if there are too few.
        coverage: Fraction of intervals that should contain the true value.
        targets: `(images, numbers)` float32, or None if unknown.
    """

    task: ClassVar[Task] = "regression"

    names: Sequence[str]
    values: npt.NDArray[np.float32]
    target_names: Sequence[str]
    half_widths: Sequence[float | None]
    coverage: float = 0.9
    targets: npt.NDArray[np.float32] | None = None

    @property
    def outputs(self) -> npt.NDArray[np.float32]:
        """`(images, numbers)`: the outputs of the model."""
        return self.values

    @property
    def output_columns(self) -> list[str]:
        """Names of the outputs in the table of predictions."""
        return [f"prediction:{name}" for name in self.target_names]

    @property
    def digest(self) -> str:
        """Hexadecimal digest of everything that affects scores."""
        return digest_of(self.target_names, self.targets, self.values, self.half_widths)

    def scores(self, groups: npt.NDArray[np.integer] | None = None) -> dict[str, Any]:
        """Scores the predictions, including the coverage of intervals per target."""
        if self.targets is None:
            raise ValueError("Predictions without targets can't be scored.")
        scores = regression_scores(self.targets, self.values, self.target_names, groups)
        held = interval_coverage(self.targets, self.values, list(self.half_widths))
        for name, width, share in zip(
            self.target_names, self.half_widths, held, strict=True
        ):
            scores["per_target"][name] |= {
                "interval_half_width": width,
                "interval_aim": self.coverage,
                "interval_coverage": share,
            }
        return scores

    def write_table(self, path: Path) -> None:
        """Writes file and, for each number, target if known, prediction and interval."""
        columns: dict[str, Sequence[object]] = {"file": self.names}
        for place, name in enumerate(self.target_names):
            values, width = self.values[:, place], self.half_widths[place]
            if self.targets is not None:
                columns[f"target:{name}"] = _in_digits(self.targets[:, place])
            columns[f"prediction:{name}"] = _in_digits(values)
            if width is not None:
                columns[f"low:{name}"] = _in_digits(values - width)
                columns[f"high:{name}"] = _in_digits(values + width)
        write_csv(path, list(columns), zip(*columns.values(), strict=True))

    def write_report(self, directory: Path, scores: dict[str, Any]) -> None:
        """Writes predictions.csv, scatter.png and then test.json into a run directory."""
        from ..figures import save_figure  # loads Matplotlib
        from .figure import scatter_figure

        self.write_table(directory / PREDICTIONS_FILE)
        note_checksum(directory / PREDICTIONS_FILE)
        if self.targets is not None:
            figure = scatter_figure(
                self.targets, self.values, self.target_names, self.half_widths
            )
            save_figure(figure, directory / SCATTER_IMAGE)
        write_checked_json(directory / TEST_FILE, scores)


def _in_digits(values: npt.NDArray[np.floating]) -> list[str]:
    return [f"{value:.9g}" for value in values]
