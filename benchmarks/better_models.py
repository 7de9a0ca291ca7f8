"""Measures which settings improve a model of the same images. Can be resumed.

A cell is a head on frozen EfficientNet-Lite0, alone or with one addition: an augmentation
policy, a loss, fine-tuning, an effort. Heads on frozen networks are trained with five seeds
on five grouped folds each, fine-tuned models with three seeds on one fold; all of them
predict the held-out images and the test images. All cells of a seed have the same folds, so
that differences are paired. Nothing is selected on the held-out images: the model after the
last epoch is scored, except for the soup and the efforts, which select on validation images
and are therefore scored on test images.

Each finished training appends a line to FILE; the same command continues where it was
stopped or killed. Finally, prints the table of all finished trainings.

Usage: python benchmarks/better_models.py --data FOLDER --results FILE.jsonl
       [--cells NAME ...] [--minutes N] [--image-size 224] [--seeds 5] [--folds 5]
       [--settings KEY=VALUE ...] [--cache-dir FOLDER] [--table-only]

FOLDER contains the folders Train and Test with class folders; or it is `synthetic:lesions`.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from better_models_answers import answers, head_answers, whole_answers
from better_models_cells import BASE, CELLS, Cell
from better_models_results import Results
from better_models_table import print_table
from keraunos.configs import RunConfig, load_config, to_yaml
from keraunos.core.files import sha256_of_json
from keraunos.core.run_layout import (
    ENSEMBLE_PREDICTIONS_FILE,
    ENSEMBLE_TTA_PREDICTIONS_FILE,
    PREDICTIONS_FILE,
    TTA_PREDICTIONS_FILE,
)

SYNTHETIC = "synthetic:lesions"
LAST_PREDICTIONS = (
    ENSEMBLE_TTA_PREDICTIONS_FILE,
    ENSEMBLE_PREDICTIONS_FILE,
    TTA_PREDICTIONS_FILE,
    PREDICTIONS_FILE,
)
QUIET = dict.fromkeys(("progress_bar", "tensorboard", "figures"))
# Settings that do not affect the result, or that are part of the key anyway.
NOT_IN_DIGEST = {
    "cache_dir": True,
    "run_dir": True,
    "efforts": True,
    "search": True,
    "data": {"train", "test", "fold"},
    "seed": True,
}


@dataclass(frozen=True)
class Training:
    """One training of a cell.

    Attributes:
        cell: The cell.
        seed: Seed of split, order, augmentation, initial weights and dropout.
        fold: The held-out fold, counted from 1; None if the cell has its own split.
        config: All settings.
    """

    cell: Cell
    seed: int
    fold: int | None
    config: RunConfig

    @property
    def key(self) -> dict[str, Any]:
        """Identifies the line of this training in the results file."""
        settings = self.config.model_dump(
            mode="json", exclude=NOT_IN_DIGEST, exclude_defaults=True
        )
        return {
            "cell": self.cell.name,
            "seed": self.seed,
            "fold": self.fold,
            "settings": sha256_of_json(settings)[:16],
        }


@dataclass(frozen=True)
class Shared:
    """Objects that all trainings of this process share, like the trials of a search.

    Attributes:
        networks: The frozen networks.
        strategy: The distribution strategy.
    """

    networks: Any
    strategy: Any

    @classmethod
    def of_this_process(cls) -> "Shared":
        """Creates the shared objects; loads TensorFlow."""
        from keraunos.models import SharedNetworks
        from keraunos.strategies import create_strategy

        return cls(SharedNetworks(), create_strategy())


def main() -> None:
    """Runs the missing trainings, and prints the table and a line of JSON."""
    options = parse()
    results = Results(options.results)
    planned = [each for cell in options.cells for each in trainings(CELLS[cell], options)]
    # Additional settings may be valid only for the cells that are named.
    rows = options.cells if options.settings else CELLS
    keys = [each.key for cell in rows for each in trainings(CELLS[cell], options)]
    missing = [each for each in planned if each.key not in results]
    print(f"{len(planned) - len(missing)} of {len(planned)} trainings are done")
    if not options.table_only:
        train_all(missing, results, options.minutes)
    summary = print_table({name: CELLS[name] for name in rows}, keys, results)
    print(json.dumps({"results": str(options.results), "cells": summary}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="folder with Train and Test")
    parser.add_argument("--results", required=True, type=Path, help="file of JSON lines")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--minutes", type=float, default=120, help="start nothing later")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--seeds", type=int, help="maximum number")
    parser.add_argument("--folds", type=int, help="maximum number per seed")
    parser.add_argument("--settings", nargs="*", default=[], help="added to every cell")
    parser.add_argument("--cache-dir", help="cache of features")
    parser.add_argument("--table-only", action="store_true", help="train nothing")
    return parser.parse_args()


def trainings(cell: Cell, options: argparse.Namespace) -> Iterator[Training]:
    """Yields all trainings of a cell, seed by seed."""
    folds = range(1, (cell.folds or 0) + 1)[: options.folds]
    for seed in range(cell.seeds)[: options.seeds]:
        for fold in folds if cell.folds else [None]:
            yield Training(cell, seed, fold, settings_of(cell, seed, fold, options))


def settings_of(
    cell: Cell, seed: int, fold: int | None, options: argparse.Namespace
) -> RunConfig:
    """Returns the configuration of a training, loaded like that of `keraunos fit`."""
    folder = options.data
    places = [f"data.train={folder}"]
    if folder != SYNTHETIC:
        places = [f"data.train={folder}/Train", f"data.test={folder}/Test"]
    where = [] if options.cache_dir is None else [f"cache_dir={options.cache_dir}"]
    which = [f"seed={seed}", *([] if fold is None else [f"data.fold={fold}"])]
    size = [f"data.image_size={options.image_size}"]
    base = BASE if cell.folds else ["trainer.deterministic=true"]
    overrides = [*base, *size, *cell.settings, *options.settings, *places, *where, *which]
    return load_config([cell.recipe], overrides)


def train_all(missing: Sequence[Training], results: Results, minutes: float) -> None:
    """Runs trainings one after another until the time limit."""
    shared = Shared.of_this_process()
    deadline = time.monotonic() + 60 * minutes
    for training in missing:
        if time.monotonic() > deadline:
            print(f"{minutes:g} minutes are over; the same command continues")
            return
        started = time.monotonic(), time.process_time()
        found = train_one(training, shared)
        seconds = time.monotonic() - started[0]
        cpu_seconds = time.process_time() - started[1]
        took = {"seconds": round(seconds, 1), "cpu_seconds": round(cpu_seconds, 1)}
        results.append({**training.key, **took, **versions(), **found})
        print(f"{training.cell.name} seed {training.seed} fold {training.fold}: {took}")


def train_one(training: Training, shared: Shared) -> dict[str, Any]:
    """Trains, and returns the predictions for held-out and test images."""
    config = training.config
    callbacks = {"callbacks": {**QUIET, **config.callbacks}}
    config = config.model_copy(update=callbacks)
    folder = Path(tempfile.mkdtemp(prefix="better_models-"))
    try:
        if training.cell.folds is None:
            return fit_as_typed(config, folder)
        return fit_fold(training.cell, config, folder, shared)
    finally:
        shutil.rmtree(folder)


def fit_fold(cell: Cell, config: RunConfig, folder: Path, shared: Shared) -> dict[str, Any]:
    """Trains one fold, and predicts with the model after the last epoch."""
    from keraunos.cli.build import build_data, build_module, build_trainer

    data = build_data(config)
    module = build_module(config, data, shared.networks if cell.is_frozen else None)
    run_dir = folder / "run" if cell.needs_run else None
    result = build_trainer(config, run_dir, strategy=shared.strategy).fit(module, data)
    if not result.is_finished:
        raise KeyboardInterrupt  # an interrupt ends only the fit
    return {
        split: head_answers(module, result.model, images)
        if cell.is_frozen
        else whole_answers(result.model, images)
        for split, images in (("validation", data.validation), ("test", data.test))
        if images is not None
    }


def fit_as_typed(config: RunConfig, folder: Path) -> dict[str, Any]:
    """Runs `keraunos fit`, and reads its final predictions for the test images."""
    from keraunos.cli.build import build_data
    from keraunos.cli.folds import one_fold, wants_all_folds
    from keraunos.cli.main import main as keraunos
    from keraunos.evaluation.predictions import read_predictions

    (folder / "all.yaml").write_text(to_yaml(config))
    run = folder / "run"
    if keraunos(["fit", str(folder / "all.yaml"), f"run_dir={run}"]) != 0:
        raise SystemExit("`keraunos fit` failed; see its error above.")
    file = next(run / name for name in LAST_PREDICTIONS if (run / name).exists())
    data = build_data(one_fold(config, 1) if wants_all_folds(config) else config)
    found = read_predictions(file)
    return {"test": answers(found.names, found.labels, found.probabilities, data.test)}


def versions() -> dict[str, str]:
    """Returns the versions of the packages that affect the results."""
    return {name: metadata.version(name) for name in ("keraunos", "keras", "tensorflow")}


if __name__ == "__main__":
    main()
