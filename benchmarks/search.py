"""Compares the cost of a search on the same photographs and search space.

- keras: Keras Tuner with the model of tutorials, including augmentation, and `Model.fit`;
- by_hand: Keras Tuner over heads on features that are computed in advance, as an expert
  would write it; without augmentation, whose strength is not in the search space then;
- keraunos: `keraunos search` with an empty cache.

Each side runs in its own process, and its duration is that of the whole process. On a busy
machine, compare the CPU seconds. The seconds per trial exclude the passes through the
backbone. The random weights of the backbone are the same for all. If `--keras-trials` is
below `--trials`, the first side runs only this many, and the rest is extrapolated.

Usage: python benchmarks/search.py --data FOLDER [--images 256] [--image-size 96]
       [--trials 24] [--epochs 10] [--strengths 0,0.25,0.5,1] [--views 2] [--seeds 1]
       [--keras-trials N] [--sides keras,by_hand,keraunos]
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

STARTED = time.perf_counter()
VALIDATION_EVERY = 5  # every 5th image is for validation
OBJECTIVE = "val_accuracy"


def main() -> None:
    """Runs all sides for each seed, and prints a line for each and one of JSON."""
    options = parse()
    if options.folder:
        print(json.dumps(SIDES[options.sides](options)))
        return
    rows = []
    with tempfile.TemporaryDirectory(prefix="search-benchmark-") as name:
        choose_images(options, Path(name))
        for seed in range(options.seeds):
            for side in options.sides.split(","):
                rows.append(run_side(side, seed, options, Path(name)))
                print(line(rows[-1]), flush=True)
    print(json.dumps({"options": vars(options), "versions": versions(), "rows": rows}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder of class folders; drawn lesions if none")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--keras-trials", type=int, help="measured ones of side keras")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--strengths", default="0,0.25,0.5,1")
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sides", default="keras,by_hand,keraunos")
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)  # of one side's process
    return parser.parse_args()


def choose_images(options: argparse.Namespace, folder: Path) -> None:
    """Links to distinct images, balanced by class, in the folders train and val."""
    source = Path(options.data) if options.data else drawn(folder)
    classes = [sorted(each.iterdir()) for each in sorted(source.iterdir())]
    in_turn = [path for path in chain(*zip_longest(*classes)) if path is not None]
    alike: dict[str, Path] = {}
    for path in in_turn:
        alike.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    chosen = list(alike.values())[: options.images]
    chosen.sort()
    for place, path in enumerate(chosen):
        split = "val" if place % VALIDATION_EVERY == 0 else "train"
        link = folder / split / path.parent.name / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.absolute())


def drawn(folder: Path) -> Path:
    """Draws lesions and writes them as files."""
    import keraunos as kr
    from PIL import Image

    data = kr.ImageData.from_folder("synthetic:lesions", cache_dir=folder / "drawing")
    for place in range(data.train.num_examples):
        name = data.class_names[data.train.labels[place]]
        (folder / "drawn" / name).mkdir(parents=True, exist_ok=True)
        pixels = data.train.images([place])[0]
        Image.fromarray(pixels).save(folder / "drawn" / name / f"{place}.png")
    return folder / "drawn"


def run_side(
    side: str, seed: int, options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Runs a side in its own process; returns its result and cost."""
    measured = options.trials
    if side == "keras" and options.keras_trials:
        measured = min(options.keras_trials, measured)
    given = {"sides": side, "seed": seed, "trials": measured, "folder": folder}
    given |= {name: getattr(options, name) for name in COMMON}
    command = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = time.perf_counter() - started
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    per_trial = found["seconds_of_trials"] / measured
    missing = options.trials - measured
    found["cpu_seconds"] *= 1 + missing * per_trial / seconds
    seconds += missing * per_trial
    row = {"side": side, "seed": seed, "seconds": seconds, "seconds_per_trial": per_trial}
    return row | {"trials": options.trials, "measured": measured} | found


COMMON = ("epochs", "image_size", "strengths", "views")


def line(row: dict[str, Any]) -> str:
    """Formats the result and cost of a side."""
    how = ""
    if row["measured"] < row["trials"]:
        how = f" (measured {row['measured']} trials, the others calculated)"
    parts = " ".join(f"{name}={value:.1f}" for name, value in row["parts"].items())
    return (
        f"{row['side']:9} seed {row['seed']}: {row['seconds']:8.1f} s for {row['trials']} "
        f"trials{how}, {row['cpu_seconds']:.0f} s of CPU, "
        f"{row['seconds_per_trial']:.2f} s a trial, best {OBJECTIVE} "
        f"{row['score']:.3f}, {row['megabytes']:.0f} MB written | {parts}"
    )


def with_keras(options: argparse.Namespace) -> dict[str, Any]:
    """Searches over the model of tutorials, which runs the backbone in every epoch."""
    import keras

    train, validation = datasets(options)
    strengths = [float(each) for each in options.strengths.split(",")]

    def build(hp: Any) -> Any:
        inputs = keras.Input((options.image_size, options.image_size, 3))
        strength = hp.Choice("strength", strengths)
        varied = inputs
        if strength > 0:
            varied = keras.layers.RandomFlip()(varied)
            varied = keras.layers.RandomRotation(0.2 * strength)(varied)
            varied = keras.layers.RandomZoom(0.2 * strength)(varied)
        features = pooled(varied, options)
        return compiled(hp, inputs, features, len(train.class_names))

    cached = [data.cache().prefetch(2) for data in (train, validation)]
    return search(build, cached, options)


