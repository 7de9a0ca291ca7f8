"""`deterministic=True`, which stays on for a process and so needs one of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import SECONDS_AT_MOST

PROGRAM = """
import math
from helpers import classifier, examples, largest_difference, weights_of
import tensorflow as tf
import keraunos as kr

kr.set_cpu_devices(2)
dataset = tf.data.Dataset.from_tensor_slices(examples(13)[:2]).batch(4)

def fit():
    trainer = kr.Trainer(
        strategy="mirrored", accelerator="cpu", devices=2, deterministic=True, max_epochs=2
    )
    return trainer.fit(classifier(), dataset, validation_data=dataset)

first, second = fit(), fit()
assert largest_difference(weights_of(first.model), weights_of(second.model)) == 0
assert first.history["loss"] == second.history["loss"]
assert math.isnan(first.history["data_wait_seconds"][0])
print("repeated")
"""


@pytest.mark.feature("seeds and determinism")
@pytest.mark.nightly
def test_deterministic_run_repeats_bit_for_bit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
        check=False,
    )
    assert done.stdout.strip() == "repeated", done.stderr
