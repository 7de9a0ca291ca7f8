"""How long it takes to start on a folder that has not changed.

Makes a folder of small pictures, and reads it twice, each time in a new process: the
first one opens every picture, the second one none. What is measured is reading the
folder up to data that can be trained on, without the import of TensorFlow.

Usage: python benchmarks/second_start.py [--pictures 25000] [--classes 9]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

CHILD = """
import json, sys, time
opened = 0
def count(event, arguments):
    global opened
    if event == "open" and str(arguments[0]).endswith(".jpg"):
        opened += 1
import keraunos as kr
kr.ImageData  # loads TensorFlow
sys.addaudithook(count)
started = time.perf_counter()
data = kr.ImageData.from_folder(sys.argv[1], image_size=32, cache="none")
seconds = time.perf_counter() - started
json.dump({"seconds": seconds, "opened": opened}, sys.stdout)
"""


def main() -> None:
    """Makes the folder, starts twice, and prints a table and a line of JSON."""
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder / "pictures", options.pictures, options.classes)
        starts = [start(folder) for _ in range(2)]
    for which, each in zip(("first", "second"), starts, strict=True):
        print(f"{which:7} {each['seconds']:7.2f} s  {each['opened']:6} pictures opened")
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(json.dumps({"starts": starts, "options": vars(options), "versions": versions}))


def parse() -> argparse.Namespace:
    """Reads the options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=25_000)
    parser.add_argument("--classes", type=int, default=9)
    return parser.parse_args()


def make_pictures(folder: Path, count: int, classes: int) -> None:
    """Draws small pictures, no two alike."""
    random = np.random.default_rng(0)
    for label in range(classes):
        (folder / f"class {label}").mkdir(parents=True)
    for number in range(count):
        pixels = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        file = folder / f"class {number % classes}" / f"{number:06d}.jpg"
        Image.fromarray(pixels).save(file, quality=60)


def start(folder: Path) -> dict[str, float]:
    """Reads the folder in a new process."""
    environment = {**os.environ, "KERAUNOS_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder / "pictures")],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    main()
