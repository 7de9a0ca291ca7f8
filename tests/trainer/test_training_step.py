"""A Module's own `training_step`: an autoencoder and a distillation."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import examples, largest_difference, replicas, weights_of
from keraunos import ConfigError, Module, Trainer


class Autoencoder(Module):
    """Learns to give back its inputs; there are no targets."""

    def build(self) -> keras.Model:
        model = keras.Sequential(
            [keras.Input((5,)), keras.layers.Dense(2), keras.layers.Dense(5)]
        )
        model.compile(keras.optimizers.SGD(0.1))
        return model

    def training_step(self, model: Any, batch: Any, training: bool) -> dict[str, Any]:
        inputs, _, _ = batch
        restored = model(inputs, training=training)
        return {"loss": keras.ops.mean(keras.ops.square(restored - inputs), axis=-1)}


class Distillation(Module):
    """Learns from labels and from what a teacher says, in equal parts."""

    def __init__(self, teacher: keras.Model) -> None:
        self.teacher = teacher

    def build(self) -> keras.Model:
        model = keras.Sequential(
            [keras.Input((5,)), keras.layers.Dense(3, "softmax")], name="student"
        )
        model.compile(keras.optimizers.SGD(0.1), metrics=["accuracy"])
        return model

    def training_step(self, model: Any, batch: Any, training: bool) -> dict[str, Any]:
        inputs, labels, _ = batch
        predictions = model(inputs, training=training)
        taught = self.teacher(inputs, training=False)
        hard = keras.losses.sparse_categorical_crossentropy(labels, predictions)
        soft = keras.losses.kl_divergence(taught, predictions)
        return {"loss": 0.5 * hard + 0.5 * soft, "predictions": predictions}


def teacher() -> keras.Model:
    keras.utils.set_random_seed(7)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])


@pytest.mark.feature("own step")
@pytest.mark.parametrize("kind", ["autoencoder", "distillation"])
def test_it_gives_the_same_on_any_replicas(kind: str, float64: None) -> None:
    x, y, _ = examples(21)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)

    def fitted(count: int) -> Any:
        module = Autoencoder() if kind == "autoencoder" else Distillation(teacher())
        trainer = Trainer(strategy=replicas(count), max_epochs=2, callbacks=[])
        return trainer.fit(module, dataset, validation_data=dataset)

    one, four = fitted(1), fitted(4)
    assert largest_difference(weights_of(one.model), weights_of(four.model)) < 1e-10
    shared = {"loss", "val_loss", *(["accuracy"] if kind == "distillation" else [])}
    assert shared <= set(one.history)
    for name in shared:
        np.testing.assert_allclose(four.history[name], one.history[name], rtol=1e-10)
    assert one.history["loss"][1] < one.history["loss"][0]


def test_a_distillation_is_what_it_says(float64: None) -> None:
    x, y, _ = examples(8)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    module = Distillation(teacher())
    result = Trainer(strategy=replicas(2), max_epochs=1, callbacks=[], seed=1).fit(
        module, dataset
    )
    keras.utils.set_random_seed(1)
    start = np.asarray(module.build()(x))
    taught = np.asarray(module.teacher(x))
    hard = -np.log(start[np.arange(8), y])
    soft = np.sum(taught * np.log(taught / start), axis=1)
    assert result.history["loss"][0] == pytest.approx(np.mean(hard + soft) / 2, rel=1e-6)


def test_one_value_for_the_whole_batch_is_refused() -> None:
    class Scalar(Autoencoder):
        def training_step(self, model: Any, batch: Any, training: bool) -> Any:
            return {"loss": keras.ops.mean(model(batch[0], training=training))}

    dataset = tf.data.Dataset.from_tensor_slices(examples(5)[0]).batch(4)
    with pytest.raises(ConfigError, match="each example"):
        Trainer(strategy=replicas(1), max_epochs=1, callbacks=[]).fit(Scalar(), dataset)
