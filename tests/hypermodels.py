"""Small hypermodels with data, and a program that searches over them in a process."""

import csv
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import keras
import keraunos as kr
import tensorflow as tf
from helpers import Dataset, examples
from keraunos.core.signals import stop_signals
from keraunos.search.cluster import worker as cluster_worker
from keraunos.search.cluster.role import find_role
from keraunos.search.cluster.worker import Worker
from keraunos.search.trials import TrialPlan

SETTINGS = {"seed": 3}  # of a search whose worker only reads


def build(hp: Any) -> keras.Model:
    """Three parameters of different kinds."""
    units = hp.Int("units", 2, 9)
    activation = hp.Choice("activation", ["tanh", "relu"])
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    layers = [
        keras.Input((5,)),
        keras.layers.Dense(units, activation),
        keras.layers.Dense(3, "softmax"),
    ]
    return compiled(keras.Sequential(layers), rate)


def build_with_a_rate(hp: Any) -> keras.Model:
    """One parameter, whose first three values Bayesian search draws at random."""
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    layers = [keras.Input((5,)), keras.layers.Dense(3, "softmax")]
    return compiled(keras.Sequential(layers), rate)


def build_growing(hp: Any) -> keras.Model:
    """Asks for the width of a second layer only if there is one."""
    layers = [keras.Input((5,)), keras.layers.Dense(hp.Int("first", 2, 4))]
    if hp.Boolean("deep"):
        layers.append(keras.layers.Dense(hp.Int("second", 5, 7)))
    layers.append(keras.layers.Dense(3, "softmax"))
    return compiled(keras.Sequential(layers), 0.05)


def build_broken(hp: Any) -> keras.Model:
    """Fails or diverges, depending on the choice `how`."""
    how = hp.Choice("how", ["well", "fails", "diverges"])
    if how == "fails":
        raise LookupError("a mistake\nin two lines")
    layers = [keras.Input((5,)), keras.layers.Dense(3, "softmax")]
    return compiled(keras.Sequential(layers), float("inf") if how == "diverges" else 0.1)


def build_deadly(hp: Any) -> keras.Model:
    """Kills its process in every other trial."""
    if hp.Boolean("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    return compiled(keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]), 0.1)


def compiled(model: keras.Model, learning_rate: float) -> keras.Model:
    optimizer = keras.optimizers.SGD(learning_rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(epoch: int, start_batch: int) -> Dataset:
    """Four batches, the last one smaller."""
    data = tf.data.Dataset.from_tensor_slices(examples(15, seed=epoch)).batch(4)
    return data.skip(start_batch)


def validation(epoch: int, start_batch: int) -> Dataset:
    """Two batches, the same in every epoch."""
    return tf.data.Dataset.from_tensor_slices(examples(7, seed=99)).batch(4)


class KillsOnce(kr.callbacks.Callback):
    """Kills the process of the second trial in its second epoch, the first time."""

    def on_epoch_end(self, run: Any):
        marker = run.run_dir.with_suffix(".killed")
        is_due = run.run_dir.name == "trial-001" and run.epoch == 2
        if is_due and not marker.exists():
            marker.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)


class Waits(kr.callbacks.Callback):
    """Makes the second trial wait in its second epoch until it is asked to stop."""

    def on_epoch_end(self, run: Any):
        if run.run_dir.name == "trial-001" and run.epoch == 2:
            with stop_signals() as stop:
                run.run_dir.with_suffix(".waits").touch()
                while stop.received is None:
                    time.sleep(0.02)


class WaitsForFiles(kr.callbacks.Callback):
    """Records the process of a trial; the first two wait until a file exists."""

    def on_epoch_end(self, run: Any):
        if run.epoch == 2:
            with run.run_dir.with_suffix(".ran").open("a") as file:
                file.write(f"{os.getpid()}\n")
            while run.run_dir.name < "trial-002" and not self.continues(run.run_dir):
                time.sleep(0.02)

    @staticmethod
    def continues(run_dir: Path) -> bool:
        return run_dir.with_suffix(".go").exists()


def search(folder: Path, **settings: Any) -> kr.Search:
    """A search in a folder that takes seconds."""
    trainer = {"max_epochs": 3, "devices": 1} | settings.pop("trainer", {})
    build_it = settings.pop("build", build)
    common = {"objective": "val_loss", "tuner": "random", "max_trials": 4}
    return kr.Search(build_it, run_dir=folder, trainer=trainer, **common | settings)


def run(folder: Path, **settings: Any) -> kr.SearchResult:
    """Runs it to its end."""
    return search(folder, **settings).run(train, validation_data=validation)


def program(folder: Path, settings: dict[str, Any]) -> int:
    """Runs it as a process does; returns the exit code."""
    cluster_worker.SECONDS_BETWEEN_BEATS = 0.5
    settings = dict(settings)
    patience = settings.pop("seconds_without_chief", 60.0)
    cluster_worker.SECONDS_WITHOUT_CHIEF = patience
    try:
        found = run(folder, **settings)
    except kr.KeraunosError as error:
        print(error)
        return error.exit_code
    return 0 if found.signal is None else 128 + found.signal


def worker_that_reads() -> int:
    """A worker that waits before its first fit, as if it were reading images."""

    def read(plan: TrialPlan) -> Path:
        print("reads", flush=True)
        time.sleep(600)
        return plan.directory

    role = find_role()
    assert role is not None
    return 128 + (Worker(role, read, "val_loss", SETTINGS, Path.cwd()).run() or 0)


def rows(folder: Path) -> list[dict[str, str]]:
    """The content of results.csv, except for times."""
    with open(folder / "results.csv", newline="") as file:
        read = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read]


def ended_trials(folder: Path) -> int:
    """The number of trials that a search has recorded as ended."""
    journal = folder / "search.json"
    events = json.loads(journal.read_text())["events"] if journal.exists() else []
    return sum(event["event"] == "end" for event in events)
