"""Compares the throughput of input pipelines, without a model.

    python benchmarks/input_pipeline.py [--sizes 600x450 1500x1000] [--cpus 1 2]
                                        [--peer-python PYTHON]

Each side reads the same JPEGs to 224 x 224 pixels, float32, in batches of 32, from files in
the page cache:

- Keraunos, as in a run: batches of an `ImageSplit` through `prepare`; from files with
  threads and with processes, from record files of `keraunos pack` if array-record is
  installed, from the decoded cache, and from this cache with augmentation;
- `keras.utils.image_dataset_from_directory`, alone and with three layers of Keras;
- tf.data with `decode_jpeg(ratio=...)` and `resize(antialias=True)`;
- the DataLoader of torch with 1, 2 and 4 processes, in the Python of `--peer-python`: with
  the folder and transforms of torchvision if installed, otherwise the same with Pillow.

The sides take turns. Each number of CPUs has its own processes, which are limited to it.
Reports images per second, and CPU milliseconds per image, which hardly depend on the load
of the machine: of all processes, and of the process that would train.

`in Python` is the part that only one thread can execute at a time: it limits the throughput
for any number of CPUs. `by threads` shows this: decoding in C is replaced by sleeping
equally long, as if each thread had its own CPU.

The photographs of `--photographs`, or else drawn lesions, are resized and get grain.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from decoding_threads import contention

SIZE, BATCH_SIZE = 224, 32
PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "data" / "isic9" / "Train"
PROCESSES = "KERAUNOS_DECODING_PROCESSES"

BATCHES_TO_BEGIN = 8  # the number of batches that are read ahead
BATCHES_AT_LEAST = 8

Batches = Iterator[Any]  # infinite


def main() -> None:
    """Creates the images, lets each side read them, and prints a table and JSON."""
    options = parse()
    if options.side:
        print(json.dumps(measure(options)))
        return
    answer: dict[str, Any] = {}
    for size in options.sizes:
        width, height = map(int, size.split("x"))
        count = max(round(options.megapixels * 1e6 / (width * height)), BATCH_SIZE)
        with tempfile.TemporaryDirectory() as folder:
            make_images(Path(folder, "images"), size, count, options.photographs)
            answer[size] = measure_all(folder, options)
        show(size, answer[size])
    print(json.dumps(answer))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", default=["600x450", "1500x1000"])
    parser.add_argument(
        "--megapixels", type=float, default=70, help="of all images of one size"
    )
    parser.add_argument("--cpus", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn, at least")
    parser.add_argument("--photographs", type=Path, default=PHOTOGRAPHS)
    parser.add_argument("--peer-python", default="")
    parser.add_argument("--side", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure_all(folder: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measures each side, by number of CPUs."""
    found: dict[str, Any] = {}
    peers = {"torch": options.peer_python} if options.peer_python else {}
    for cpus in options.cpus:
        found[str(cpus)] = {}
        for side, python in {"keraunos": sys.executable, **peers}.items():
            command = [python, __file__, f"--side={side}", f"--folder={folder}"]
            command += [f"--cpus={cpus}", f"--rounds={options.rounds}"]
            command += [f"--seconds={options.seconds}"]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[str(cpus)] |= json.loads(done.stdout.splitlines()[-1])
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measures the variants of one side, in a process of its own; returns medians."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cpus[0]])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    folder = Path(options.folder)
    ways = dict(
        tensorflow_ways(folder) if options.side == "keraunos" else torch_ways(folder)
    )
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            found[name].append(timed(way(), options.seconds))
    medians = {
        name: {key: median(each[key] for each in rounds) for key in rounds[0]}
        for name, rounds in found.items()
    }
    if options.side == "keraunos":
        return medians | {"contention": contention(folder / "images", SIZE)}
    return medians


def timed(batches: Batches, seconds: float) -> dict[str, float]:
    """Returns CPU ms per image of all processes and of this one, and images per second."""
    for _ in range(BATCHES_TO_BEGIN):
        next(batches)
    start, main_cpu, cpu = time.perf_counter(), time.process_time(), cpu_seconds()
    done = 0
    while done < BATCHES_AT_LEAST or time.perf_counter() - start < seconds:
        next(batches)
        done += 1
    count = done * BATCH_SIZE
    return {
        "cpu_ms": 1000 * (cpu_seconds() - cpu) / count,
        "main_cpu_ms": 1000 * (time.process_time() - main_cpu) / count,
        "images_per_second": count / (time.perf_counter() - start),
    }


