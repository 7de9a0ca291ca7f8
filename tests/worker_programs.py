"""What the workers of tests do; each function runs in every worker."""

import dataclasses
import functools
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import engine
import keras
import keraunos as kr
import numpy as np
import tensorflow as tf
from batch_dependent import FOUND, RIGHT, Found, one_hot
from compiled_models import CASES, Case
from helpers import examples
from keraunos.callbacks import (
    BackboneFinetuning,
    Callback,
    LearningRateFinder,
    ModelCheckpoint,
)
from keraunos.models import FunctionModule
from keraunos.strategies.factory import create_strategy
from keraunos.trainer import fit as fitting
from keraunos.trainer.loop.interruption import Interruption
from keraunos.trainer.probe.replica_probe import check_replicas
from keraunos.trainer.setup.compiled_model import build_model
from keraunos.trainer.setup.datasets import as_source
from tensorflow.python.distribute.collective_all_reduce_strategy import (
    CollectiveAllReduceExtended,
)

EPOCHS, STEPS = 3, 4
AT_STEP = STEPS + 2
APART = "apart: "


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
    """Trains models without a Trainer, in float64, and keeps the result.

    Those whose names begin with `APART` train without synchronized BatchNorm.
    """
    workers = kr.init_workers()
    use_float64()
    strategy = create_strategy("multi_worker", "cpu")
    engine.replicas = lambda count: strategy
    for name in names:
        history, weights = train_case(name, workers.count)
        keep(folder / f"{name} {workers.rank}", weights, history=history)


def check_models(folder: Path, *names: str) -> None:
    """Runs a batch whole and split, and keeps the message about each model."""
    workers = kr.init_workers()
    strategy = create_strategy("multi_worker", "cpu")
    said = {name: check_model(strategy, name) for name in names}
    keep(folder / str(workers.rank), [], said=said)


def check_model(strategy: tf.distribute.Strategy, name: str) -> str:
    """The message about a model; empty if it passed."""
    module, _, data = FOUND.get(name) or Found(FunctionModule(RIGHT[name]), "", one_hot)
    source = as_source(tf.data.Dataset.from_tensor_slices(data()).batch(4), "data")
    model = build_model(module, strategy, source, sync_batch_norm=True)
    try:
        check_replicas(model, module, strategy, source)
    except kr.ConfigError as error:
        return str(error)
    return ""


def check_other_rows(folder: Path) -> None:
    """Trains on data that a worker scales differently from the chief."""
    workers = kr.init_workers()
    data = dataset(0).map(lambda x, *rest: (x / (1.0 + workers.rank), *rest))
    kr.Trainer(strategy="multi_worker", accelerator="cpu", callbacks=[]).fit(build, data)


def train_case(name: str, count: int) -> tuple[Any, Any]:
    """Trains one model, and returns its history and its weights."""
    case = CASES[name.removeprefix(APART)]
    dataset = batches_of_all_sizes(case)
    sync = not name.startswith(APART)
    return engine.Engine(case.build, dataset, count, sync_batch_norm=sync).train(dataset)


def on_two_devices(folder: Path, function: str, *arguments: Any) -> int | None:
    """Runs a function with two replicas per worker, as with two GPUs."""

    def two(self: Any, resolver: Any, worker_device: str) -> tuple[tuple[str, ...], str]:
        return tuple(f"{worker_device}/device:CPU:{n}" for n in range(2)), "CPU"

    # By default TensorFlow uses only one CPU of a worker.
    CollectiveAllReduceExtended._initialize_local_devices = two
    kr.set_cpu_devices(2)
    code: int | None = globals()[function](folder, *arguments)
    return code


def use_float64() -> None:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")


def keep(path: Path, arrays: list[Any], **values: Any) -> None:
    np.savez(path.with_name(path.name + ".npz"), *arrays)
    path.with_name(path.name + ".json").write_text(json.dumps(values))


def dataset(
    seed: int, count: int = 4 * STEPS - 3, bad: int | None = None
) -> tf.data.Dataset:
    """Batches of four, the last of one example; one example may be NaN."""
    inputs, *rest = examples(count, seed=seed)
    if bad is not None:
        inputs[bad] = np.nan
    return tf.data.Dataset.from_tensor_slices((inputs, *rest)).batch(4)


def build() -> keras.Model:
    """A model with moving statistics, and metrics that are more than a mean."""
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
    """Requests something, or causes it."""

    def __init__(self, what: str, mark: Path) -> None:
        self.what = what
        self.mark = mark
        self.is_late = False
        fitting.Interruption = functools.partial(Interruption, clock=self.clock)

    def clock(self) -> float:
        return time.monotonic() + 3600 * self.is_late

    def on_train_step_end(self, run: Any) -> None:
        match self.what, run.step - AT_STEP:
            case "late", 0:
                self.is_late = True
            case "save and stop", 0:
                run.request_save()
            case "save and stop", 1:
                run.request_stop("one worker has had enough")
            case "signal", 0:
                os.kill(os.getpid(), signal.SIGTERM)
            # An epoch later, when the first checkpoint is complete; in the first attempt.
            case "kill", 4 if not self.mark.exists():
                self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)


