"""Model soups: averages the weights of several checkpoints of a run.

As in "Averaging Weights Leads to Wider Optima and Better Generalization", Izmailov,
Podoprikhin, Garipov, Vetrov and Wilson, 2018, and "Model Soups", Wortsman et al., 2022.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..configs.choices import SoupKind
from .variables import Arrays


@dataclass(frozen=True)
class SoupRecipe:
    """The settings of a soup.

    Attributes:
        kind: `"greedy"` or `"uniform"`.
        checkpoints: Names of the checkpoints, best first.
        monitor: The validation metric to compare by.
        mode: Whether small (`"min"`) or large (`"max"`) values are better.
    """

    kind: SoupKind
    checkpoints: list[str]
    monitor: str
    mode: str

    def is_as_good(self, value: float, than: float) -> bool:
        """Returns whether a value is at least as good as another; False for NaN."""
        return value <= than if self.mode == "min" else value >= than


@dataclass(frozen=True)
class Soup:
    """The outcome of a recipe.

    Attributes:
        kind: See `SoupRecipe`.
        monitor: See `SoupRecipe`.
        best_checkpoint: Name of the best checkpoint.
        best_score: Score of the best checkpoint.
        members: Names of the averaged checkpoints.
        score: Score of the average.
        tried: Scores of all averages tried, by the checkpoint added last.
    """

    kind: SoupKind
    monitor: str
    best_checkpoint: str
    best_score: float
    members: list[str]
    score: float
    tried: dict[str, float] = field(default_factory=dict)

    @property
    def is_exported(self) -> bool:
        """Whether several checkpoints are averaged, at least as good as the best one."""
        return len(self.members) > 1

    def describe(self) -> str:
        """Describes the outcome in one line."""
        single = f"{self.monitor}={self.best_score:.6g} of the best single checkpoint"
        if not self.is_exported:
            return f"soup: no average of checkpoints reaches {single}, which is kept"
        return (
            f"soup: the average of {len(self.members)} checkpoints has "
            f"{self.monitor}={self.score:.6g} and replaces {single}"
        )


def make_soup(
    recipe: SoupRecipe,
    read: Callable[[str], Arrays],
    score: Callable[[Arrays], float],
) -> tuple[Soup, Arrays]:
    """Averages checkpoints with the best one if the average is at least as good.

    A greedy soup adds one checkpoint after the other, best first, and leaves out those that
    make it worse. A uniform soup adds all or none.

    Args:
        recipe: Settings with at least one checkpoint.
        read: Reads the weights of a checkpoint.
        score: Computes the metric for weights.

    Returns:
        The outcome, and the weights: those of the best checkpoint if no average is as good.
    """
    first, *others = recipe.checkpoints
    total = _Sum.of(read(first))
    best = score(total.mean())
    soup = Soup(recipe.kind, recipe.monitor, first, best, [first], best)
    groups = [[name] for name in others] if recipe.kind == "greedy" else [others]
    for names in filter(None, groups):
        enlarged = total.plus(map(read, names))
        value = score(enlarged.mean())
        soup.tried[names[-1]] = value
        if recipe.is_as_good(value, soup.score):
            total = enlarged
            soup = replace(soup, members=[*soup.members, *names], score=value)
    return soup, total.mean()


@dataclass(frozen=True)
class _Sum:
    """Sums of weights in float64, so that their order hardly matters."""

    first: Arrays
    totals: dict[str, npt.NDArray[np.float64]]
    count: int = 1

    @classmethod
    def of(cls, weights: Arrays) -> "_Sum":
        kinds = {n: each for n, each in weights.items() if _is_floating(each)}
        return cls(weights, {n: each.astype(np.float64) for n, each in kinds.items()})

    def plus(self, weights: Iterable[Arrays]) -> "_Sum":
        totals, count = self.totals, self.count
        for each in weights:
            totals = {n: total + each[n] for n, total in totals.items()}
            count += 1
        return _Sum(self.first, totals, count)

    def mean(self) -> Arrays:
        """Returns the mean; integer weights, such as counts, are those of the first."""
        means = {
            name: (total / self.count).astype(self.first[name].dtype)
            for name, total in self.totals.items()
        }
        return self.first | means


def _is_floating(values: npt.NDArray[Any]) -> bool:
    return bool(np.issubdtype(values.dtype, np.floating))
