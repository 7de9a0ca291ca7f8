"""Trains on one device and on several, and compares the weights."""

import keras
import numpy as np
import tensorflow as tf

from ..check import CheckSettings
from ..verdict import Verdict, pass_or_fail
from .comparison import difference, train
from .subjects import mixed_layers

# Limits of the distance between final weights, relative to their change in training.
TOLERANCES = {"float64": 1e-10, "float32": 1e-4, "mixed_float16": 5e-2}


def measure(settings: CheckSettings) -> Verdict:
    """Compares one replica with several at the precision of the check."""
    precision = settings.options["precision"]
    # TF32 products have ten bits, which would hide the differences.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    options = {"precision": precision}
    if precision == "float64":  # the Trainer has no such option; Keras has, globally
        keras.config.set_floatx(precision)
        keras.config.set_dtype_policy(precision)
        options = {}
    replicas = settings.layout.replicas
    expected = train(settings, 1, mixed_layers(), **options)
    received = train(settings, replicas, mixed_layers(), **options)
    found, limit = difference(received, expected), TOLERANCES[precision]
    losses = np.abs(np.subtract(received.losses, expected.losses))
    return pass_or_fail(
        found <= limit,
        f"weights differ by {found:.1e} of their change in training (at most {limit:.0e})",
        {
            "weights_differ_by": found,
            "tolerance": limit,
            "losses_differ_by": float(np.max(losses)),
            "replicas": replicas,
        },
    )
