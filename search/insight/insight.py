"""What a search found out: a table, an image, and lines for the terminal."""

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
    """What the trials tell of the parameters.

    Attributes:
        study: The search.
        table: Its trials as numbers.
        importances: What each parameter matters.
    """

    study: Study
    table: Table
    importances: Importances

    def dependence(self, name: str) -> Dependence | None:
        """How the score depends on a parameter; None if nothing can be said."""
        if self.importances.reason:
            return None
        names = [parameter.name for parameter in self.table.parameters]
        return find_dependence(self.table, self._model, names.index(name))

    @cached_property
    def _model(self) -> Surrogate:
        return Surrogate(self.table.parameters).fit(self.table.rows, self.table.scores)


def find_insight(study: Study) -> Insight:
    """Looks what the trials of a search tell, over or not."""
    table = make_table(study)
    return Insight(study, table, find_importances(table))


def write_importance(directory: Path, insight: Insight) -> None:
    """Writes importance.csv: a row for each parameter, the most important first."""
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
    """Says what mattered, a line each."""
    found = insight.importances
    if found.reason:
        yield f"what mattered: can't be said, as {found.reason}"
        return
    part = f"{100 * (found.explained or 0.0):.0f} %"
    yield f"what mattered (a forest explains {part} of the variance of unseen scores):"
    for each in found.parameters[:ROWS]:
        yield f"  {each.parameter.name}: {_line(each, insight)}"
    if len(found.parameters) > ROWS:
        yield f"  {len(found.parameters) - ROWS} more are in {IMPORTANCE_FILE}"


def _line(each: Importance, insight: Insight) -> str:
    amount = f"{each.mean:.2f} ± {each.standard_error:.2f}"
    dependence = insight.dependence(each.parameter.name)
    if not each.is_clear or dependence is None:
        return f"{amount}, can't be told from nothing"
    best = label(dependence.best(insight.study))
    return f"{amount}, best {'with' if each.parameter.is_category else 'near'} {best}"
