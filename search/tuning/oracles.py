"""Keras Tuner's oracles, deterministic for a seed and the outcomes of trials.

They write no files: Keras Tuner does not write them atomically, and they lack state that
grid and Bayesian search need to continue. To continue a search, `Study` replays all
outcomes to a new oracle.
"""

import math
import sys
import warnings
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner import oracles
from keras_tuner.engine import hyperparameters as kinds

from ...callbacks.monitor import Monitor
from ...configs import SearchConfig
from ...core.names import choose
from .gaussian_process import QuickGaussianProcess
from .points import has_tried_all, number_of_points

COLLISIONS = 20  # maximum draws per combination to find an untried one
MAX_POINTS = 1000  # combinations that count for this maximum


class Oracle:
    """Base class of the oracles.

    Attributes:
        recorded: Values of the next trial if it is replayed, otherwise None.
    """

    recorded: dict[str, Any] | None = None
    _seed_state: int
    _max_collisions: int

    def next_trial(self, name: str) -> keras_tuner.HyperParameters | None:
        """Returns the hyperparameters of a new trial, with plain Python values.

        Returns None, and keeps the oracle's state, if there is no trial now.
        """
        before = self._seed_state
        created = self.create_trial(name)  # type: ignore[attr-defined]
        if created.status != "RUNNING":
            self._seed_state = before
            return None
        found: keras_tuner.HyperParameters = created.hyperparameters
        found.values = _plain(found.values)
        return found

    def _random_values(self) -> dict[str, Any] | None:
        """Draws untried values; None if there are none.

        Keras Tuner gives up after a fixed number of draws, whatever the size of the space,
        and may miss the remaining values of a small one.
        """
        points = number_of_points(self.hyperparameters)  # type: ignore[attr-defined]
        if points is not None and has_tried_all(self):
            return None
        self._max_collisions = COLLISIONS * min(points or 1, MAX_POINTS)
        values: dict[str, Any] | None = super()._random_values()  # type: ignore[misc]
        return values

    def save(self) -> None:
        """Does nothing."""

    def _save_trial(self, trial: Any) -> None:
        """Does nothing."""


class RandomOracle(Oracle, oracles.RandomSearchOracle):
    """Draws random values for each trial."""


class GridOracle(Oracle, oracles.GridSearchOracle):
    """Tries all combinations, with ten values for a range without a step.

    Keras Tuner derives the next combination from a trial that has ended, in case it added
    parameters. Here, it may also be derived from a running trial that has values for all
    known parameters, so that several trials can run at a time.
    """

    _populate_next: list[str]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the values of the next trial."""
        self._populate_next = [
            each for each in self._populate_next if self._has_all_values(each)
        ]
        answer = dict(super().populate_space(trial_id))
        if answer["status"] == "RUNNING":
            self._populate_next.append(trial_id)
        return answer

    def _has_all_values(self, trial_id: str) -> bool:
        """Returns whether a trial has a value for each of its active parameters."""
        space = self.get_space()
        space.values = dict(self.trials[trial_id].hyperparameters.values)
        active = [each.name for each in space.space if space.is_active(each)]
        return all(name in space.values for name in active)


class HyperbandOracle(Oracle, oracles.HyperbandOracle):
    """Starts many short trials and continues the best of them."""

    _brackets: list[dict[str, Any]]
    _current_bracket: int
    _current_iteration: int

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the values of the next trial; keeps the state if there is none.

        Requests without a trial are not in the journal, and are therefore not replayed.
        """
        before = self._current_iteration, self._current_bracket, list(self._brackets)
        answer = dict(super().populate_space(trial_id))
        if answer["status"] != "RUNNING":
            self._current_iteration, self._current_bracket, self._brackets = before
        return answer


