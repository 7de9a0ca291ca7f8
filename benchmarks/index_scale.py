"""Measures memory and time of an index of many images: creation, order, and resuming.

    python benchmarks/index_scale.py [--sizes 10000 100000 1000000]

Creates an index of each size in its own process, and reads epochs and batches of it.
Decoding returns empty images. `blocks` is the number of memory blocks that Python allocates
for the order of an epoch, which would be one per image if each were an object. The first
batch is read from the beginning and from the middle of a later epoch.
"""

import argparse
import json
import subprocess
import sys

SIZES = (10_000, 100_000, 1_000_000)
COLUMNS = (
    "build_s",
    "table_mib",
    "epoch_ms",
    "balanced_ms",
    "epoch_mib",
    "blocks",
    "first_ms",
    "resumed_ms",
)

MEASURE = """
import json, resource, sys, time
import numpy as np
from keraunos.data.training_split import TrainingSplit
from keraunos.data.index.image_index import TRAIN, ImageIndex
from keraunos.strategies import Position, Replicas

count = int(sys.argv[1])

def mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

def make(balance):
    random = np.random.default_rng(0)
    labels = random.choice(9, count, p=np.arange(1, 10) / 45).astype(np.int32)
    paths = [f"/data/photographs/class-{n % 9}/ISIC_{n:07d}.jpg" for n in range(count)]
    index = ImageIndex(
        tuple("abcdefghi"),
        np.array(paths, object),
        labels,
        np.full(count, TRAIN, np.int8),
        np.frombuffer(random.bytes(32 * count), "S32"),
        np.zeros(count, bool),
        np.arange(count),
    )
    load = lambda rows: np.zeros((len(rows), 32, 32, 3), np.uint8)
    return TrainingSplit(index, TRAIN, load, 32, 32, class_balance=balance)

def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start

def first_batch(split, position):
    return timed(lambda: next(iter(split.batches(position, Replicas()))))[1]

before = mib()
split, build = timed(lambda: make("none"))
table = mib() - before
first_batch(split, Position())  # traces
blocks = sys.getallocatedblocks()
draws, epoch = timed(lambda: split.draws(3))
blocks = sys.getallocatedblocks() - blocks
length = split.num_batches
sampling = make("sampling")
print(json.dumps({
    "build_s": build,
    "table_mib": table,
    "epoch_ms": 1000 * epoch,
    "balanced_ms": 1000 * timed(lambda: sampling.draws(3))[1],
    "epoch_mib": sum(array.nbytes for array in draws) / 2**20,
    "blocks": blocks,
    "first_ms": 1000 * first_batch(split, Position(0, 0, length)),
    "resumed_ms": 1000 * first_batch(split, Position(7, length // 2, length)),
}))
"""


def main() -> None:
    """Prints a table and a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    answer = {}
    print(f"{'images':>10}" + "".join(f"{name:>13}" for name in COLUMNS))
    for size in parser.parse_args().sizes:
        command = [sys.executable, "-c", MEASURE, str(size)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        row = answer[size] = json.loads(done.stdout)
        print(f"{size:>10,}" + "".join(f"{row[name]:>13.4g}" for name in COLUMNS))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
