"""Draws the progress panel of a fit for terminals of any size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..core.names import printable
from ..core.sparkline import sparkline

WIDE = 72  # columns; from this width on, speed and remaining time are next to the bar
MOST_METRICS = 6
WIDEST_CURVE = 32
_NARROWEST_CURVE = 5
_NUMBER = 9  # width of a value in columns
_GAPS = 5  # total width of the gaps in the table


@dataclass(frozen=True)
class MetricRow:
    """The training and validation values of a metric.

    Attributes:
        name: Name of the metric without `val_`.
        training: The newest value, or None.
        training_curve: The values of finished epochs.
        validation: The newest value, or None.
        validation_curve: The values of finished epochs.
    """

    name: str
    training: float | None = None
    training_curve: Sequence[float] = ()
    validation: float | None = None
    validation_curve: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """The content of the panel, which Rich renders within the size of the console.

    Attributes:
        title: The position, such as `"epoch 3/10"`.
        done: Number of finished steps of the epoch.
        total: Number of steps of the epoch, or None if unknown.
        activity: The speed, or the current activity if it is not training.
        time_left: The remaining time as text; empty if unknown.
        metrics: Rows of metrics, the most important first.
        remark: A line below the metrics, such as the best value so far.
    """

    title: str
    done: int
    total: int | None = None
    activity: str = ""
    time_left: str = ""
    metrics: Sequence[MetricRow] = field(default=())
    remark: str = ""

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Renders at most one line less than the terminal has."""
        width, lines = options.max_width, console.height - 1
        head = list(self._head(width))
        yield from head[:lines]
        rows = min(len(self.metrics), MOST_METRICS, lines - len(head) - 2)
        if rows > 0:
            yield self._table(width, rows, has_curves=not options.ascii_only)
            yield _line(self.remark, "dim")

    def _head(self, width: int) -> Iterator[RenderableType]:
        beside = [each for each in (self.activity, self.time_left) if each]
        if width >= WIDE:
            yield self._bar([f" {each}" for each in beside])
            return
        yield self._bar([])
        yield _line(", ".join(beside))

    def _bar(self, beside: Sequence[str]) -> Table:
        steps = f"{self.done}/{'?' if self.total is None else self.total}"
        bar: RenderableType = Text("")
        if self.total is not None:
            bar = ProgressBar(total=self.total, completed=self.done)
        grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        for _ in (steps, *beside):
            grid.add_column(no_wrap=True, justify="right")
        grid.add_row(_text(self.title, "bold"), bar, *map(_text, (steps, *beside)))
        return grid

    def _table(self, width: int, rows: int, has_curves: bool) -> Table:
        shown = self.metrics[:rows]
        names = min(max(len(printable(row.name)) for row in shown), width // 3)
        free = width - names - 2 * _NUMBER - _GAPS if has_curves else 0
        has_both = free >= 2 * _NARROWEST_CURVE
        curve = min(free // 2 if has_both else max(free, 0), WIDEST_CURVE)
        grid = Table.grid(padding=(0, 1, 0, 0))
        for columns in (names, _NUMBER, curve if has_both else 0, _NUMBER, curve):
            grid.add_column(no_wrap=True, width=columns, overflow="ellipsis")
        grid.add_row(*(_text(head, "dim") for head in ("", "train", "", "val")))
        for row in shown:
            training = _text(sparkline(row.training_curve, curve), "cyan")
            validation = _text(sparkline(row.validation_curve, curve), "magenta")
            grid.add_row(
                _text(row.name),
                _number(row.training),
                training if has_both else "",
                _number(row.validation),
                validation if has_both or validation else training,
            )
        return grid


def _number(value: float | None) -> Text:
    text = "" if value is None else f"{value:.4g}"
    return Text(text if len(text) <= _NUMBER else f"{value:.2e}")


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style)


def _line(text: str, style: str = "") -> Text:
    return Text(printable(text), style, no_wrap=True, overflow="ellipsis", end="\n")