def cpu_seconds() -> float:
    """Returns the CPU seconds of this process and its children."""
    ticks = 0
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            fields = Path("/proc", child, "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def tensorflow_ways(folder: Path) -> Iterator[tuple[str, Callable[[], Batches]]]:
    """Yields the variants of Keraunos, Keras and TensorFlow."""
    import keras
    import keraunos as kr
    import tensorflow as tf
    from keraunos.strategies import Position, Replicas

    def ours(
        cache: Any, strength: float = 0.0, processes: int = 0, train: Path | None = None
    ) -> Callable[[], Batches]:
        os.environ[PROCESSES] = str(processes)
        read = kr.ImageData.from_csv if train else kr.ImageData.from_folder
        split = read(
            train or folder / "images",
            image_size=SIZE,
            batch_size=BATCH_SIZE,
            cache=cache,
            cache_dir=folder / "cache",
            validation_split=0,
            on_conflict="keep",
            augmentation=kr.Augmentation(strength=strength),
        ).train
        prepare = tf.function(split.prepare, reduce_retracing=True)

        def batches() -> Batches:
            for parts in split.batches(Position(), Replicas()):
                yield prepare(parts[0].content)

        return batches

    def files() -> tf.data.Dataset:
        return keras.utils.image_dataset_from_directory(
            folder / "images",
            labels=None,
            image_size=(SIZE, SIZE),
            batch_size=BATCH_SIZE,
            shuffle=False,
            verbose=False,
        )

    layers = [
        keras.layers.RandomFlip("horizontal_and_vertical"),
        keras.layers.RandomRotation(0.2),
        keras.layers.RandomZoom(0.2),
    ]

    def augmented(images: Any) -> Any:
        for layer in layers:
            images = layer(images, training=True)
        return images

    def decoded(path: Any) -> Any:
        content = tf.io.read_file(path)
        shape = tf.io.extract_jpeg_shape(content)
        at_least = tf.reduce_min(shape[:2]) // SIZE
        image = tf.switch_case(
            tf.cast(tf.searchsorted([2, 4, 8], [at_least], side="right")[0], tf.int32),
            [
                partial(tf.io.decode_jpeg, content, channels=3, ratio=ratio)
                for ratio in (1, 2, 4, 8)
            ],
        )
        return tf.image.resize(image, (SIZE, SIZE), antialias=True)

    paths = [str(path) for path in sorted((folder / "images").glob("*/*.jpg"))]
    by_ratio = tf.data.Dataset.from_tensor_slices(paths)
    by_ratio = by_ratio.map(decoded, num_parallel_calls=tf.data.AUTOTUNE)
    by_ratio = by_ratio.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)
    with_layers = files().map(augmented, num_parallel_calls=tf.data.AUTOTUNE)
    cpus = len(os.sched_getaffinity(0))
    yield "keraunos, files, threads", ours("none")
    yield f"keraunos, files, {cpus} processes", ours("none", processes=cpus)
    if importlib.util.find_spec("array_record"):
        yield "keraunos, record files", ours("none", train=packed(folder))
    yield "keraunos, cache", ours("disk")
    yield "keraunos, cache, augmented", ours("disk", strength=0.5)
    yield "image_dataset_from_directory", lambda: iter(files().repeat())
    yield "the same, augmented", lambda: iter(with_layers.repeat())
    yield "tf.data, decode_jpeg(ratio)", lambda: iter(by_ratio.repeat())


def packed(folder: Path) -> Path:
    """Packs the images into record files, and returns their table."""
    from keraunos.configs import DataConfig
    from keraunos.core.store import Store
    from keraunos.data.index.sources import list_sources
    from keraunos.data.packing import TABLE_FILE, pack

    config = DataConfig(train=str(folder / "images"))
    scans = list_sources(config, 0, Store(folder / "cache", 10**9))
    pack(scans, folder / "packed", 256_000_000)
    return folder / "packed" / TABLE_FILE


def torch_ways(folder: Path) -> Iterator[tuple[str, Callable[[], Batches]]]:
    """Yields the variants of torch's DataLoader, which do not need Keraunos."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader

    paths = sorted((folder / "images").glob("*/*.jpg"))

    class ByPillow(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, place: int) -> Any:
            image = Image.open(paths[place]).convert("RGB")
            resized = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
            return torch.from_numpy(np.array(resized)).permute(2, 0, 1), place

    def dataset() -> Any:
        try:
            from torchvision import datasets, transforms
        except ImportError:
            return ByPillow()
        how = [transforms.Resize((SIZE, SIZE)), transforms.PILToTensor()]
        return datasets.ImageFolder(str(folder / "images"), transforms.Compose(how))

    def batches(loader: Any) -> Batches:
        while True:
            for images, _ in loader:
                yield images.float()

    for workers in (1, 2, 4):
        loader = DataLoader(
            dataset(), BATCH_SIZE, num_workers=workers, persistent_workers=True
        )
        yield f"torch DataLoader, {workers} processes", partial(batches, loader)


def make_images(folder: Path, size: str, count: int, photographs: Path) -> None:
    """Writes JPEGs of one size, with grain, into two class folders."""
    from keraunos.data.synthetic.lesions import KINDS, draw_lesion
    from PIL import Image

    width, height = map(int, size.split("x"))
    random = np.random.default_rng(0)
    found = sorted(photographs.glob("*/*.jpg"))
    kinds = list(KINDS)
    for number in range(count):
        if found:
            image = Image.open(found[number * len(found) // count]).convert("RGB")
        else:
            image = Image.fromarray(draw_lesion(kinds[number % len(kinds)], 0, number))
        large = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
        grain = random.normal(0, 4, large.shape)
        path = folder / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noisy = (large + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(path, quality=90)


def show(size: str, found: dict[str, Any]) -> None:
    """Prints a table of one size of images."""
    for cpus, ways in found.items():
        heading = f"{size}, {cpus} CPUs"
        print(f"{heading:34}  CPU ms an image  of that here  images/s")
        in_python, threads = ways["contention"].values()
        for name, each in ways.items():
            if name != "contention":
                print(f"  {name:32}" + "{:17.3f}{:14.3f}{:10.0f}".format(*each.values()))
        rates = ", ".join(f"{count}: {rate:.0f}" for count, rate in threads.items())
        print(f"  in Python {in_python:.3f} ms an image; images/s by threads {rates}")


if __name__ == "__main__":
    main()
