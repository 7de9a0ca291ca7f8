"""Measures the overhead of the training loop per step, with a tiny model."""

import statistics

import keras
import numpy as np

from ..check import CheckSettings
from ..verdict import Verdict, pass_or_slow, spread
from .sides import BARE, FIT, OURS, Training
from .turns import time_in_turns

STEPS = 256
BATCH_SIZE = 32
MOST_OF_BARE_LOOP = 1.5


def measure(settings: CheckSettings) -> Verdict:
    """Compares milliseconds per step with a bare loop and `Model.fit`."""
    rows = BATCH_SIZE * settings.layout.replicas
    random = np.random.default_rng(0)
    inputs = random.normal(size=(rows, 16)).astype("float32")
    examples = inputs, random.integers(0, 4, rows).astype("int32")
    training = Training(settings, _build, examples, STEPS, settings.epochs + 1)
    times = time_in_turns(training.sides())
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    ratios = {name: medians[OURS] / medians[name] for name in (BARE, FIT)}
    figures = {
        **{f"{name}_step_milliseconds": 1000 * medians[name] / STEPS for name in medians},
        **{f"{name}_spread": spread(seconds) for name, seconds in times.items()},
        "of_bare_loop": ratios[BARE],
        "of_model_fit": ratios[FIT],
    }
    milliseconds = figures[f"{OURS}_step_milliseconds"]
    return pass_or_slow(
        ratios[BARE] <= MOST_OF_BARE_LOOP,
        f"{milliseconds:.2f} ms: {ratios[BARE]:.2f}x a bare loop (at most "
        f"{MOST_OF_BARE_LOOP:g}x), {ratios[FIT]:.2f}x Model.fit; spread "
        f"{spread(times[OURS]):.0%}",
        figures,
    )


def _build() -> keras.Model:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((16,)), layers.Dense(32, "relu"), layers.Dense(4, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
