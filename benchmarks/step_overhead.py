"""Measures the overhead per step of Keraunos, `Model.fit` and a handwritten loop.

Trains a tiny model on one and two replicas (virtual CPU devices that share the cores), with
one and sixteen steps per call. All sides train the same model on the same batches and
update the same metrics; on one replica, the others use no strategy, on two the same
`MirroredStrategy`. They take turns in one process; the first epoch of each turn, which
traces, is not counted. An epoch is measured from its first hook to its last, so that work
once per epoch (iterators, metrics) is included. Reports medians over all epochs of all
rounds, in milliseconds of wall-clock and CPU time; on a busy machine, only the latter are
meaningful. The value is nan if a side fails: `Model.fit` does not support several steps per
call on several replicas.

The handwritten loop is that of TensorFlow's guide: `strategy.run` in a `tf.function`, which
applies the optimizer on each replica. It is not exact for replicas with parts of different
size, measures neither gradients nor waiting, and applies updates that are not finite.

`step_overhead.json` contains the CPU time of Keraunos as a multiple of that of the
handwritten loop at the last release; a nightly test fails if one has more than doubled.
`--record FILE` writes such a file.

`--peer jax` adds `Model.fit` of Keras on JAX: `step_overhead_jax.py`, a process per turn.
`--peer-python` needs keras, jax[cpu] and numpy.

To compare two checkouts, install each in its own environment, and run one with
`--against OTHER/bin/python`: processes of both take turns.

Usage: python benchmarks/step_overhead.py [--steps 400] [--epochs 3] [--rounds 3]
           [--replicas 1 2] [--calls 1 16] [--sides keraunos model.fit by_hand]
           [--peer jax --peer-python PYTHON | --against PYTHON] [--record FILE]
"""

import argparse
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
import tensorflow as tf
from step_overhead_model import BATCH_SIZE, EpochTimes, Milliseconds, build, examples

FAILED = [Milliseconds(float("nan"), float("nan"))]
Case = tuple[int, int]  # replicas, steps a call


