import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos import Trainer
from keraunos.trainer.step.gradient_norm import gradient_norm

ROWS, BATCH, EPOCHS = 13, 5, 2  # the last batch is ragged
RATE = 0.1


def fit(optimizer, count=1):
    """The gradient norm of each epoch, trained on that many replicas."""
    inputs, labels, _ = examples(ROWS)
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(BATCH)
    trainer = Trainer(
        strategy=replicas(count), max_epochs=EPOCHS, callbacks={"progress_bar": None}
    )
    return trainer.fit(classifier(optimizer), dataset).history["gradient_norm"]


def norms_by_hand(batches, clip_at=np.inf):
    """The same from a loop written out, over batches that are split at these rows."""
    keras.utils.set_random_seed(0)
    inputs, labels, _ = examples(ROWS)
    model = classifier()()
    variables = [variable.value for variable in model.trainable_variables]
    epochs = []
    for _ in range(EPOCHS):
        norms = []
        for rows in np.split(np.arange(ROWS), batches):
            with tf.GradientTape() as tape:
                loss = keras.losses.SparseCategoricalCrossentropy()
                value = loss(labels[rows], model(inputs[rows]))
            gradients = tape.gradient(value, variables)
            norms.append(np.sqrt(sum(np.sum(each.numpy() ** 2) for each in gradients)))
            for variable, gradient in zip(variables, gradients, strict=True):
                variable.assign_sub(RATE * gradient * min(1, clip_at / norms[-1]))
        epochs.append(np.mean(norms))
    return epochs


@pytest.mark.feature("gradient norm")
@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_gradient_norm_is_of_the_whole_batch_before_clipping(count):
    norms = fit(lambda: keras.optimizers.SGD(RATE, global_clipnorm=0.05), count)
    assert norms == pytest.approx(norms_by_hand([5, 10], clip_at=0.05), rel=1e-5)
    assert min(norms) > 0.1


@pytest.mark.parametrize("zeros", [0, 10**5])  # few or many elements
@pytest.mark.parametrize("wrong", [np.inf, np.nan])
def test_huge_gradients_do_not_overflow_the_norm(wrong, zeros):
    huge = tf.concat([[3e30, 4e30], tf.zeros(zeros)], 0)
    half, not_finite = tf.constant([6e4], tf.float16), tf.constant([0.0, wrong])
    assert float(gradient_norm([huge, None, half])) == pytest.approx(5e30)
    assert not np.isfinite(float(gradient_norm([huge, half, not_finite])))


@pytest.mark.slow
def test_accumulated_gradients_are_measured_when_applied():
    norms = fit(lambda: keras.optimizers.SGD(RATE, gradient_accumulation_steps=2), 2)
    assert norms == pytest.approx(norms_by_hand([10]), rel=1e-5)


@pytest.mark.slow
def test_loss_scale_does_not_affect_gradient_norm():
    def scaled():
        return keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(RATE), 1024.0)

    assert fit(scaled) == pytest.approx(norms_by_hand([5, 10]), rel=1e-5)


@pytest.mark.slow
def test_repeated_embedding_rows_are_summed_before_the_norm():
    slices = tf.IndexedSlices(
        tf.constant([[1.0, 0.0], [0.0, 2.0], [2.0, 0.0]]), tf.constant([4, 1, 4]), (6, 2)
    )
    assert float(gradient_norm([slices, None, tf.constant([6.0])])) == 7.0
    assert float(gradient_norm([None])) == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gradient_norm_is_finite_only_if_all_gradients_are(bad):
    dense = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    slices = tf.IndexedSlices(tf.constant([[bad], [1.0]]), tf.constant([2, 2]), (5, 1))
    assert np.isfinite(gradient_norm([dense, tf.zeros((2, 0))]))
    assert not np.isfinite(gradient_norm([dense, tf.constant([0.0, bad])]))
    assert not np.isfinite(gradient_norm([dense, slices]))


def test_half_precision_gradients_are_squared_in_float32():
    halves = tf.constant([3000.0, 4000.0], tf.float16)
    assert float(gradient_norm([halves, tf.zeros(2, tf.float64)])) == 5000.0
