"""Kills training processes with SIGKILL at random times, and counts the consequences.

A small model with dropout and BatchNorm trains in a process that is killed at a random time
and restarted until training has finished; then the next run starts, until the requested
number of kills is reached. The same is done with `Model.fit` and `BackupAndRestore`, which
saves equally often. Counts

- unreadable: starts that failed although there was state to resume from;
- lost: the maximum number of repeated steps beyond the saving interval. Up to one more
  interval is expected if a checkpoint was still being written in the background;
- different: runs whose final weights differ in any bit from those of an undisturbed run.

Each attempt is a process forked from a parent that has imported everything, before
TensorFlow has started any threads.

Usage: python benchmarks/crash_campaign.py [--kills 200] [--seed 0] [--only keraunos]
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
import tensorflow as tf

EPOCHS, STEPS, EVERY, BATCH_SIZE = 6, 40, 7, 8
STEPS_FILE, WEIGHTS_FILE = "steps.bin", "weights.npz"

Train = Callable[[Path], None]


@dataclass
class Tally:
    """The counts of a campaign."""

    kills: int = 0
    runs: int = 0
    unreadable: int = 0
    lost: int = 0
    different: int = 0
    reasons: list[str] = field(default_factory=list)


def main() -> None:
    """Runs the campaign of both sides and prints a table and a line of JSON."""
    options = parse()
    tallies = {
        side: campaign(train, options.kills, random.Random(options.seed))
        for side, train in SIDES.items()
        if options.only in ("", side)
    }
    print(
        f"{'':10} {'kills':>6} {'runs':>6} {'unreadable':>11} {'lost':>6} {'different':>10}"
    )
    for side, tally in tallies.items():
        print(
            f"{side:10} {tally.kills:6} {tally.runs:6} {tally.unreadable:11} "
            f"{tally.lost:6} {tally.different:10}"
        )
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    result = {side: asdict(tally) for side, tally in tallies.items()}
    print(json.dumps(result | {"versions": versions, "options": vars(options)}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", choices=["", *SIDES])
    return parser.parse_args()


def campaign(train: Train, kills: int, chance: random.Random) -> Tally:
    """Repeats training until the number of kills is reached."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        started = time.monotonic()
        code, reason = attempt(train, Path(name), seconds=None)
        if code != 0:
            raise RuntimeError(f"An undisturbed run must finish. It wrote: {reason}")
        seconds = time.monotonic() - started
        expected = weights(Path(name))
    while tally.kills < kills:
        with tempfile.TemporaryDirectory() as name:
            tally.runs += 1
            one_run(train, Path(name), seconds, expected, tally, kills, chance)
    return tally


def one_run(
    train: Train,
    directory: Path,
    seconds: float,
    expected: list[bytes],
    tally: Tally,
    kills: int,
    chance: random.Random,
) -> None:
    """Kills and restarts one run until it finishes or can't be resumed."""
    while True:
        limit = chance.uniform(0, seconds) if tally.kills < kills else None
        before = len(steps_done(directory))
        code, reason = attempt(train, directory, limit)
        done = steps_done(directory)
        again = before and len(done) > before and max(done[:before]) + 1 - done[before]
        tally.lost = max(tally.lost, int(again or 0) - EVERY)
        if code == 0:
            tally.different += weights(directory) != expected
            return
        if code != -signal.SIGKILL:
            tally.unreadable += 1
            tally.reasons.append(reason)
            return
        tally.kills += 1


def attempt(train: Train, directory: Path, seconds: float | None) -> tuple[int, str]:
    """Trains in its own process, which is killed after some seconds.

    Returns:
        The exit code, -9 if the process was killed, and the last line that it wrote.
    """
    log = directory / "log.txt"
    child = os.fork()
    if child == 0:
        run_child(train, directory, log)
    if seconds is not None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return os.waitstatus_to_exitcode(status), lines[-1] if lines else ""


def run_child(train: Train, directory: Path, log: Path) -> None:
    """Trains and exits, with output redirected to a file."""
    with open(log, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        train(directory)
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "), file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)


def weights(directory: Path) -> list[bytes]:
    """Returns the bytes of the final weights of a run."""
    with np.load(directory / WEIGHTS_FILE) as file:
        return [file[name].tobytes() for name in sorted(file.files)]


def steps_done(directory: Path) -> list[int]:
    """Returns the numbers of all steps in the order in which they were done."""
    path = directory / STEPS_FILE
    if not path.exists():
        return []
    content = path.read_bytes()
    return np.frombuffer(content[: len(content) // 4 * 4], np.int32).tolist()


def note_step(directory: Path, step: int) -> None:
    """Appends the number of a step in one small write, which a kill can't split."""
    with open(directory / STEPS_FILE, "ab", buffering=0) as file:
        file.write(np.int32(step).tobytes())


def batches(epoch: int = 0, start_batch: int = 0) -> tf.data.Dataset:
    """Returns the same batches for every epoch, starting at any batch."""
    chance = np.random.default_rng(0)
    count = STEPS * BATCH_SIZE - 3
    inputs = chance.normal(size=(count, 16)).astype("float32")
    labels = chance.integers(0, 4, count).astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(BATCH_SIZE)
    return dataset.skip(start_batch)


def build() -> keras.Model:
    """Builds a small model with all kinds of state."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(32, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(4, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class NoteSteps(kr.callbacks.Callback):
    """Records every step of Keraunos."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def on_train_step_end(self, run: kr.callbacks.RunState) -> None:
        """Called after every step."""
        note_step(self.directory, run.step)


class NoteKerasSteps(keras.callbacks.Callback):
    """Records every step of Keras."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after every step."""
        note_step(self.directory, int(self.model.optimizer.iterations.numpy()))


def train_with_keraunos(directory: Path) -> None:
    """Trains with Keraunos, which resumes by itself."""
    trainer = kr.Trainer(
        strategy="single",
        max_epochs=EPOCHS,
        run_dir=directory / "run",
        deterministic=True,
        callbacks={
            "note_steps": NoteSteps(directory),
            "model_checkpoint": kr.callbacks.ModelCheckpoint(
                "loss", every_n_steps=EVERY, restore_best=False
            ),
            "progress_bar": None,
            "tensorboard": None,
        },
    )
    save_weights(trainer.fit(build, batches).model, directory)


def train_with_keras(directory: Path) -> None:
    """Trains with `BackupAndRestore` as in its documentation."""
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    model = build()
    backup = keras.callbacks.BackupAndRestore(str(directory / "backup"), save_freq=EVERY)
    model.fit(
        batches(), epochs=EPOCHS, verbose=0, callbacks=[backup, NoteKerasSteps(directory)]
    )
    save_weights(model, directory)


def save_weights(model: keras.Model, directory: Path) -> None:
    """Writes the final weights."""
    arrays = {f"{n:03d}": np.asarray(v) for n, v in enumerate(model.get_weights())}
    np.savez(directory / WEIGHTS_FILE, **arrays)


SIDES: dict[str, Train] = {"keraunos": train_with_keraunos, "keras": train_with_keras}

if __name__ == "__main__":
    main()