class BayesianOracle(Oracle, oracles.BayesianOptimizationOracle):
    """Models the score by a Gaussian process and proposes the most promising values.

    Values are never tried twice, whereas in a small space the process would propose the
    best ones repeatedly.

    Random numbers depend only on seed and trial, so that recorded trials can be replayed
    without repeating the computation, which takes seconds.
    """

    def _make_gpr(self) -> QuickGaussianProcess:
        return QuickGaussianProcess(**super()._make_gpr().get_params(deep=False))

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the values of the next trial."""
        number = int(trial_id)
        self._seed_state = self.seed + 1000 * number
        self._random_state = np.random.RandomState([self.seed, number])
        if self.recorded is not None:
            return {"status": "RUNNING", "values": dict(self.recorded)}
        with warnings.catch_warnings():  # such as a kernel parameter at its bound
            warnings.simplefilter("ignore")
            answer = dict(super().populate_space(trial_id))
        values = self._within_bounds(answer.get("values") or {})
        return self._not_tried(answer | {"values": values})

    def _not_tried(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Draws values if those proposed by the process were already tried."""
        if answer["status"] != "RUNNING" or not self._duplicate(answer["values"]):
            return answer
        values = self._random_values()
        status = "STOPPED" if values is None else "RUNNING"
        return {"status": status, "values": values}

    def _within_bounds(self, values: dict[str, Any]) -> dict[str, Any]:
        """Clips integers, for whose ranges Keras Tuner uses an upper bound of one more."""
        upper = {
            each.name: each.max_value
            for each in self.get_space().space
            if isinstance(each, kinds.Int)
        }
        return {name: min(each, upper.get(name, each)) for name, each in values.items()}


ORACLES = {
    "bayesian": BayesianOracle,
    "grid": GridOracle,
    "hyperband": HyperbandOracle,
    "random": RandomOracle,
}


def create_oracle(
    search: SearchConfig,
    objective: Monitor,
    space: keras_tuner.HyperParameters,
    seed: int,
    max_epochs: int,
) -> Any:
    """Creates the requested oracle.

    Args:
        search: Settings of the search.
        objective: The metric that is the score, with its direction.
        space: The search space; trials may add conditional parameters.
        seed: A seed of at least 0.
        max_epochs: Number of epochs of the longest trials of hyperband.

    Raises:
        ConfigError: There is no such oracle.
    """
    limit: dict[str, Any] = {"max_trials": search.max_trials}
    if search.tuner == "hyperband":
        limit = {"max_epochs": max_epochs, "factor": search.hyperband_factor}
    oracle: Any = choose("search.tuner", search.tuner, ORACLES)(
        objective=keras_tuner.Objective(objective.name, objective.mode),
        hyperparameters=space,
        seed=_own_seed(seed),
        max_consecutive_failed_trials=sys.maxsize,
        **limit,
    )
    oracle.verbose = 0
    return oracle


def _own_seed(seed: int) -> int:
    """Maps seeds to ones that are far apart and never 0, which Keras Tuner ignores."""
    return 1 + seed * 1_000_003 % 2**31


def number_of_trials(oracle: Any) -> int:
    """Returns the maximum number of trials."""
    if not isinstance(oracle, HyperbandOracle):
        points = number_of_points(oracle.hyperparameters)
        return min(int(oracle.max_trials), points or sys.maxsize)
    return sum(
        oracle._get_size(bracket, round_number)
        for bracket in range(oracle._get_num_brackets())
        for round_number in range(bracket + 1)
    )


def may_be_continued(oracle: Any) -> set[int]:
    """Returns the numbers of trials whose weights another hyperband trial may need."""
    if not isinstance(oracle, HyperbandOracle):
        return set()
    return {
        int(info["id"])
        for bracket in oracle._brackets
        for infos in bracket["rounds"]
        for info in infos
    }


def is_score(value: float | None) -> bool:
    """Returns whether a value is a finite score."""
    return value is not None and math.isfinite(value)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Converts NumPy's numbers to Python's."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in values.items()
    }
