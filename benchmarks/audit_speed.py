"""Measures the speed and memory of audits of folders of different sizes.

    python benchmarks/audit_speed.py [--photographs FOLDER] [--sizes 10000 100000]

Audits real photographs, if a folder of class folders is given, and folders with the given
numbers of generated images. Each audit runs in its own process, first with an empty cache
and then again. CPU seconds, over all cores and including the start of the process, hardly
depend on the load of the machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

AUDIT = """
import json, resource, sys, time
from pathlib import Path
from keraunos.core.store import Store
start = time.perf_counter()
from keraunos.data.audit.audit import audit_folders
from keraunos.data.audit.findings import to_json
found = audit_folders([Path(sys.argv[1])], Store(Path(sys.argv[2]), 10**11), sys.argv[3])
to_json(found)
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_SELF)
answer = {"files": len(found.paths), "seconds": seconds, "peak_mib": used.ru_maxrss / 1024}
answer["cpu_seconds"] = used.ru_utime + used.ru_stime
answer["groups"] = len(found.duplicates)
print(json.dumps(answer))
"""


def make_folder(folder: Path, count: int) -> None:
    """Generates distinct images of smooth noise in ten classes."""
    random = np.random.default_rng(0)
    for number in range(count):
        if number < 10:
            (folder / f"class-{number}").mkdir(parents=True)
        coarse = random.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)
        image.save(folder / f"class-{number % 10}" / f"{number:06d}.jpg", quality=85)


def audit(folder: Path, cache: Path, check: str) -> dict[str, float]:
    """Audits in a new process; returns files, seconds, CPU seconds and peak memory."""
    command = [sys.executable, "-c", AUDIT, str(folder), str(cache), check]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure(name: str, folder: Path) -> dict[str, dict[str, float]]:
    """Audits a folder three times: new, unchanged, and unchanged without near copies."""
    with tempfile.TemporaryDirectory() as cache:
        rows = {
            "first": audit(folder, Path(cache), "full"),
            "again": audit(folder, Path(cache), "full"),
            "again, copies only": audit(folder, Path(cache), "copies"),
        }
    for when, row in rows.items():
        rate = row["files"] / row["seconds"]
        print(
            f"{name:12} {when:20} {row['files']:>8,} files {row['seconds']:8.1f} s "
            f"{rate:9,.0f}/s {row['cpu_seconds']:8.1f} s of CPU {row['peak_mib']:6.0f} MiB",
            flush=True,
        )
    return rows


def main() -> None:
    """Prints a table and a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000])
    arguments = parser.parse_args()
    answer: dict[str, object] = {"cpus": os.cpu_count()}
    if arguments.photographs:
        answer["photographs"] = measure("photographs", arguments.photographs)
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            make_folder(Path(folder), size)
            answer[str(size)] = measure("generated", Path(folder))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
