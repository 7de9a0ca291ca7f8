"""`Model.fit` of Keras on JAX: a side of `step_overhead.py`.

Needs keras, jax[cpu] and numpy. Several replicas are CPU devices with `DataParallel`.

Usage: python benchmarks/step_overhead_jax.py STEPS EPOCHS REPLICAS STEPS_PER_EXECUTION
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
from step_overhead_model import BATCH_SIZE, EpochTimes, build, examples

steps, epochs, replicas, steps_per_execution = map(int, sys.argv[1:])
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", replicas)
if replicas > 1:
    devices = keras.distribution.list_devices()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
clock = EpochTimes(steps)
build(steps_per_execution).fit(
    *examples(steps),
    batch_size=BATCH_SIZE,
    epochs=epochs + 1,
    shuffle=False,
    verbose=0,
    callbacks=[clock],
)
print(json.dumps({"milliseconds": clock.milliseconds}))
