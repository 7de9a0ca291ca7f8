"""Losses as sums: what the parts of a batch add up to, compared with Keras on the whole."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiled_models import CASES, Case, compiled, labeled, weighted
from helpers import examples, replicas
from keraunos import Module
from keraunos.strategies import Replicas
from keraunos.trainer.step.batches import unpack
from keraunos.trainer.step.keras_internals import build_compiled
from keraunos.trainer.step.losses import (
    Kind,
    divide,
    forward,
    loss_names,
    num_rows,
    overrides_training_step,
)


def masked() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(11, 4, mask_zero=True),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(ignore_class=2))
    return model


def words(count: int) -> tuple[Any, ...]:
    random = np.random.default_rng(5)
    sentences = random.integers(0, 3, (count, 6)).astype("int32")
    return sentences, random.integers(0, 3, (count, 6)).astype("int32")


def dice(y_true: Any, y_pred: Any) -> Any:
    """That of Keras, which returns one value for the whole batch."""
    return keras.losses.Dice()(keras.ops.one_hot(y_true, 3, dtype=y_pred.dtype), y_pred)


def flat(y_true: Any, y_pred: Any) -> Any:
    """Three values for each row, flattened."""
    return keras.ops.reshape(keras.ops.square(y_pred), (-1,))


CHOSEN = {
    "a mask": Case(masked, words),
    "Dice": Case(lambda: compiled(dice), weighted),
    "flattened values of rows": Case(lambda: compiled(flat), labeled),
} | {
    name: CASES[name]
    for name in (
        "reduction sum",
        "reduction mean_with_sample_weight",
        "sample weights",
        "dict losses with weights",
        "L2",
        "add_loss",
        "a loss of the whole batch",
    )
}


class OwnStep(Module):
    """Squared errors of three outputs, in a custom step."""

    def training_step(self, model: Any, batch: Any, training: bool) -> dict[str, Any]:
        inputs, targets, _ = batch
        predictions = model(inputs, training=training)
        wanted = tf.one_hot(targets, 3, dtype=predictions.dtype)
        return {"loss": tf.square(predictions - wanted)}


def built(case: Case, elements: tuple[Any, ...]) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = case.build()
    specs = tf.nest.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), elements
    )
    build_compiled(model, unpack(specs))
    return model


def of_the_whole(case: Case, rows: int) -> float:
    """The total loss by Keras, on one device."""
    elements = case.elements(rows)
    model = built(case, elements)
    inputs, targets, weights = unpack(elements)
    return float(model.compute_loss(inputs, targets, model(inputs), weights))


def of_any_size(array: np.ndarray) -> tf.Tensor:
    """Like a part of a batch, whose number of rows is unknown while tracing."""
    return tf.compat.v1.placeholder_with_default(array, (None, *array.shape[1:]))


def of_parts(
    case: Case, rows: int, count: int, module: Module | None = None
) -> list[float]:
    """The total and each loss, of a batch that is split for that many replicas."""
    elements, all_of_them, strategy = case.elements(rows), Replicas(count), replicas(count)
    with strategy.scope():
        model = built(case, elements)
    kinds: list[Kind] = []

    def on_replica() -> Any:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        own = all_of_them.rows(int(tf.get_static_value(replica)), rows)
        batch = unpack(tf.nest.map_structure(lambda a: of_any_size(a[own]), elements))
        repeats = tf.constant(all_of_them.repeats(rows))
        terms = forward(model, module or Module(), batch, repeats, training=False).terms
        kinds[:] = [term.kind for term in terms]
        denominators = {term.kind.divisor: term.denominator for term in terms}
        return [term.numerator for term in terms], denominators

    @tf.function(autograph=False)
    def run() -> Any:
        local = strategy.experimental_local_results(strategy.run(on_replica))
        return tf.nest.map_structure(lambda *each: tf.add_n(each), *local)

    return [float(each) for each in divide(kinds, *run())]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "count"), [pytest.param(11, 2, marks=pytest.mark.nightly), (3, 4)]
)
@pytest.mark.parametrize("name", CHOSEN)
def test_losses_of_parts_add_up_to_the_keras_loss_of_the_whole_batch(
    name: str, rows: int, count: int, float64: None
) -> None:
    total, *_ = of_parts(CHOSEN[name], rows, count)
    assert total == pytest.approx(of_the_whole(CHOSEN[name], rows), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "count"), [(11, 1), (11, 4), (3, 4)])
def test_custom_training_step_loss_is_the_mean_of_all_its_values(
    rows: int, count: int, float64: None
) -> None:
    case = Case(lambda: compiled("mse", metrics=()), labeled)
    inputs, targets, _ = examples(rows)
    predictions = np.asarray(built(case, (inputs, targets))(inputs))
    expected = np.mean((predictions - np.eye(3)[targets]) ** 2)
    total, loss = of_parts(case, rows, count, OwnStep())
    assert total == loss == pytest.approx(expected, rel=1e-12)


def test_losses_with_one_denominator_share_a_divisor() -> None:
    elements = CASES["dict losses with weights"].elements(4)
    model = built(CASES["dict losses with weights"], elements)
    batch = unpack(elements)
    terms = forward(model, Module(), batch, tf.constant(1), training=False).terms
    assert [term.kind for term in terms] == [
        Kind("kind", "rows", 0.3),
        Kind("size", "rows", 2.0),
    ]
    assert [float(term.denominator) for term in terms] == [4.0, 4.0]


def test_forward_returns_the_predictions_of_the_model() -> None:
    case = Case(lambda: compiled("sparse_categorical_crossentropy"), weighted)
    elements = case.elements(5)
    model = built(case, elements)
    result = forward(model, Module(), unpack(elements), tf.constant(1), training=False)
    np.testing.assert_allclose(result.predictions, model(elements[0]))


def test_each_loss_has_its_own_divisor_and_weight_in_the_total() -> None:
    kinds = [Kind("a", "rows", 0.5), Kind("b", "weights of loss 1", 3.0)]
    numerators = [tf.constant(8.0), tf.constant(6.0)]
    denominators = {"rows": tf.constant(4.0), "weights of loss 1": tf.constant(12.0)}
    assert [float(v) for v in divide(kinds, numerators, denominators)] == [2.5, 2.0, 0.5]


def test_fully_masked_loss_is_zero_as_in_keras() -> None:
    total, value = divide(
        [Kind("a", "mask of loss 0")],
        [tf.constant(0.0)],
        {"mask of loss 0": tf.constant(0.0)},
    )
    assert (float(total), float(value)) == (0.0, 0.0)


def test_losses_are_named_as_in_model_fit() -> None:
    two = built(
        CASES["dict losses with weights"], CASES["dict losses with weights"].elements(2)
    )
    assert loss_names(two, Module()) == ["loss", "kind_loss", "size_loss"]
    assert loss_names(two, OwnStep()) == ["loss"]
    one = Case(lambda: compiled("mse"), labeled)
    assert loss_names(built(one, one.elements(2)), Module()) == ["loss"]


def test_only_a_custom_training_step_counts_as_an_override() -> None:
    assert overrides_training_step(OwnStep())
    assert not overrides_training_step(Module())


def test_rows_are_counted_in_any_structure() -> None:
    ragged = tf.ragged.constant([[1, 2], [3], [], [4]])
    assert float(num_rows({"words": ragged})) == 4.0
    assert float(num_rows([tf.zeros((7, 2)), tf.zeros((7,))])) == 7.0
