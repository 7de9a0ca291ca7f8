"""Lets consecutive fits share a trace, which is most of what a small fit costs.

Each fit still has data, callbacks, loop, checkpoints and resumption of its own. What it
shares is a model, which starts from the same values each time, and the traced steps.
"""

import contextlib
from collections.abc import Callable, Hashable, Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from helpers import replicas
from keraunos.trainer import preparation
from keraunos.trainer.loop import stage
from keraunos.trainer.setup.compilation import should_compile


class _Shared:
    """A model and its steps, made by the first fit and handed to all others."""

    def __init__(self, count: int) -> None:
        self.strategy = replicas(count)
        self._model: keras.Model | None = None
        self._steps: dict[type, Any] = {}
        self._chosen: Any = None

    def model(self, *arguments: Any) -> keras.Model:
        """Stands in for `build_model`."""
        if self._model is None:
            self._model = _build_model(*arguments)
            metrics = [each for m in self._model.metrics for each in m.variables]
            optimizer = self._model.optimizer.variables
            self._variables = [*self._model.variables, *metrics, *optimizer]
            self._start = [np.array(each.numpy()) for each in self._variables]
        with self.strategy.scope():
            for variable, value in zip(self._variables, self._start, strict=True):
                variable.assign(value)
        return self._model

    def train_step(self, model: keras.Model, *arguments: Any) -> Any:
        """Stands in for `TrainStep`."""
        if _TrainStep not in self._steps:
            self._steps[_TrainStep] = _TrainStep(model, *arguments)
        step = self._steps[_TrainStep]
        trained = {id(each.value) for each in model.variables}
        for part in (step.totals, step.accumulator):
            for sums in tf.nest.flatten([*vars(part).values()] if part else []):
                if isinstance(sums, tf.Variable) and id(sums) not in trained:
                    sums.assign(tf.zeros_like(sums))
        return step

    def choose_pass(self, asked: Any, was_compiled: bool | None, setup: Any) -> Any:
        """Stands in for `choose_pass`."""
        if should_compile(asked, was_compiled, setup.strategy) and self._chosen:
            return self._chosen
        self._chosen = _choose_pass(asked, was_compiled, setup)
        return self._chosen

    def evaluation_step(self, *arguments: Any) -> Any:
        """Stands in for `EvaluationStep`."""
        if _EvaluationStep not in self._steps:
            self._steps[_EvaluationStep] = _EvaluationStep(*arguments)
        return self._steps[_EvaluationStep]


_build_model: Callable[..., keras.Model] = preparation.build_model
_choose_pass = stage.choose_pass
_TrainStep, _EvaluationStep = stage.TrainStep, stage.EvaluationStep
_known: dict[Hashable, _Shared] = {}


@contextlib.contextmanager
def one_trace(count: int, *key: Hashable) -> Iterator[tf.distribute.Strategy]:
    """Within it, fits train the model of the first one with the same key.

    Args:
        count: Number of replicas.
        key: Everything else that the model and its trace depend on.

    Yields:
        The strategy to train with.
    """
    shared = _known.setdefault((count, *key), _Shared(count))
    with (
        mock.patch.object(preparation, "build_model", shared.model),
        mock.patch.multiple(
            stage,
            TrainStep=shared.train_step,
            EvaluationStep=shared.evaluation_step,
            choose_pass=shared.choose_pass,
        ),
    ):
        yield shared.strategy
