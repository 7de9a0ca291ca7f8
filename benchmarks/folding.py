"""Measures how much folding of batch normalization accelerates a frozen network.

    python benchmarks/folding.py [--network ResNet50] [--sizes 96 224] [--rounds 5]

Random images run through a network of `keras.applications` and its folded copy, as when
Keraunos computes features; batches of 32, both traced, in turn. Reports medians of wall
and CPU milliseconds per image, for float32 and mixed_bfloat16; CPU time depends less on the
load of the machine. Only CPUs with bfloat16 instructions are faster with mixed_bfloat16.
"""

import argparse
import json
import time
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keraunos.models.folding import folded
from keraunos.models.inference import traced_forward

BATCH_SIZE = 32
POLICIES = ("float32", "mixed_bfloat16")


def main() -> None:
    """Measures all sizes and policies, and prints a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", default="ResNet50")
    parser.add_argument("--sizes", type=int, nargs="+", default=[96, 224])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("pixels  policy          copy    wall ms  CPU ms an image")
    results = []
    for size in options.sizes:
        for policy in POLICIES:
            for name, (wall, cpu) in measure(options, size, policy).items():
                print(f"{size:6}  {policy:14}  {name:6} {wall:8.1f} {cpu:7.1f}")
                of_case = {"size": size, "policy": policy, "copy": name}
                results.append(of_case | {"wall_ms": wall, "cpu_ms": cpu})
    print(json.dumps({"results": results, "options": vars(options)}))


def measure(
    options: argparse.Namespace, size: int, policy: str
) -> dict[str, tuple[float, float]]:
    """Returns milliseconds of wall and CPU time per image, of the network and its copy."""
    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(0)
    network = getattr(keras.applications, options.network)(
        include_top=False, weights=None, pooling="avg", input_shape=(size, size, 3)
    )
    copies = {"none": network, "folded": folded(network, tf.distribute.get_strategy())}
    random = np.random.default_rng(0)
    images = random.uniform(-100, 100, (BATCH_SIZE, size, size, 3)).astype("float32")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in copies}
    for turn in range(options.rounds + 1):
        for name, copy in copies.items():
            seconds = time_of(copy, images)
            if turn:  # the first traces
                times[name].append(seconds)
    return {
        name: (per_image(wall for wall, _ in each), per_image(cpu for _, cpu in each))
        for name, each in times.items()
    }


def time_of(model: keras.Model, images: Any) -> tuple[float, float]:
    """Returns wall and CPU seconds of one batch."""
    wall, cpu = time.perf_counter(), time.process_time()
    traced_forward(model)(images).numpy()
    return time.perf_counter() - wall, time.process_time() - cpu


def per_image(seconds: Any) -> float:
    """Returns the median in milliseconds per image."""
    return 1000 * median(seconds) / BATCH_SIZE


if __name__ == "__main__":
    main()
