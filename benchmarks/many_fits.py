"""Compares the memory that remains of each fit in one process with that of Model.fit.

Both sides fit a new, tiny model to the same dataset again and again, each side in a process
of its own. After garbage collection and returning free memory to the system, the private
memory of the process is read. The first quarter of the fits is warm-up; a line through the
other readings gives MiB per fit.

Usage: python benchmarks/many_fits.py [--fits 60]
"""

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

READINGS = 12


def main() -> None:
    """Runs both sides, and prints a line for each and a line of JSON."""
    options = parse()
    if options.side:
        print(json.dumps(readings(options.side, options.fits)))
        return
    found = {side: measure(side, options.fits) for side in SIDES}
    growth = {side: mib_per_fit(values, options.fits) for side, values in found.items()}
    for side, value in growth.items():
        print(f"{side:10} {value:6.2f} MiB per fit")
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(json.dumps({"mib_per_fit": growth, "mib": found, "versions": versions}))


def parse() -> argparse.Namespace:
    """Parses the command line; `--side` is for the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fits", type=int, default=60)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(side: str, fits: int) -> list[float]:
    """Returns the readings of a new process in MiB."""
    command = [sys.executable, __file__, "--side", side, "--fits", str(fits)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    values: list[float] = json.loads(done.stdout.splitlines()[-1])
    return values


def mib_per_fit(values: list[float], fits: int) -> float:
    """Returns the slope of a line through the readings after the warm-up."""
    import numpy as np

    warm = values[len(values) // 4 :]
    slope = np.polyfit(range(len(warm)), warm, 1)[0]
    return float(slope) * len(values) / fits


def readings(side: str, fits: int) -> list[float]:
    """Fits again and again, and reads the memory `READINGS` times."""
    dataset, found = batches(), []
    for number in range(1, fits + 1):
        SIDES[side](dataset)
        if number % max(1, fits // READINGS) == 0:
            found.append(private_mib())
    return found


def private_mib() -> float:
    """Returns the private memory of this process, without what is free or garbage."""
    for _ in range(2):
        gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def batches() -> Any:
    """Returns three batches of distinct examples, the last of them ragged."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(0)
    features = random.normal(size=(11, 5)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((features, np.arange(11) % 3)).batch(4)


def model() -> Any:
    """Builds and compiles a new model."""
    import keras

    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, "swish"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3, "softmax"),
        ]
    )
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def with_keraunos(dataset: Any) -> None:
    """Fits with Keraunos and its default callbacks, but without a progress bar."""
    import keraunos as kr

    callbacks = {"progress_bar": None}
    trainer = kr.Trainer(strategy="single", max_epochs=1, callbacks=callbacks)
    trainer.fit(model, dataset, validation_data=dataset)


def with_model_fit(dataset: Any) -> None:
    """Fits with `Model.fit`."""
    model().fit(dataset, validation_data=dataset, verbose=0)


SIDES = {"keraunos": with_keraunos, "model.fit": with_model_fit}


if __name__ == "__main__":
    main()
