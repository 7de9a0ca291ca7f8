"""What a step of a tiny model costs: the loop's share of the time."""

import statistics

import keras
import numpy as np

from ..check import CheckSettings
from ..verdict import Verdict, fast_if, spread
from .sides import BARE, FIT, OURS, Training
from .turns import time_in_turns

STEPS = 256
BATCH_SIZE = 32
MOST_OF_BARE_LOOP = 1.5


def measure(settings: CheckSettings) -> Verdict:
    """Milliseconds a step with as many steps a call as we choose, against one a call."""
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
    return fast_if(
        ratios[BARE] <= MOST_OF_BARE_LOOP,
        f"{milliseconds:.2f} ms: {ratios[BARE]:.2f} of a bare loop (at most "
        f"{MOST_OF_BARE_LOOP:g}), {ratios[FIT]:.2f} of Model.fit; spread "
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
