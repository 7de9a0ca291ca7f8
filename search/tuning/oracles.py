"""Keras Tuner's oracles by name, as functions of the seed and of what they were told.

They write no files: those of Keras Tuner are not atomic, and lack what grid and Bayesian
search need to continue. A search that continues tells a new oracle again what the old one
was told (`Study`).
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

COLLISIONS = 20  # of values that are drawn with those tried, for each combination
MOST_POINTS = 1000  # of a space in which all are sought


class Oracle:
    """What the oracles have in common here.

    Attributes:
        recorded: The values of the next trial, if it is one of before.
    """

    recorded: dict[str, Any] | None = None
    _seed_state: int
    _max_collisions: int

    def next_trial(self, name: str) -> keras_tuner.HyperParameters | None:
        """The hyperparameters of a new trial, with plain Python values.

        None if there is none now, which leaves the oracle as if it had not been asked.
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
        """Values that were not tried; None if there are none.

        Keras Tuner gives up after so many draws whatever the size of the space is, and
        so may miss what is left of a small one.
        """
        points = number_of_points(self.hyperparameters)  # type: ignore[attr-defined]
        if points is not None and has_tried_all(self):
            return None
        self._max_collisions = COLLISIONS * min(points or 1, MOST_POINTS)
        values: dict[str, Any] | None = super()._random_values()  # type: ignore[misc]
        return values

    def save(self) -> None:
        """Writes nothing."""

    def _save_trial(self, trial: Any) -> None:
        """Writes nothing."""


class RandomOracle(Oracle, oracles.RandomSearchOracle):
    """Draws values again for each trial."""


class GridOracle(Oracle, oracles.GridSearchOracle):
    """Tries all combinations; ten values of a range without a step.

    Keras Tuner takes the next combination from a trial that has ended, in case that it
    brought parameters that were not known. Here it is taken from one that has begun as
    well, so that several run at a time, as long as no such parameter is known of.
    """

    _populate_next: list[str]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The values of the next trial."""
        self._populate_next = [each for each in self._populate_next if self._knows(each)]
        answer = dict(super().populate_space(trial_id))
        if answer["status"] == "RUNNING":
            self._populate_next.append(trial_id)
        return answer

    def _knows(self, trial_id: str) -> bool:
        """Whether a trial has a value of every parameter that there is for it."""
        space = self.get_space()
        space.values = dict(self.trials[trial_id].hyperparameters.values)
        asked_for = [each.name for each in space.space if space.is_active(each)]
        return all(name in space.values for name in asked_for)


class HyperbandOracle(Oracle, oracles.HyperbandOracle):
    """Begins many short trials, and continues with the best of them."""

    _brackets: list[dict[str, Any]]
    _current_bracket: int
    _current_iteration: int

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The values of the next trial; to be asked in vain changes nothing.

        A search that continues does not repeat that, as it is noted nowhere.
        """
        before = self._current_iteration, self._current_bracket, list(self._brackets)
        answer = dict(super().populate_space(trial_id))
        if answer["status"] != "RUNNING":
            self._current_iteration, self._current_bracket, self._brackets = before
        return answer


class BayesianOracle(Oracle, oracles.BayesianOptimizationOracle):
    """Models the score by a Gaussian process, and tries where it may be best.

    Values that were tried are never tried again: of a small space the process proposes
    the best it knows over and over.

    Random numbers are a function of seed and trial here, so that a trial of before can be
    told again without the seconds that it takes to think.
    """

    def _make_gpr(self) -> QuickGaussianProcess:
        return QuickGaussianProcess(**super()._make_gpr().get_params(deep=False))

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The values of the next trial."""
        number = int(trial_id)
        self._seed_state = self.seed + 1000 * number
        self._random_state = np.random.RandomState([self.seed, number])
        if self.recorded is not None:
            return {"status": "RUNNING", "values": dict(self.recorded)}
        with warnings.catch_warnings():  # the process's fit is at a bound, say
            warnings.simplefilter("ignore")
            answer = dict(super().populate_space(trial_id))
        values = self._within_bounds(answer.get("values") or {})
        return self._not_tried(answer | {"values": values})

    def _not_tried(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Draws values where the process proposes some that were tried."""
        if answer["status"] != "RUNNING" or not self._duplicate(answer["values"]):
            return answer
        values = self._random_values()
        status = "STOPPED" if values is None else "RUNNING"
        return {"status": status, "values": values}

    def _within_bounds(self, values: dict[str, Any]) -> dict[str, Any]:
        """Keras Tuner takes the upper end of an integer range to be one more."""
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
        search: The settings of the search.
        objective: With its direction.
        space: What varies; conditional parameters may be added by trials.
        seed: Any from 0 on.
        max_epochs: Of the longest trials of hyperband.
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
    """Never 0, which Keras Tuner takes for none; far from that of the next seed."""
    return 1 + seed * 1_000_003 % 2**31


def number_of_trials(oracle: Any) -> int:
    """How many trials there will be at most."""
    if not isinstance(oracle, HyperbandOracle):
        points = number_of_points(oracle.hyperparameters)
        return min(int(oracle.max_trials), points or sys.maxsize)
    return sum(
        oracle._get_size(bracket, round_number)
        for bracket in range(oracle._get_num_brackets())
        for round_number in range(bracket + 1)
    )


def may_be_continued(oracle: Any) -> set[int]:
    """Numbers of trials whose weights another trial of hyperband may need."""
    if not isinstance(oracle, HyperbandOracle):
        return set()
    return {
        int(info["id"])
        for bracket in oracle._brackets
        for infos in bracket["rounds"]
        for info in infos
    }


def is_score(value: float | None) -> bool:
    """Whether a trial can be compared by it."""
    return value is not None and math.isfinite(value)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Python's own numbers in place of NumPy's."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in values.items()
    }
