"""Compares whole processes, from the command to the last file, with a tutorial script.

Both sides train a new head on a frozen, randomly initialized ResNet50 from the same image
files, validate on a fifth of them after each epoch, and are tested on the same images. The
script (`whole_process_keras.py`) is plain Keras: augmentation layers in the model,
`Model.fit`, `evaluate`. Keraunos runs `keraunos fit classify` with two views of each image
and an empty cache, and also writes checkpoints, figures and the model. It is a side for
each dtype policy of `--precision`. `--peer lightning` adds the same job in Lightning
(`whole_process_lightning.py`).

Sides take turns. Wall time is only meaningful on an idle machine; CPU seconds are also
printed.

Usage: python benchmarks/whole_process.py [--data FOLDER] [--images 512] [--size 96]
       [--epochs 10] [--rounds 1] [--precision float32 mixed_bfloat16]
       [--script-precision mixed_bfloat16] [--peer lightning --peer-python PYTHON]

FOLDER contains Train and Test with class folders; without it, lesions are drawn.
"""

import argparse
import hashlib
import json
import math
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
TEST_IMAGES = 118  # the number in the ISIC data set
POLICIES = ("float32", "mixed_bfloat16")
OWN = "keraunos "  # followed by a policy
OURS = """
import time
started = time.perf_counter()
import json, sys
from fit_stopwatch import FitStopwatch
parts = FitStopwatch(started).run(sys.argv[2:])
json.dump(parts, open(sys.argv[1], "w"))
"""


def main() -> None:
    """Runs all sides in turn, and prints a table and a line of JSON."""
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        collect_images(folder, options)
        found: dict[str, list[dict[str, Any]]] = {"tutorial": []}
        found |= {f"{OWN}{policy}": [] for policy in options.precision}
        found |= {peer: [] for peer in filter(None, [options.peer])}
        for _ in range(options.rounds):
            for side, runs in found.items():
                runs.append(run_side(side, folder, options))
    show(found)
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    seconds = {side: median(run["seconds"] for run in runs) for side, runs in found.items()}
    ratios = {side: each / seconds["tutorial"] for side, each in seconds.items()}
    result = {"ratio_to_tutorial": ratios, "runs": found, "options": vars(options)}
    print(json.dumps(result | {"versions": versions}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--precision", nargs="+", choices=POLICIES, default=["float32"])
    parser.add_argument("--script-precision", choices=POLICIES, default="float32")
    parser.add_argument("--peer", choices=["lightning"])
    parser.add_argument("--peer-python", default=sys.executable)
    return parser.parse_args()


def collect_images(folder: Path, options: argparse.Namespace) -> None:
    """Creates the folders `train` and `test` with class folders of distinct images."""
    if options.data is None:
        draw_lesions(folder / "train", options.images, seed=0)
        draw_lesions(folder / "test", min(TEST_IMAGES, options.images), seed=1)
        return
    seen: set[str] = set()
    copy_images(Path(options.data) / "Test", folder / "test", TEST_IMAGES, seen)
    copy_images(Path(options.data) / "Train", folder / "train", options.images, seen)


def draw_lesions(folder: Path, count: int, seed: int) -> None:
    """Draws lesions of nine classes."""
    from keraunos.data.synthetic.lesions import KINDS, draw_lesion
    from PIL import Image

    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        pixels = draw_lesion(kind, seed=seed, number=number)
        Image.fromarray(pixels).save(folder / kind / f"{number:05d}.jpg", quality=95)


def copy_images(source: Path, folder: Path, count: int, seen: set[str]) -> None:
    """Copies randomly chosen images that have not been copied yet."""
    files = sorted(source.glob("*/*.jpg"))
    random.Random(0).shuffle(files)
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if count and digest not in seen:
            seen.add(digest)
            count -= 1
            (folder / file.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / file.parent.name / file.name)


def run_script(
    python: str, script: str, folder: Path, options: Any, *further: str
) -> dict[str, Any]:
    """Runs a script of another framework, whose last line is its result as JSON."""
    arguments = [folder / "train", folder / "test", options.size, options.epochs, *further]
    command = [python, str(HERE / script), *map(str, arguments)]
    output, times = timed(command, folder)
    return times | json.loads(output.splitlines()[-1])


def run_side(side: str, folder: Path, options: Any) -> dict[str, Any]:
    """Runs one side: the tutorial's script, Lightning, or Keraunos with a dtype policy."""
    if side == "tutorial":
        script, policy = "whole_process_keras.py", options.script_precision
        return run_script(sys.executable, script, folder, options, policy)
    if side == "lightning":
        return run_script(options.peer_python, f"whole_process_{side}.py", folder, options)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        return run_keraunos(folder, Path(name), side.removeprefix(OWN), options)


def run_keraunos(
    images: Path, folder: Path, precision: str, options: Any
) -> dict[str, Any]:
    """Runs `keraunos fit` with an empty cache."""
    run, parts = folder / "run", folder / "parts.json"
    settings = {
        "data.train": images / "train",
        "data.test": images / "test",
        "data.image_size": options.size,
        "model.weights": "null",
        "augmentation.views": 2,
        "trainer.max_epochs": options.epochs,
        "trainer.precision": precision,
        "callbacks.early_stopping": "null",
        "cache_dir": folder / "cache",
        "run_dir": run,
    }
    arguments = [f"{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-c", OURS, str(parts), "fit", "classify", *arguments]
    _, times = timed(command, folder)
    scores = json.loads((run / "test.json").read_text())
    correct = round(scores["accuracy"] * scores["examples"])
    result = {"correct": correct, "examples": scores["examples"]}
    return times | result | {"parts": json.loads(parts.read_text())}


def timed(command: list[str], folder: Path) -> tuple[str, dict[str, float]]:
    """Runs a command; returns its standard output, and wall and CPU seconds."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path}
    before, started = cpu_of_children(), time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )
    seconds, cpu = time.perf_counter() - started, cpu_of_children() - before
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout, {"seconds": seconds, "cpu_seconds": cpu}


def cpu_of_children() -> float:
    """Returns the CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def wilson(correct: int, examples: int) -> tuple[float, float]:
    """Returns the 95% Wilson interval of a proportion.

    Example:
        >>> [round(end, 3) for end in wilson(8, 10)]
        [0.49, 0.943]
    """
    z, share = 1.96, correct / examples
    middle = share + z * z / (2 * examples)
    half = z * math.sqrt(share * (1 - share) / examples + (z / (2 * examples)) ** 2)
    scale = 1 + z * z / examples
    return (middle - half) / scale, (middle + half) / scale


def show(found: dict[str, list[dict[str, Any]]]) -> None:
    """Prints a line per side, and the parts of Keraunos' time."""
    walls, cpus = (
        {side: median(run[key] for run in runs) for side, runs in found.items()}
        for key in ("seconds", "cpu_seconds")
    )
    print("side                        wall s   ratio    CPU s   ratio   test accuracy")
    for side, runs in found.items():
        low, high = wilson(runs[-1]["correct"], runs[-1]["examples"])
        accuracy = runs[-1]["correct"] / runs[-1]["examples"]
        print(
            f"{side:25} {walls[side]:8.1f} {walls[side] / walls['tutorial']:7.3f} "
            f"{cpus[side]:8.1f} {cpus[side] / cpus['tutorial']:7.3f}   "
            f"{accuracy:.3f} [{low:.3f}, {high:.3f}]"
        )
    for side, runs in found.items():
        if side.startswith(OWN):
            parts = runs[-1]["parts"].items()
            named = ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts)
            print(f"{side}, seconds of the last run: {named}")


if __name__ == "__main__":
    main()
