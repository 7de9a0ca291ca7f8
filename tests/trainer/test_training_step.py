"""A Module's own `training_step`: an autoencoder and a distillation."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import examples, largest_difference, replicas, weights_of
from keraunos import ConfigError, Module, Trainer
from keraunos.trainer.step.own_step import call_training_step


class Autoencoder(Module):
    """Learns to reconstruct its inputs; there are no targets."""

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
    """Learns from labels and from a teacher's predictions, in equal parts."""

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
        return {
            "loss": 0.5 * hard + 0.5 * soft,
            "predictions": predictions,
            "from_teacher": soft,
        }


def teacher() -> keras.Model:
    keras.utils.set_random_seed(7)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])


@pytest.mark.slow
@pytest.mark.feature("own step")
@pytest.mark.parametrize(
    "kind", ["autoencoder", pytest.param("distillation", marks=pytest.mark.slow)]
)
def test_custom_training_step_is_the_same_on_one_and_two_replicas(
    kind: str, float64: None
) -> None:
    x, y, _ = examples(21)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)

    def fitted(count: int) -> Any:
        module = Autoencoder() if kind == "autoencoder" else Distillation(teacher())
        trainer = Trainer(strategy=replicas(count), max_epochs=2, callbacks=[])
        return trainer.fit(module, dataset, validation_data=dataset)

    one, two = fitted(1), fitted(2)
    assert largest_difference(weights_of(one.model), weights_of(two.model)) < 1e-10
    own = ["accuracy", "from_teacher", "val_from_teacher"]
    shared = {"loss", "val_loss", *(own if kind == "distillation" else [])}
    assert shared <= set(one.history)
    for name in shared:
        np.testing.assert_allclose(two.history[name], one.history[name], rtol=1e-10)
    assert one.history["loss"][1] < one.history["loss"][0]


@pytest.mark.nightly
def test_distillation_losses_equal_their_definition(float64: None) -> None:
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
    assert result.history["from_teacher"][0] == pytest.approx(np.mean(soft), rel=1e-6)
    with pytest.raises(ConfigError, match=r"compiled with a loss.*module=\.\.\."):
        Trainer().validate(result.model, dataset)


VALUES, TARGETS = tf.zeros((4, 5)), tf.zeros((4,), tf.int32)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (VALUES, r'dict with the key "loss".*EagerTensor of shape \(4, 5\)'),
        ({"losses": VALUES}, r"the keys \['losses'\].*Write `return"),
        (None, "dict with the key"),
        ({"loss": tf.zeros(())}, r"each example.*name='loss'"),
        ({"loss": tf.zeros((1, 1))}, r"each example.*shape \(1, 1\)"),
        ({"loss": VALUES, "kl": tf.zeros(())}, r"each example.*name='kl'"),
        ({"loss": VALUES, "weight": 0.5}, r"each example.*name='weight', value='float'"),
    ],
)
def test_invalid_return_values_are_refused(returned: Any, words: str) -> None:
    class Returns(Autoencoder):
        def training_step(self, model: Any, batch: Any, training: bool) -> Any:
            return returned

    with pytest.raises(ConfigError, match=words):
        call_training_step(Returns(), Autoencoder().build(), (VALUES, None, None), True)


@pytest.mark.parametrize("targets", [None, TARGETS])
def test_compiled_metrics_without_targets_or_predictions_are_refused(targets: Any) -> None:
    class Silent(Distillation):
        def training_step(self, model: Any, batch: Any, training: bool) -> Any:
            result = super().training_step(model, (batch[0], TARGETS, None), training)
            return result if targets is None else {"loss": result["loss"]}

    module = Silent(teacher())
    with pytest.raises(ConfigError, match=r"metrics.*need targets.*\"predictions\""):
        call_training_step(module, module.build(), (VALUES, targets, None), True)


class Weighted(Module):
    """Uses the sample weights in one of several ways, or not."""

    def __init__(self, how: str) -> None:
        self.how = how

    def build(self) -> keras.Model:
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.SGD(0.1))
        return model

    def training_step(self, model: Any, batch: Any, training: bool) -> dict[str, Any]:
        inputs, labels, weights = batch
        loss = keras.losses.sparse_categorical_crossentropy(labels, model(inputs))
        if self.how == "multiplied":
            loss = loss * weights
        elif self.how == "selected":  # has no gradient with respect to the weights
            loss = tf.where(weights > 0.5, loss, 0.0)
        elif self.how == "in a function":
            loss = tf.function(lambda a, b: a * b)(loss, weights)
        elif self.how == "in training" and training:
            loss = tf.scan(lambda _, pair: pair[0] * pair[1], (loss, weights), 0.0)
        return {"loss": loss}


@pytest.mark.parametrize("how", ["multiplied", "selected", "in a function", "in training"])
def test_any_use_of_sample_weights_is_detected(how: str) -> None:
    module, (x, y, weights) = Weighted(how), examples(5)
    model = module.build()

    @tf.function(autograph=False)
    def step(*batch: Any) -> Any:
        return call_training_step(module, model, batch, training=True).loss

    assert step(x, y, weights.astype("float32")).shape == (5,)
    with pytest.raises(ConfigError, match="sample_weight='SymbolicTensor of shape"):
        module.how = "ignored"
        step(x[:4], y[:4], weights[:4].astype("float32"))
    module.uses_sample_weight = False
    assert step(x[:3], y[:3], weights[:3].astype("float32")).shape == (3,)


def test_a_fit_whose_loss_ignores_the_sample_weights_is_refused() -> None:
    """Validation, which may have no weights, is not checked."""
    dataset = tf.data.Dataset.from_tensor_slices(examples(5)[:2]).batch(2)
    trainer = Trainer(strategy=replicas(2), max_epochs=1, callbacks=[])
    with pytest.raises(ConfigError, match=r"must depend on .*Multiply the loss by batch"):
        trainer.fit(Weighted("ignored"), dataset, class_weight={1: 3.0})


@pytest.mark.nightly
def test_elements_without_targets_may_have_several_inputs(float64: None) -> None:
    """An element `((a, b),)` is x=(a, b), and no compiled loss needs targets then."""

    class Pair(Module):
        def build(self) -> keras.Model:
            inputs = [keras.Input((5,)), keras.Input((5,))]
            model = keras.Model(inputs, keras.layers.Dense(5)(inputs[0]) + inputs[1])
            model.compile(keras.optimizers.SGD(0.1), "mse")
            return model

        def training_step(self, model: Any, batch: Any, training: bool) -> Any:
            (first, second), targets, _ = batch
            assert targets is None
            return {"loss": keras.ops.square(model([first, second]))}

    first, second = examples(7)[0], examples(7, seed=1)[0]
    dataset = tf.data.Dataset.from_tensor_slices(((first, second),)).batch(4)
    one, two = (
        Trainer(strategy=replicas(count), max_epochs=1, callbacks=[]).fit(Pair(), dataset)
        for count in (1, 2)
    )
    assert largest_difference(weights_of(one.model), weights_of(two.model)) < 1e-10
    assert Trainer().predict(two.model, dataset).shape == (7, 5)
