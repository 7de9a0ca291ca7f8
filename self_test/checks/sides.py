"""The same training with Keraunos, a bare `strategy.run` loop, and `Model.fit`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from ...strategies import create_strategy
from ..check import CheckSettings
from .subjects import trainer_for
from .turns import EpochClock, Side

OURS, BARE, FIT = "keraunos", "bare_loop", "model_fit"


@dataclass(frozen=True)
class Training:
    """The training that all sides run, on all devices of a check.

    Attributes:
        settings: Settings of the check.
        build: Returns a compiled model.
        examples: Inputs and labels of one global batch.
        steps: Steps per epoch.
        epochs: Number of epochs, including the first, which traces.
        precision: Keras dtype policy.
        options: Further options of the Keraunos Trainer.
    """

    settings: CheckSettings
    build: Callable[[], keras.Model]
    examples: tuple[Any, Any]
    steps: int
    epochs: int
    precision: str = "float32"
    options: Mapping[str, Any] = field(default_factory=dict)

    def sides(self) -> dict[str, Side]:
        """Returns all three by name, for `time_in_turns`."""
        return {OURS: self.with_keraunos, BARE: self.in_a_bare_loop, FIT: self.with_fit}

    def with_keraunos(self, clock: EpochClock) -> None:
        """Trains with the Trainer of Keraunos."""
        replicas = self.settings.layout.replicas
        callbacks = {"clock": clock}
        options = {"precision": self.precision, **self.options}
        trainer = trainer_for(
            self.settings, replicas, callbacks, max_epochs=self.epochs, **options
        )
        trainer.fit(self.build, self.batches())

    def with_fit(self, clock: EpochClock) -> None:
        """Trains with `Model.fit`, under a strategy if there are several replicas."""
        keras.config.set_dtype_policy(self.precision)
        if self.settings.layout.replicas == 1:
            model = self.build()
        else:
            with self._strategy().scope():
                model = self.build()
        options = {"epochs": self.epochs, "verbose": 0, "shuffle": False}
        model.fit(self.batches(), callbacks=[clock], **options)

    def in_a_bare_loop(self, clock: EpochClock) -> None:
        """Trains with a minimal loop: no metrics and no checks."""
        keras.config.set_dtype_policy(self.precision)
        strategy = self._strategy()
        with strategy.scope():
            model = self.build()
            model.optimizer.build(model.trainable_variables)
        step = self._bare_step(strategy, model)
        batches = self.batches()
        if strategy.num_replicas_in_sync > 1:
            batches = strategy.experimental_distribute_dataset(batches)
        for epoch in range(self.epochs):
            clock.on_epoch_begin(epoch)
            iterator = iter(batches)
            for _ in range(self.steps):
                loss = step(iterator)
            float(loss)  # waits for the device
            clock.on_epoch_end(epoch)

    def _bare_step(self, strategy: tf.distribute.Strategy, model: keras.Model) -> Any:
        rows = len(self.examples[0])
        crossentropy = keras.losses.SparseCategoricalCrossentropy(reduction=None)

        def on_replica(batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            inputs, labels = batch
            with tf.GradientTape() as tape:
                outputs = model(inputs, training=True)
                loss = tf.reduce_sum(crossentropy(labels, outputs)) / rows
                scaled = model.optimizer.scale_loss(loss)
            variables = [variable.value for variable in model.trainable_variables]
            gradients = tape.gradient(scaled, variables)
            model.optimizer.apply(gradients, model.trainable_variables)
            return loss

        @tf.function
        def step(iterator: Any) -> tf.Tensor:
            losses = strategy.run(on_replica, args=(next(iterator),))
            return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

        return step

    def batches(self) -> tf.data.Dataset:
        """Repeats one batch, so that reading data does not count as part of a step."""
        dataset = tf.data.Dataset.from_tensors(self.examples).repeat(self.steps)
        return dataset.prefetch(tf.data.AUTOTUNE)

    def _strategy(self) -> tf.distribute.Strategy:
        replicas = self.settings.layout.replicas
        name = "mirrored" if replicas > 1 else "single"
        return create_strategy(name, self.settings.layout.accelerator, replicas)
