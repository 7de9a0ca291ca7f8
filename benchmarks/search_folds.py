"""Counts the images that searches with and without folds pass through the backbone.

Both searches have the same images, settings and seed. The images are counted inside the
backbone: an operation before its first convolution sees each batch whenever TensorFlow runs
it. Also reports how many of them are repeated, and their purpose: features of training and
validation images, the check of the whole model before export, and the rest (tests).

A search needs V versions of its training images (views times strengths; one version for
strength 0) and its original validation images: V (1 - s) + s passes per image if the share
s is held out. With folds, each image is held out once: V + 1 passes, or V if strength 0,
the original image, is among the versions.

Usage: python benchmarks/search_folds.py [--data FOLDER] [--images 240] [--image-size 64]
       [--backbone MobileNetV2] [--strengths 0,0.25,0.5,1] [--views 2] [--trials 4]
       [--epochs 4] [--folds 5] [--finish none] [--test-split 0] [--tuner grid]
"""

import argparse
import contextlib
import csv
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

HELD_OUT = 0.2  # data.validation_split of the recipe


def main() -> None:
    """Runs both searches, and prints a line for each, their ratio, and one of JSON."""
    options = parse()
    if options.folder:
        print(json.dumps(search(options)))
        return
    with tempfile.TemporaryDirectory(prefix="search-folds-") as name:
        data = options.data or str(drawn(Path(name), options))
        rows = [run(options, data, Path(name), folds) for folds in (None, options.folds)]
    ratio = rows[1]["passes"] / rows[0]["passes"]
    print(f"ratio {ratio:.3f}, by arithmetic {expected_ratio(options, rows):.3f}")
    print(json.dumps({"options": vars(options), "rows": rows, "ratio": ratio}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder of class folders; drawn lesions if none")
    parser.add_argument("--images", type=int, default=240, help="number of drawn lesions")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--backbone", default="MobileNetV2")
    parser.add_argument("--strengths", default="0,0.25,0.5,1")
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--finish", default="none", choices=("none", "refit"))
    parser.add_argument("--test-split", type=float, default=0.0)
    parser.add_argument("--tuner", default="grid")
    parser.add_argument("--folder", help=argparse.SUPPRESS)  # of one search's process
    return parser.parse_args()


def drawn(folder: Path, options: argparse.Namespace) -> Path:
    """Draws equally many lesions of each class, and writes them as files."""
    from keraunos.data.synthetic.lesions import KINDS, draw_lesion
    from PIL import Image

    names = list(KINDS)
    for number in range(options.images):
        name = names[number % len(names)]
        (folder / "drawn" / name).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(draw_lesion(name, seed=0, number=number))
        image.save(folder / "drawn" / name / f"{number}.png")
    return folder / "drawn"


def run(
    options: argparse.Namespace, data: str, folder: Path, folds: int | None
) -> dict[str, Any]:
    """Runs a search in its own process, with an empty cache."""
    own = folder / f"folds-{folds or 0}"
    own.mkdir()
    given = vars(options) | {"data": data, "folds": folds or 0, "folder": own}
    command = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    done = subprocess.run(
        [sys.executable, __file__, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    parts = ", ".join(f"{count:,} for {name}" for name, count in row["parts"].items())
    which = f"{folds} folds" if folds else "no folds"
    print(
        f"{which}: {row['passes']:,} images through the "
        f"backbone ({parts}), {row['repeated']:,} of them repeated; {row['runs']} runs, "
        f"{row['cpu_seconds']:.0f} s of CPU",
        flush=True,
    )
    return row


def search(options: argparse.Namespace) -> dict[str, Any]:
    """Runs `keraunos search` in this process, with a counter in the backbone."""
    from keraunos.cli import main as program

    folder, folds = Path(options.folder), int(options.folds)
    passes = Passes()
    passes.watch()
    arguments = [
        "search",
        "classify",
        f"data.train={options.data}",
        f"data.test_split={options.test_split}",
        f"data.image_size={options.image_size}",
        f"cache_dir={folder}/cache",
        f"run_dir={folder}/search",
        f"model.backbone={options.backbone}",
        "model.weights=null",
        f"augmentation.views={options.views}",
        f"trainer.max_epochs={options.epochs}",
        f"search.tuner={options.tuner}",
        f"search.max_trials={options.trials}",
        f"search.finish={options.finish}",
        f"search.space.augmentation.strength={{choice: [{options.strengths}]}}",
        *([f"search.folds={folds}"] if folds else []),
    ]
    with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):
        program.main(arguments)
    strengths, runs = tried(folder / "search" / "results.csv")
    return passes.counts() | {
        "runs": runs,
        "strengths": strengths,
        "cpu_seconds": time.process_time(),
    }


def tried(path: Path) -> tuple[list[str], int]:
    """Returns the strengths of all trials, and the number of runs."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    runs = sum(int(row.get("folds") or 1) for row in rows)
    return sorted({row["augmentation.strength"] for row in rows}), runs


def expected_ratio(options: argparse.Namespace, rows: Sequence[Mapping[str, Any]]) -> float:
    """Returns the expected ratio for the strengths that were tried, without a refit."""
    one, folds = (versions(row["strengths"], options.views) for row in rows)
    return (folds.trained + (not folds.has_plain)) / (
        one.trained * (1 - HELD_OUT) + HELD_OUT
    )


class Versions(NamedTuple):
    """The number of versions of an image in training, and whether one is the original."""

    trained: int
    has_plain: bool


def versions(strengths: Sequence[str], views: int) -> Versions:
    """Counts the versions of an image; strength 0 has one version, the original."""
    has_plain = any(float(strength) == 0 for strength in strengths)
    return Versions(views * (len(strengths) - has_plain) + has_plain, has_plain)


class Passes:
    """Counts the images that pass through the first convolution of a network."""

    def __init__(self) -> None:
        self._purpose = "tests"
        self._counts: Counter[str] = Counter()
        self._images: Counter[bytes] = Counter()

    def watch(self) -> None:
        """Adds the counter to all networks that are built from now on."""
        import keras
        import tensorflow as tf
        from keraunos.features import FeatureCache
        from keraunos.features.trainee import Head

        convolve = keras.layers.Conv2D.call

        def counted(layer: Any, inputs: Any) -> Any:
            if inputs.shape[-1] == 3 and not isinstance(inputs, keras.KerasTensor):
                inputs = _passed_on(
                    tf.numpy_function(self._see, [inputs], tf.int64), inputs
                )
            return convolve(layer, inputs)

        def _passed_on(seen: Any, inputs: Any) -> Any:
            with tf.control_dependencies([seen]):
                return tf.identity(inputs)

        keras.layers.Conv2D.call = counted
        self._name(FeatureCache, "features", "features")
        self._name(Head, "check", "checks")

    def counts(self) -> dict[str, Any]:
        """Returns the counts of all images, of repeated ones, and by purpose."""
        passes = sum(self._counts.values())
        repeated = passes - len(self._images)
        return {"passes": passes, "repeated": repeated, "parts": dict(self._counts)}

    def _see(self, images: Any) -> Any:
        self._counts[self._purpose] += len(images)
        self._images.update(hashlib.sha256(image.tobytes()).digest() for image in images)
        return np.int64(len(images))

    def _name(self, owner: Any, method: str, purpose: str) -> None:
        original = getattr(owner, method)

        @functools.wraps(original)
        def named(*args: Any, **kwargs: Any) -> Any:
            before, self._purpose = self._purpose, purpose
            try:
                return original(*args, **kwargs)
            finally:
                self._purpose = before

        setattr(owner, method, named)


if __name__ == "__main__":
    main()