def main() -> None:
    """Runs all cases, all sides in turn, and prints a table and a line of JSON."""
    options = parse()
    if options.against:
        measured = against(options)
    else:
        kr.set_cpu_devices(2)
        turns = {side: SIDES[side] for side in options.sides}
        if options.peer:
            turns[options.peer] = PEERS[options.peer]
        measured = take_turns(turns, options)
    show(measured)
    if options.record:
        options.record.write_text(json.dumps(multiples(measured), indent=2) + "\n")
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    results = [
        {"replicas": case[0], "steps_per_call": case[1], "side": side, **each._asdict()}
        for case, sides in measured.items()
        for side, each in sides.items()
    ]
    print(
        json.dumps(
            {"milliseconds": results, "options": vars(options), "versions": versions},
            default=str,
        )
    )


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=400, help="in an epoch")
    parser.add_argument("--epochs", type=int, default=3, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2], choices=[1, 2])
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=SIDES)
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--peer", choices=PEERS)
    others.add_argument("--against", metavar="PYTHON", help="Python with another version")
    parser.add_argument("--peer-python", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--record", metavar="FILE", type=Path)
    options = parser.parse_args()
    if any(options.steps % calls for calls in options.calls):
        parser.error("--steps must be a multiple of each of --calls: else Model.fit fails")
    return options


Turn = Callable[[Case, argparse.Namespace], list[Milliseconds]]
Measured = dict[Case, dict[str, Milliseconds]]


def take_turns(sides: dict[str, Turn], options: argparse.Namespace) -> Measured:
    """Runs the sides in turn; returns medians over all epochs, by case and side."""
    measured: Measured = {}
    for case in [(n, calls) for n in options.replicas for calls in options.calls]:
        epochs: dict[str, list[Milliseconds]] = {side: [] for side in sides}
        for _ in range(options.rounds):
            for side, turn in sides.items():
                epochs[side] += turn(case, options)
        measured[case] = {
            side: Milliseconds(*np.median(each, axis=0).tolist())
            for side, each in epochs.items()
        }
    return measured


def show(measured: Measured) -> None:
    """Prints milliseconds per step, and their ratio to the first side."""
    print(
        f"{'replicas':>8} {'steps a call':>12}  {'side':<12} {'ms a step':>9} "
        f"{'CPU ms':>7} {'first / this: clock':>20} {'CPU':>6}"
    )
    for (replicas, calls), sides in measured.items():
        first = next(iter(sides.values()))
        for side, each in sides.items():
            clock, cpu = first.clock / each.clock, first.cpu / each.cpu
            print(
                f"{replicas:8} {calls:12}  {side:<12} {each.clock:9.3f} {each.cpu:7.3f} "
                f"{clock:20.2f} {cpu:6.2f}"
            )


def multiples(measured: Measured) -> dict[str, float]:
    """Returns the CPU time of Keraunos as a multiple of that of the handwritten loop."""
    return {
        f"{replicas} x {calls}": round(sides["keraunos"].cpu / sides["by_hand"].cpu, 2)
        for (replicas, calls), sides in measured.items()
    }


def against(options: argparse.Namespace) -> Measured:
    """Measures Keraunos with this and another interpreter, in processes that take turns."""

    def turn(python: str, case: Case, options: argparse.Namespace) -> list[Milliseconds]:
        numbers = [f"--steps={options.steps}", f"--epochs={options.epochs}", "--rounds=1"]
        of_case = [f"--replicas={case[0]}", f"--calls={case[1]}", "--sides=keraunos"]
        result = last_line(python, __file__, *numbers, *of_case)
        (milliseconds,) = result["milliseconds"]
        return [Milliseconds(milliseconds["clock"], milliseconds["cpu"])]

    pythons = {"this one": sys.executable, "the other": options.against}
    return take_turns({n: functools.partial(turn, p) for n, p in pythons.items()}, options)


def last_line(python: str, script: str | Path, *arguments: Any) -> dict[str, Any]:
    """Runs a script with another interpreter; returns the JSON of its last line."""
    command = [python, os.path.abspath(script), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@functools.cache
def mirrored(replicas: int) -> tf.distribute.Strategy:
    """Returns one strategy for all sides: collectives of two would interfere."""
    return tf.distribute.MirroredStrategy([f"/cpu:{n}" for n in range(replicas)])


def strategy_of(replicas: int) -> tf.distribute.Strategy:
    """Returns the strategy of the other sides: none on one replica, which is fastest."""
    return mirrored(replicas) if replicas > 1 else tf.distribute.get_strategy()


def batches(options: argparse.Namespace) -> tf.data.Dataset:
    """Returns full batches in memory."""
    dataset = tf.data.Dataset.from_tensor_slices(examples(options.steps))
    return dataset.batch(BATCH_SIZE, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def with_keraunos(case: Case, options: argparse.Namespace) -> list[Milliseconds]:
    """Trains with Keraunos, timed by the same Keras callback."""
    clock = EpochTimes(options.steps)
    trainer = kr.Trainer(
        strategy=mirrored(case[0]) if case[0] > 1 else "single",
        accelerator="cpu",
        max_epochs=options.epochs + 1,
        steps_per_execution=case[1],
        callbacks={"clock": clock, "progress_bar": None},
    )
    if not trainer.fit(build, batches(options)).is_finished:
        raise KeyboardInterrupt  # an interrupt ends only the fit
    return clock.milliseconds


def with_model_fit(case: Case, options: argparse.Namespace) -> list[Milliseconds]:
    """Trains with `Model.fit`."""
    clock = EpochTimes(options.steps)
    with strategy_of(case[0]).scope():
        model = build(case[1])
    given = {"epochs": options.epochs + 1, "shuffle": False, "verbose": 0}
    try:
        model.fit(batches(options), callbacks=[clock], **given)
    except tf.errors.InvalidArgumentError:
        return FAILED
    return clock.milliseconds


def with_loop_by_hand(case: Case, options: argparse.Namespace) -> list[Milliseconds]:
    """Trains with `strategy.run` in a `tf.function`, as in TensorFlow's guide."""
    strategy, clock = strategy_of(case[0]), EpochTimes(options.steps)
    with strategy.scope():
        model = build()
        metrics = [keras.metrics.Mean("loss"), keras.metrics.SparseCategoricalAccuracy()]
        model.optimizer.build(model.trainable_variables)
    train = loop_by_hand(strategy, model, metrics, case[1])
    dataset = strategy.experimental_distribute_dataset(batches(options))
    for epoch in range(options.epochs + 1):
        clock.on_epoch_begin(epoch)
        iterator = iter(dataset)
        for metric in metrics:
            metric.reset_state()
        for _ in range(options.steps // case[1]):
            train(iterator)
        _ = [float(metric.result()) for metric in metrics]
        clock.on_epoch_end(epoch)
    return clock.milliseconds


def loop_by_hand(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    metrics: list[keras.Metric],
    steps: int,
) -> Callable[[Iterator[Any]], None]:
    """Returns a traced function that trains for a number of steps."""
    each_loss = keras.losses.SparseCategoricalCrossentropy(reduction="none")

    def on_replica(batch: Any) -> None:
        inputs, labels = batch
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            losses = each_loss(labels, outputs)
            loss = tf.nn.compute_average_loss(losses, global_batch_size=BATCH_SIZE)
        variables = model.trainable_variables
        model.optimizer.apply(tape.gradient(loss, variables), variables)
        metrics[0].update_state(losses)
        metrics[1].update_state(labels, outputs)

    @tf.function(autograph=False)
    def train(iterator: Any) -> None:
        def body(done: tf.Tensor) -> tuple[tf.Tensor]:
            strategy.run(on_replica, args=(next(iterator),))
            return (done + 1,)

        if steps == 1:
            body(tf.constant(0))
        else:
            tf.while_loop(lambda done: done < steps, body, (tf.constant(0),))

    return train


def with_jax(case: Case, options: argparse.Namespace) -> list[Milliseconds]:
    """Trains with `Model.fit` of Keras on JAX, in a process of its own."""
    script = Path(__file__).with_name("step_overhead_jax.py")
    numbers = (options.steps, options.epochs, *case)
    result = last_line(options.peer_python, script, *numbers)
    return [Milliseconds(*each) for each in result["milliseconds"]]


SIDES: dict[str, Turn] = {
    "keraunos": with_keraunos,
    "model.fit": with_model_fit,
    "by_hand": with_loop_by_hand,
}
PEERS: dict[str, Turn] = {"jax": with_jax}


if __name__ == "__main__":
    main()
