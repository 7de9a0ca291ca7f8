"""Measures how long it takes to read images that have not changed.

Generates a folder of small images, and a table that names them without folder and
extension, with groups of two. Reads each several times, always in a new process: the first
one opens every image, later ones none. Measures the time until the data can be trained on,
without the import of TensorFlow.

Usage: python benchmarks/second_start.py [--images 25000] [--classes 9] [--repeat 5]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from statistics import median

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
read = {
    "folder": lambda: kr.ImageData.from_folder("images", image_size=32),
    "table": lambda: kr.ImageData.from_csv("t.csv", group_column="group", image_size=32),
}[sys.argv[1]]
started, cpu_started = time.perf_counter(), time.process_time()
data = read()
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
json.dump({"seconds": seconds, "cpu_seconds": cpu, "opened": opened}, sys.stdout)
"""


def main() -> None:
    """Reads folder and table repeatedly, and prints a table and a line of JSON."""
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder, options.images, options.classes)
        starts = {
            source: [start(folder, source) for _ in range(1 + options.repeat)]
            for source in ("folder", "table")
        }
    for source, (first, *later) in starts.items():
        show(source, "first", [first])
        show(source, "later", later)
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(json.dumps({"starts": starts, "options": vars(options), "versions": versions}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=25_000)
    parser.add_argument("--classes", type=int, default=9)
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args()


def make_images(folder: Path, count: int, classes: int) -> None:
    """Generates small distinct images, and writes their table."""
    random = np.random.default_rng(0)
    for label in range(classes):
        (folder / "images" / f"class {label}").mkdir(parents=True)
    lines = ["image,label,group"]
    for number in range(count):
        label, group = f"class {number % classes}", number // (2 * classes) * classes
        pixels = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        file = folder / "images" / label / f"{number:06d}.jpg"
        Image.fromarray(pixels).save(file, quality=60)
        lines.append(f"{number:06d},{label},{group + number % classes}")
    (folder / "t.csv").write_text("\n".join(lines) + "\n")


def start(folder: Path, source: str) -> dict[str, float]:
    """Reads the folder or the table in a new process."""
    cache = folder / f"cache of the {source}"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, source],
        cwd=folder,
        env={**os.environ, "KERAUNOS_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def show(source: str, which: str, starts: list[dict[str, float]]) -> None:
    """Prints the median of some starts, and their range."""
    seconds, cpu = ([each[k] for each in starts] for k in ("seconds", "cpu_seconds"))
    print(
        f"{source:7} {which:6} {median(seconds):6.2f} s ({min(seconds):.2f}-"
        f"{max(seconds):.2f}), {median(cpu):.2f} of the CPU, "
        f"{max(each['opened'] for each in starts)} images opened"
    )


if __name__ == "__main__":
    main()
