"""Trains with and without XLA, dropout included, and compares the weights."""

import tensorflow as tf

from ..check import CheckSettings
from ..verdict import Verdict, pass_or_fail
from .comparison import difference, train
from .subjects import mixed_layers

TOLERANCE = 1e-4


def measure(settings: CheckSettings) -> Verdict:
    """Compares on one device, in float32."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    build = mixed_layers(dropout=0.5)
    expected, received = (
        train(settings, 1, build, jit_compile=is_on) for is_on in (False, True)
    )
    found = difference(received, expected)
    return pass_or_fail(
        found <= TOLERANCE,
        f"weights differ by {found:.1e} of their change in training (at most "
        f"{TOLERANCE:.0e})",
        {"weights_differ_by": found, "tolerance": TOLERANCE},
    )
