"""Reports the importance of parameters as a table and as lines for the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...core.files import write_csv
from ...core.run_layout import IMPORTANCE_FILE
from ..study import Study
from .dependence import Dependence, find_dependence
from .importance import Importance, Importances, find_importances
from .surrogate import Surrogate
from .table import Table, label, make_table

ROWS = 10
FIELDS = ("parameter", "importance", "standard_error", "trials", "explained_variance")


@dataclass(frozen=True)
class Insight:
    """The influence of the parameters on the score.

    Attributes:
        study: The search.
        table: Its trials as numbers.
        importances: The importance of each parameter.
    """

    study: Study
    table: Table
    importances: Importances

    def dependence(self, name: str) -> Dependence | None:
        """Returns how the score depends on a parameter; None if it can't be estimated."""
        if self.importances.reason:
            return None
        names = [parameter.name for parameter in self.table.parameters]
        return find_dependence(self.table, self._model, names.index(name))

    @cached_property
    def _model(self) -> Surrogate:
        return Surrogate(self.table.parameters).fit(self.table.rows, self.table.scores)


def find_insight(study: Study) -> Insight:
    """Analyzes the trials of a search, finished or not."""
    table = make_table(study)
    return Insight(study, table, find_importances(table))


def write_importance(directory: Path, insight: Insight) -> None:
    """Writes importance.csv: a row per parameter, the most important first."""
    explained = insight.importances.explained
    rows = [
        [each.parameter.name, each.mean, each.standard_error, each.trials, explained]
        for each in insight.importances.parameters
    ]
    write_csv(
        directory / IMPORTANCE_FILE,
        FIELDS,
        [["" if cell is None else cell for cell in row] for row in rows],
    )


def describe(insight: Insight) -> Iterator[str]:
    """Yields lines on the most important parameters."""
    found = insight.importances
    if found.reason:
        yield f"importance: not estimated, because {found.reason}"
        return
    part = f"{100 * (found.explained or 0.0):.0f}%"
    yield f"importance (a forest explains {part} of the variance of held-out scores):"
    for each in found.parameters[:ROWS]:
        yield f"  {each.parameter.name}: {_line(each, insight)}"
    if len(found.parameters) > ROWS:
        yield f"  {len(found.parameters) - ROWS} more are in {IMPORTANCE_FILE}"


def _line(each: Importance, insight: Insight) -> str:
    amount = f"{each.mean:.2f} ± {each.standard_error:.2f}"
    dependence = insight.dependence(each.parameter.name)
    if not each.is_clear or dependence is None:
        return f"{amount}, not distinguishable from zero"
    best = label(dependence.best(insight.study))
    return f"{amount}, best {'with' if each.parameter.is_category else 'near'} {best}"
