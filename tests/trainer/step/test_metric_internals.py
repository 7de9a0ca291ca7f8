"""A test for each function that relies on how Keras keeps metrics, named after it."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiled_models import (
    built_classifier,
    built_with_dict_losses,
    one_hot,
    with_metrics_of_every_kind,
)
from helpers import on_each_replica, replicas
from keraunos.trainer.step.keras_internals import build_compiled
from keraunos.trainer.step.metric_internals import (
    compiled_metrics,
    has_compiled_metrics,
    held_metrics,
    metric_results,
    metric_variables,
    name_counts,
    renumber_metrics,
    reset_metrics,
    update_metrics,
)


@pytest.fixture(params=[1, 2])
def strategy(request: pytest.FixtureRequest) -> tf.distribute.Strategy:
    return replicas(request.param)


def built_with_metrics_of_every_kind() -> keras.Model:
    model = with_metrics_of_every_kind()
    inputs, targets = (tf.TensorSpec((None, *each.shape[1:])) for each in one_hot(1))
    build_compiled(model, (inputs, targets, None))
    return model


def predictions_of(classes: list[int]) -> Any:
    return np.eye(3, dtype="float32")[classes]


def test_update_metrics(strategy: tf.distribute.Strategy) -> None:
    with strategy.scope():
        model = built_classifier()

    def update() -> None:
        predictions = predictions_of([0, 1, 2])
        update_metrics(model, np.array([0, 1, 1], "int32"), predictions, None)

    on_each_replica(strategy, update)
    sums = [float(each.numpy()) for each in metric_variables(model)]
    assert sums == [2 * strategy.num_replicas_in_sync, 3 * strategy.num_replicas_in_sync]


def test_metric_results() -> None:
    model = built_with_dict_losses()
    predictions = {"kind": predictions_of([0, 1]), "size": np.zeros((2, 2), "float32")}
    targets = {"kind": np.array([0, 2], "int32"), "size": np.ones((2, 2), "float32")}
    update_metrics(model, targets, predictions, None)
    results = {name: float(value) for name, value, _ in metric_results(model)}
    assert results == {"kind_accuracy": 0.5, "size_mae": 1.0}


def test_reset_metrics() -> None:
    model = built_classifier()
    update_metrics(model, np.array([1], "int32"), predictions_of([1]), None)
    assert float(metric_results(model)[0].value) == 1.0
    reset_metrics(model)
    assert [float(each.numpy()) for each in metric_variables(model)] == [0.0, 0.0]


def test_metric_variables() -> None:
    assert len(metric_variables(built_with_dict_losses())) == 4
    without = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    without.compile("sgd", "mse")
    assert metric_variables(without) == []
    assert metric_results(without) == []


def test_has_compiled_metrics() -> None:
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    assert not has_compiled_metrics(model)
    model.compile("sgd", "mse", metrics=[], weighted_metrics={"a": [None]})
    assert not has_compiled_metrics(model)
    model.compile("sgd", "mse", metrics=["mae"])
    assert has_compiled_metrics(model)


def test_compiled_metrics() -> None:
    names = [each.name for each in compiled_metrics(built_with_dict_losses())]
    assert names == ["accuracy", "mae"]


def test_held_metrics() -> None:
    names = [each.name for each in held_metrics(built_with_metrics_of_every_kind())]
    assert names == ["seen", "deep"]  # of two layers; no tracker of a loss among them
    assert held_metrics(built_with_dict_losses()) == []


def test_metric_results_include_thresholds_and_variable_values() -> None:
    model = built_with_metrics_of_every_kind()
    results = {each.name: each for each in metric_results(model)}
    assert results["recall"].thresholds == [0.3, 0.7]
    assert not isinstance(results["largest"].value, keras.Variable)
    states = [np.full(each.shape, 3.0) for each in metric_variables(model)]
    given = {name: value for name, value, _ in metric_results(model, states)}
    assert float(given["largest"]) == 3.0


def test_name_counts() -> None:
    before = name_counts()
    keras.metrics.AUC()
    assert name_counts()["auc"] == before.get("auc", 0) + 1
    assert "auc" not in before or name_counts() is not before


def test_renumber_metrics() -> None:
    """The second model of a process names its metrics like the first."""
    for _ in range(2):
        counts = name_counts()
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, "sigmoid")])
        metrics = [keras.metrics.AUC(name=name) for name in (None, None, "auc_77")]
        model.compile("sgd", "binary_crossentropy", metrics=metrics)
        build_compiled(model, (tf.TensorSpec((None, 5)), tf.TensorSpec((None, 1)), None))
        renumber_metrics(model, counts)
        names = [each.name for each in metric_results(model)]
        assert names == ["auc", "auc_1", "auc_77"]