def fit(folder: Path, run: str, what: str = "nothing", asker: int = 0) -> None:
    """Trains into a run directory, and keeps weights, history and predictions.

    A signal ends the program within `Trainer.fit`.
    """
    workers = kr.init_workers()
    use_float64()
    what_here = what if workers.rank == asker else "nothing"
    trainer = kr.Trainer(
        strategy="multi_worker",
        accelerator="cpu",
        max_epochs=EPOCHS,
        max_time="00:00:30:00",
        run_dir=folder / run,
        callbacks={
            "asks": Asks(what_here, folder / "killed"),
            "csv": keras.callbacks.CSVLogger(folder / f"{run} {workers.rank}.csv"),
            "figures": None,
        },
    )
    # The fourth example of a batch is in the part of the last worker.
    training = dataset(0, bad=4 * STEPS - 6 if what == "nan" else None)
    result = trainer.fit(build, training, validation_data=dataset(1, 7))
    if result.stop_reason != f"max_epochs={EPOCHS} is reached":
        keep_result(folder / f"{run} {workers.rank}", result)
        return
    validated = trainer.validate(result.model, dataset(2, 6))
    outputs = trainer.predict(result.model, dataset(3, 11))
    keep_result(folder / f"{run} {workers.rank}", result, outputs, validated=validated)


def keep_result(path: Path, result: kr.FitResult, *arrays: Any, **values: Any) -> None:
    keep(
        path,
        [*engine.weights_of(result.model), *arrays],
        history=engine.without_speed(result.history),
        stop_reason=result.stop_reason,
        best=result.best_checkpoint and result.best_checkpoint.name,
        **values,
    )


def build_frozen() -> keras.Model:
    """A model with a frozen backbone, whose gradients are accumulated over batches."""
    layers = keras.layers
    backbone = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, "tanh"), layers.BatchNormalization()]
    )
    backbone.trainable = False
    model = keras.Sequential([keras.Input((5,)), backbone, layers.Dense(3, "softmax")])
    model.compile(
        keras.optimizers.SGD(0.5, global_clipnorm=0.5, gradient_accumulation_steps=3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def fit_a_head(folder: Path, image_folder: str) -> None:
    """Fits a head to features, and keeps its weights and its history."""
    workers = kr.init_workers()
    data = kr.ImageData.from_folder(image_folder, image_size=32, batch_size=7)
    keras.utils.set_random_seed(0)
    module = kr.TransferClassifier(
        3, image_size=32, backbone="MobileNetV3Small", weights=None, head="ridge"
    )
    trainer = kr.Trainer(strategy="multi_worker", accelerator="cpu", callbacks=[])
    result = trainer.fit(module, data)
    layer = result.model.get_layer("probabilities")
    history = engine.without_speed(result.history)
    keep(folder / f"head {workers.rank}", layer.get_weights(), history=history)


def average(folder: Path, run: str) -> None:
    """Trains with averages of weights, and ends with a mean of checkpoints."""
    workers = kr.init_workers()
    use_float64()

    def make() -> keras.Model:
        model = build_frozen()
        model.compile(
            keras.optimizers.SGD(5.0, use_ema=True, ema_momentum=0.3),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    trainer = kr.Trainer(
        strategy="multi_worker",
        accelerator="cpu",
        max_epochs=5,
        use_ema_weights=True,
        run_dir=folder / run,
        callbacks={
            "figures": None,
            "model_checkpoint": ModelCheckpoint(save_top_k=4, soup="greedy"),
        },
    )
    result = trainer.fit(make, dataset(0), validation_data=dataset(1, 7))
    assert result.soup is not None
    soup = dataclasses.asdict(result.soup)
    keep_result(folder / f"{run} {workers.rank}", result, soup=soup)


def finetune(folder: Path, run: str) -> None:
    """Finds a learning rate, trains the head and then all, and validates often."""
    workers = kr.init_workers()
    use_float64()
    finder = LearningRateFinder(1e-3, 1.0, num_steps=12)
    tuning = BackboneFinetuning(at_epoch=1, learning_rate=1.0, train_batch_norm=True)
    trainer = kr.Trainer(
        strategy="multi_worker",
        accelerator="cpu",
        max_epochs=EPOCHS,
        validate_every_n_steps=3,
        sanity_validation_batches=1,
        run_dir=folder / run,
        callbacks={"finder": finder, "tuning": tuning, "figures": None},
    )
    result = trainer.fit(build_frozen, dataset(0), validation_data=dataset(1, 7))
    found = {
        "rate": finder.suggestion,
        "losses": finder.losses,
        "rates": result.history["learning_rate"],
    }
    keep_result(folder / f"{run} {workers.rank}", result, found=found)
