"""The first predictions of many, on the screen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Column, Table

from ..core.names import printable
from .console import notify, show_table

if TYPE_CHECKING:
    from ..prediction.predictor import Predicted

MOST_ROWS = 50
MOST_UNREADABLE = 20


class ShownPredictions:
    """Keeps the first predictions, and names the first files that have none.

    Args:
        classes: In the order of the columns of probabilities.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = classes
        self._rows: list[tuple[str, str, str]] = []
        self._unreadable = 0

    def add(self, predicted: "Predicted") -> None:
        """Takes what it has room for."""
        probabilities = predicted.answers.probabilities
        for read, problem, row in predicted.images:
            name = printable(read.image.name)
            if problem:
                self._name(name, problem)
            if len(self._rows) < MOST_ROWS:
                kind, probability = "-", ""
                if not problem:
                    place = int(probabilities[row].argmax())
                    kind = printable(self._classes[place])
                    probability = f"{probabilities[row, place]:.3f}"
                self._rows.append((name, kind, probability))

    def show(self, count: int) -> None:
        """Writes them as a table, and how many more there are.

        Args:
            count: Of all predictions that were made.
        """
        table = Table(Column("file", overflow="fold"), "class", "probability")
        for row in self._rows:
            table.add_row(*row)
        show_table(table)
        if count > len(self._rows):
            notify(f"and {count - len(self._rows):,} more")

    def _name(self, name: str, problem: str) -> None:
        self._unreadable += 1
        if self._unreadable <= MOST_UNREADABLE:
            notify(f"no prediction: {name}: {problem}")
        elif self._unreadable == MOST_UNREADABLE + 1:
            notify("and more without a prediction; the rows have the reasons")
