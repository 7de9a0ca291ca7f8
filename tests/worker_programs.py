"""What the workers of tests do; each function runs in every worker."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import engine
import keras
import keraunos as kr
import numpy as np
import tensorflow as tf
from compiled_models import CASES, Case
from helpers import examples
from keraunos.callbacks import Callback
from keraunos.strategies.factory import create_strategy

EPOCHS, STEPS = 3, 4


def batches_of_all_sizes(case: Case) -> tf.data.Dataset:
    """Batches of 8, 1, 7, 2, 6, 3, 5, 4 and 8 examples."""
    sizes = [8, 1, 7, 2, 6, 3, 5, 4, 8]
    flat = tf.data.Dataset.from_tensor_slices(case.elements(sum(sizes)))
    starts = np.cumsum([0, *sizes[:-1]])
    parts = [flat.skip(s).take(n).batch(n) for s, n in zip(starts, sizes, strict=True)]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.concatenate(part)
    return whole


def train_cases(folder: Path, *names: str) -> None:
    """Trains models without a Trainer, in float64, and keeps what came out."""
    workers = kr.init_workers()
    use_float64()
    strategy = create_strategy("multi_worker", "cpu")
    engine.replicas = lambda count: strategy
    for name in names:
        dataset = batches_of_all_sizes(CASES[name])
        trained = engine.Engine(CASES[name].build, dataset, workers.count)
        history, weights = trained.train(dataset)
        keep(folder / f"{name} {workers.rank}", weights, history=history)


def use_float64() -> None:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")


def keep(path: Path, arrays: list[Any], **values: Any) -> None:
    np.savez(path.with_name(path.name + ".npz"), *arrays)
    path.with_name(path.name + ".json").write_text(json.dumps(values))


def dataset(seed: int, count: int = 4 * STEPS - 3) -> tf.data.Dataset:
    """Batches of four, the last of one example."""
    return tf.data.Dataset.from_tensor_slices(examples(count, seed=seed)).batch(4)


def build() -> keras.Model:
    """A model with statistics, and metrics that are more than a mean."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, "tanh"),
            layers.BatchNormalization(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.03),
        "sparse_categorical_crossentropy",
        metrics=["accuracy", kr.BalancedAccuracy(3)],
    )
    return model


class Asks(Callback):
    """Asks for something on one worker alone, once."""

    def __init__(self, what: str, is_this: bool) -> None:
        self.what = what
        self.is_this = is_this

    def on_train_step_end(self, run: Any) -> None:
        if not self.is_this or run.step != STEPS + 2:
            return
        if self.what == "stop":
            run.request_stop("one worker has had enough")
        elif self.what == "save":
            run.request_save()
        elif self.what == "signal":
            os.kill(os.getpid(), signal.SIGTERM)


def fit(folder: Path, run: str, what: str = "nothing", asker: str = "0") -> int:
    """Trains into a run directory, and keeps weights, history and predictions."""
    workers = kr.init_workers()
    use_float64()
    asks = Asks(what, workers.rank == int(asker))
    trainer = kr.Trainer(
        strategy="multi_worker",
        accelerator="cpu",
        max_epochs=EPOCHS,
        run_dir=folder / run,
        callbacks={
            "asks": asks,
            "csv": keras.callbacks.CSVLogger(folder / f"{run} {workers.rank}.csv"),
        },
    )
    result = trainer.fit(build, dataset(0), validation_data=dataset(1, 7))
    validated = trainer.validate(result.model, dataset(2, 6))
    outputs = trainer.predict(result.model, dataset(3, 11))
    keep(
        folder / f"{run} {workers.rank}",
        [*engine.weights_of(result.model), outputs],
        history=engine.without_speed(result.history),
        validated=validated,
        stop_reason=result.stop_reason,
        best=str(result.best_checkpoint),
    )
    return 128 + result.signal if result.signal else 0
