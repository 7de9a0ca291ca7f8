"""No memory, graph, thread or open file is left behind by epochs, fits and trials.

TensorFlow keeps some memory of each function it has traced, 0.02 to 0.2 MiB for one of 300
operations, so that about 0.4 MiB of a fit remain. Before the traces of a fit were freed, it
was 2.1 MiB. `Model.fit` leaves 8 MiB (`benchmarks/many_fits.py`).
"""

import contextlib
import ctypes
import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from weakref import WeakSet

import keras
import keraunos as kr
import numpy as np
import pytest
import tensorflow as tf
from helpers import classifier, examples, make_images, replicas
from keraunos.callbacks.memory import memory_gib
from small_backbone import Small
from tensorflow.python.framework.func_graph import FuncGraph

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]

EPOCHS, FITS, TRIALS = 200, 100, 500
READINGS = 10  # the first three are warm-up
MIB_PER_FIT, MIB_PER_TRIAL = 0.6, 0.2
MIB_PER_EPOCH = 0.05
QUIET = {"progress_bar": None}


class Held(NamedTuple):
    """What the process holds at one moment."""

    mib: float
    graphs: int
    threads: int
    files: int


def open_files() -> Iterator[str]:
    """Their names; Matplotlib keeps the last 64 fonts that a thread used open."""
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            yield os.readlink(link)


class Meter:
    """Takes readings, and counts graphs however they are hidden from the collector."""

    def __init__(self) -> None:
        self.graphs: WeakSet[FuncGraph] = WeakSet()
        self.readings: list[Held] = []

    def read(self) -> None:
        """Takes a reading after garbage and free memory are released."""
        for _ in range(2):
            gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        files = len([name for name in open_files() if not name.endswith(".ttf")])
        mib = 1024 * memory_gib()["process"]
        held = Held(mib, len(self.graphs), threading.active_count(), files)
        self.readings.append(held)

    def require_no_growth(self, items: int, mib_per_item: float) -> None:
        """Fails if anything grows with the items, apart from the first ones."""
        warm = self.readings[3:]
        assert len(warm) >= 5
        growth = np.polyfit(np.arange(len(warm)), [each.mib for each in warm], 1)[0]
        assert growth * READINGS / items < mib_per_item, self.readings
        for name in ("graphs", "threads", "files"):
            counts = [getattr(each, name) for each in warm]
            assert counts[-1] <= max(counts[:2]) + 2, (name, self.readings)


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    made, make = Meter(), FuncGraph.__init__

    def noted(self, *arguments, **named):
        make(self, *arguments, **named)
        made.graphs.add(self)

    monkeypatch.setattr(FuncGraph, "__init__", noted)
    return made


@pytest.fixture(scope="module")
def batches() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(examples(11)).batch(4)


def with_custom_gradients() -> keras.Model:
    """Swish has one, and so have the sums of BatchNorm over replicas."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, "swish"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_epochs_leak_no_resources(meter, batches, tmp_path):
    class Reads(kr.callbacks.Callback):
        def on_epoch_end(self, run):
            if run.epoch % (EPOCHS // READINGS) == 0:
                meter.read()

    trainer = kr.Trainer(
        max_epochs=EPOCHS, run_dir=tmp_path / "run", callbacks=QUIET | {"reads": Reads()}
    )
    trainer.fit(classifier(), batches, validation_data=batches)
    meter.require_no_growth(EPOCHS, MIB_PER_EPOCH)


def test_fits_leak_no_resources(meter, batches, tmp_path):
    """Alternates fits of a dataset on two replicas and of images with cached features."""
    folder = make_images(tmp_path / "images", {"cat": 9, "dog": 7, "emu": 6}, size=32)

    def fit_dataset(run_dir: Path) -> None:
        trainer = kr.Trainer(
            strategy=replicas(2), max_epochs=1, run_dir=run_dir, callbacks=QUIET
        )
        result = trainer.fit(with_custom_gradients, batches, validation_data=batches)
        assert result.is_finished
        trainer.validate(result.model, batches)
        trainer.predict(result.model, batches)

    def fit_images(run_dir: Path) -> None:
        data = kr.ImageData.from_folder(
            folder,
            image_size=32,
            batch_size=7,
            augmentation=kr.Augmentation(views=1),
            cache_dir=tmp_path / "cache",
        )
        trainer = kr.Trainer(max_epochs=1, run_dir=run_dir, callbacks=QUIET)
        trainer.fit(Small(), data)

    for number in range(FITS):
        fit = fit_images if number % 2 else fit_dataset
        fit(tmp_path / f"run-{number}")
        if (number + 1) % (FITS // READINGS) == 0:
            meter.read()
    meter.require_no_growth(FITS, MIB_PER_FIT)


def test_trials_leak_no_resources(meter, batches, tmp_path):
    def build(hp):
        rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        return classifier(lambda: keras.optimizers.SGD(rate))()

    lines = []

    def notify(line: str) -> None:
        lines.append(line)
        if len(lines) % (TRIALS // READINGS) == 0:
            meter.read()

    search = kr.Search(
        build,
        run_dir=tmp_path / "search",
        max_trials=TRIALS,
        tuner="random",
        trainer={"max_epochs": 1},
    )
    result = search.run(batches, validation_data=batches, notify=notify)
    assert len(result.trials) == TRIALS  # a signal ends a search without an error
    meter.require_no_growth(TRIALS, MIB_PER_TRIAL)
