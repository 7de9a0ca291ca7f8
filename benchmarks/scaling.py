"""Measures the cost of a second worker, and the data that workers exchange.

One worker and two workers train the same model with the same global batches; reports
milliseconds per step over some epochs, excluding the first. Both workers run on this
machine, each with half of the threads: two can't be faster than one here, and the
difference is the cost of communication. On separate machines, the same data goes over a
network.

Bytes are counted in the graph: those of all tensors that a training step passes to
collective operations, for the tiny model and for ResNet50, frozen and fine-tuned.

Usage: python benchmarks/scaling.py [--steps 100] [--epochs 3] [--image-size 96]
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
import tensorflow as tf
from keraunos.cli.commands.launch import free_ports
from keraunos.core.cluster import TF_CONFIG, Cluster
from keraunos.core.processes import worker_environments
from keraunos.trainer.step import train as train_step
from step_overhead_model import EpochTimes

BATCH_SIZE = 32


def main() -> None:
    """Trains with one worker and with two, and prints a table and a line of JSON."""
    options = parse()
    results: dict[str, Any] = {}
    print("model                  1 worker  2 workers   ratio   bytes a step   collectives")
    for name in MODELS:
        one, two = (in_workers(count, name, options) for count in (1, 2))
        ratio = two["milliseconds"] / one["milliseconds"]
        print(
            f"{name:20} {one['milliseconds']:9.2f}  {two['milliseconds']:9.2f}  "
            f"{ratio:6.2f}  {two['bytes']:13,}  {two['collectives']:12}",
            flush=True,
        )
        results[name] = {"1": one, "2": two}
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(json.dumps({"models": results, "versions": versions, "options": vars(options)}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--image-size", type=int, default=96)
    return parser.parse_args()


def in_workers(count: int, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Trains in a number of workers; returns the measurements of the chief."""
    folder = tempfile.mkdtemp()  # no `with`: forked workers exit through here, too
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(count))
    pids = []
    for rank in range(count):
        pids.append(os.fork())
        if pids[-1] == 0:
            os.environ |= worker_environments(count, [])[rank]
            os.environ[TF_CONFIG] = Cluster(addresses, rank).tf_config()
            measured = train(name, options)
            Path(folder, str(rank)).write_text(json.dumps(measured))
            sys.exit()
    for pid in pids:
        os.waitpid(pid, 0)
    return dict(json.loads(Path(folder, "0").read_text()))


def train(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Trains, and returns milliseconds of a step, its CPU time and the exchanged data."""
    kr.init_workers("cpu")
    build, make_batches, steps = MODELS[name]
    steps = steps or options.steps
    exchanged = count_exchanges()
    clock = EpochTimes(steps)
    trainer = kr.Trainer(
        strategy="multi_worker",
        accelerator="cpu",
        max_epochs=options.epochs + 1,
        callbacks={"clock": clock, "progress_bar": None},
    )
    if not trainer.fit(lambda: build(options), make_batches(options, steps)).is_finished:
        raise KeyboardInterrupt  # an interrupt ends only the fit
    milliseconds, cpu = np.median(clock.milliseconds, axis=0).tolist()
    return {"milliseconds": milliseconds, "cpu_milliseconds": cpu, **exchanged}


def count_exchanges() -> dict[str, int]:
    """Counts collective operations and their bytes when a step is traced."""
    exchanged = {"bytes": 0, "collectives": 0}
    original = train_step.TrainStep._one_step

    def counted(self: Any, *arguments: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        outcome = original(self, *arguments)
        exchanged.update(bytes=0, collectives=0)
        for operation in graph.get_operations():
            if operation.type.startswith("CollectiveReduce"):
                tensor = operation.inputs[0]
                exchanged["bytes"] += size_of(tensor)
                exchanged["collectives"] += 1
        return outcome

    train_step.TrainStep._one_step = counted  # type: ignore[method-assign]
    return exchanged


def size_of(tensor: tf.Tensor) -> int:
    """Returns the bytes of a tensor, if necessary as the sum of its concatenated inputs."""
    if tensor.shape.num_elements() is not None:
        return int(tensor.shape.num_elements() * tensor.dtype.size)
    parts = [each for each in tensor.op.inputs if each.dtype == tensor.dtype]
    return sum(size_of(part) for part in parts)


def tiny(options: argparse.Namespace) -> keras.Model:
    """Builds a model with two small layers."""
    layers = keras.layers
    return compiled(
        keras.Sequential(
            [keras.Input((16,)), layers.Dense(32, "relu"), layers.Dense(4, "softmax")]
        )
    )


def resnet(trainable: bool) -> Callable[[argparse.Namespace], keras.Model]:
    """Returns a builder of ResNet50 with a head, frozen or trainable."""

    def build(options: argparse.Namespace) -> keras.Model:
        shape = (options.image_size, options.image_size, 3)
        backbone = keras.applications.ResNet50(
            include_top=False, weights=None, input_shape=shape, pooling="avg"
        )
        backbone.trainable = trainable
        inputs = keras.Input(shape)
        features = backbone(inputs, training=trainable)
        outputs = keras.layers.Dense(9, "softmax")(features)
        return compiled(keras.Model(inputs, outputs))

    return build


def compiled(model: keras.Model) -> keras.Model:
    """Compiles a model with a loss and a metric."""
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def numbers(options: argparse.Namespace, steps: int) -> tf.data.Dataset:
    """Returns batches for the tiny model."""
    return batches((16,), 4, steps)


def images(options: argparse.Namespace, steps: int) -> tf.data.Dataset:
    """Returns batches for ResNet50."""
    return batches((options.image_size, options.image_size, 3), 9, steps)


def batches(shape: tuple[int, ...], classes: int, steps: int) -> tf.data.Dataset:
    """Returns one batch repeatedly, so that reading takes no time."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(BATCH_SIZE, *shape)).astype("float32")
    labels = random.integers(0, classes, BATCH_SIZE).astype("int32")
    dataset = tf.data.Dataset.from_tensors((inputs, labels)).repeat(steps)
    return dataset.prefetch(2)


# Builder, batches, and steps per epoch; None for the number on the command line.
MODELS: dict[str, tuple[Any, Any, int | None]] = {
    "tiny": (tiny, numbers, None),
    "ResNet50, frozen": (resnet(False), images, 4),
    "ResNet50, fine-tuned": (resnet(True), images, 2),
}

if __name__ == "__main__":
    main()