def by_hand(options: argparse.Namespace) -> dict[str, Any]:
    """Searches over heads on features that are computed once."""
    import keras
    import numpy as np

    inputs = keras.Input((options.image_size, options.image_size, 3))
    backbone = keras.Model(inputs, pooled(inputs, options))
    data = []
    splits = datasets(options)
    for split in splits:
        batches = [(backbone.predict_on_batch(images), y) for images, y in split]
        data.append(tuple(np.concatenate(each) for each in zip(*batches, strict=True)))

    def build(hp: Any) -> Any:
        features = keras.Input(data[0][0].shape[1:])
        return compiled(hp, features, features, len(splits[0].class_names))

    return search(build, data, options, batch_size=32)


def datasets(options: argparse.Namespace) -> tuple[Any, Any]:
    """Reads the photographs as in tutorials."""
    import keras

    keras.utils.set_random_seed(options.seed)
    size = (options.image_size, options.image_size)
    train, validation = (
        keras.utils.image_dataset_from_directory(
            Path(options.folder, split), image_size=size, seed=options.seed, verbose=False
        )
        for split in ("train", "val")
    )
    return train, validation


def pooled(images: Any, options: argparse.Namespace) -> Any:
    """Returns the pooled features of the frozen backbone."""
    import keras

    backbone = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(*images.shape[1:],)
    )
    backbone.load_weights(weights(options))
    backbone.trainable = False
    maps = backbone(keras.applications.resnet.preprocess_input(images), training=False)
    return keras.layers.GlobalAveragePooling2D()(maps)


def weights(options: argparse.Namespace) -> Path:
    """Returns a file of random weights, created once for all sides."""
    path = Path(options.folder, f"{options.seed}.weights.h5")
    if not path.exists():
        import keras

        keras.utils.set_random_seed(options.seed)
        keras.applications.ResNet50(include_top=False, weights=None).save_weights(path)
    return path


def compiled(hp: Any, inputs: Any, features: Any, num_classes: int) -> Any:
    """Builds a compiled head with the searched hyperparameters."""
    import keras

    dropped = keras.layers.Dropout(hp.Float("dropout", 0.0, 0.6))(features)
    outputs = keras.layers.Dense(num_classes, "softmax")(dropped)
    model = keras.Model(inputs, outputs)
    rate = hp.Float("learning_rate", 1e-5, 1e-2, sampling="log")
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def search(
    build: Callable[[Any], Any], data: Any, options: argparse.Namespace, **more: Any
) -> dict[str, Any]:
    """Searches with Keras Tuner."""
    import keras_tuner

    train, validation = data
    with tempfile.TemporaryDirectory(dir=options.folder) as directory:
        tuner = keras_tuner.BayesianOptimization(
            build,
            OBJECTIVE,
            options.trials,
            seed=options.seed + 1,
            directory=directory,
        )
        arguments = train if isinstance(train, tuple) else (train,)
        before = time.perf_counter()
        tuner.search(
            *arguments,
            validation_data=validation,
            epochs=options.epochs,
            verbose=0,
            **more,
        )
        seconds = time.perf_counter() - before
        score = float(tuner.oracle.get_best_trials(1)[0].score)
    return found(score, seconds, {"before": before - STARTED, "search": seconds})


def found(score: float, seconds: float, parts: dict[str, float]) -> dict[str, Any]:
    """Returns the final report of a process."""
    io = dict(each.split(": ") for each in Path("/proc/self/io").read_text().splitlines())
    return {
        "score": score,
        "seconds_of_trials": seconds,
        "cpu_seconds": time.process_time(),
        "megabytes": int(io["wchar"]) / 1e6,
        "parts": parts,
    }


def with_keraunos(options: argparse.Namespace) -> dict[str, Any]:
    """Runs `keraunos search`, and measures its parts."""
    from search_stopwatch import Stopwatch

    folder = Path(options.folder)
    path = weights(options)
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        stopwatch = Stopwatch(STARTED)
        arguments = [
            "search",
            "classify",
            f"data.train={folder / 'train'}",
            f"data.validation={folder / 'val'}",
            f"data.image_size={options.image_size}",
            f"cache_dir={directory}/cache",
            f"run_dir={directory}/search",
            f"seed={options.seed}",
            f"model.weights={path}",
            f"augmentation.views={options.views}",
            f"trainer.max_epochs={options.epochs}",
            "callbacks.early_stopping=null",
            f"search.max_trials={options.trials}",
            f"search.objective={OBJECTIVE}",
            f"search.space.augmentation.strength={{choice: [{options.strengths}]}}",
            "search.space.model.dropout={float: [0.0, 0.6]}",
            "search.space.optimizer.learning_rate={float: [1.0e-5, 1.0e-2], log: true}",
        ]
        parts = stopwatch.run(arguments)
        score = best_score(Path(directory, "search", "results.csv"))
    trials = sum(parts.values()) - parts["start"] - parts["passes"]
    return found(score, trials, parts)


def best_score(path: Path) -> float:
    """Returns the best score of all trials in results.csv."""
    import csv

    with path.open(newline="") as file:
        return max(float(row[OBJECTIVE]) for row in csv.DictReader(file))


def versions() -> dict[str, str]:
    """Returns the versions of the packages that the sides use."""
    from importlib import metadata

    return {each: metadata.version(each) for each in ("keras", "keras-tuner", "tensorflow")}


SIDES = {"keras": with_keras, "by_hand": by_hand, "keraunos": with_keraunos}

if __name__ == "__main__":
    main()
