"""Prints the first predictions as a table."""

from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from ..core.names import printable
from .console import notify, show_table

if TYPE_CHECKING:
    from ..export.portable.document import ModelDocument
    from ..prediction.predictor import Predicted

_HEADS = {
    "classification": ("class", "probability"),
    "multi_label": ("labels", "probability"),
    "regression": ("numbers", "±"),
}
MOST_ROWS = 50
MOST_UNREADABLE = 20


class ShownPredictions:
    """Collects the first predictions, and reports the first unreadable files.

    Args:
        document: The description of the model.
    """

    def __init__(self, document: "ModelDocument") -> None:
        self._document = document
        self._rows: list[tuple[str, str, str]] = []
        self._unreadable = 0

    def add(self, predicted: "Predicted") -> None:
        """Adds predictions, up to the maximum number of rows."""
        probabilities = predicted.answers.probabilities
        for read, problem, row in predicted.images:
            name = printable(read.image.name)
            if problem:
                self._name(name, problem)
            if len(self._rows) < MOST_ROWS:
                cells = ("-", "") if problem else self._cells(probabilities[row])
                self._rows.append((name, *cells))

    def show(self, count: int) -> None:
        """Prints the table, and the number of predictions that are not in it.

        Args:
            count: The number of all predictions.
        """
        table = Table(Column("file", overflow="fold"), *self._heads())
        for row in self._rows:
            table.add_row(*row)
        show_table(table)
        if count > len(self._rows):
            notify(f"and {count - len(self._rows):,} more")

    def _heads(self) -> tuple[str, ...]:
        """Names the columns like those of predictions.csv."""
        if self._document.correction is not None:
            return ("class", "corrected probability")
        return _HEADS[self._document.task]

    def _cells(self, outputs: Any) -> tuple[str, str]:
        """Returns the prediction for an image, and its probability or half-width."""
        names = list(map(printable, self._document.classes))
        rules = self._document.rules_of_task
        if rules.task == "regression":
            numbers = zip(names, outputs, rules.half_widths, strict=True)
            values, widths = [], []
            for name, value, width in numbers:
                values.append(f"{name} {value:.4g}")
                widths.append("-" if width is None else f"{width:.3g}")
            return ", ".join(values), ", ".join(widths)
        if rules.task == "multi_label":
            pairs = zip(names, outputs, rules.thresholds, strict=True)
            given = [(name, value) for name, value, least in pairs if value >= least]
            shown = ", ".join(name for name, _ in given) or "(none)"
            return shown, ", ".join(f"{value:.3f}" for _, value in given)
        place = int(outputs.argmax())
        return names[place], f"{outputs[place]:.3f}"

    def _name(self, name: str, problem: str) -> None:
        self._unreadable += 1
        if self._unreadable <= MOST_UNREADABLE:
            notify(f"no prediction: {name}: {problem}")
        elif self._unreadable == MOST_UNREADABLE + 1:
            notify("and more without a prediction; their rows contain the reasons")
