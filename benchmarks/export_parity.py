"""Compares the outputs of exports and models, for all backbones and formats.

    python benchmarks/export_parity.py [--cases ResNet50 calibrated ensemble ...]
        [--formats onnx ...] [--images FOLDER] [--count 72] [--image-size 64]

Each model has a backbone with random weights, features that are standardized on the images,
and a random head. First checks that its outputs differ between images, because constant
outputs would agree trivially. The images are drawn lesions, or the files of a folder. Every
export is written and verified like by `keraunos export`: its `predict.py` runs in its own
process on the image files. Then its runtime predicts batches of 1, 3 and 33 images.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keraunos.configs.backbone import networks
from keraunos.data.files.decode import decode
from keraunos.data.files.pixel_rules import DEFAULT_RULES
from keraunos.data.synthetic.lesions import KINDS, draw_lesion
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.export.comparison import Reference
from keraunos.export.corrected import corrected_models
from keraunos.export.description import Description
from keraunos.export.formats.contract import Format
from keraunos.export.formats.registry import format_names, format_of
from keraunos.export.open_export import open_export
from keraunos.export.write_export import write_export
from keraunos.models.ensemble import ensemble_model
from keraunos.models.transfer import TransferClassifier
from PIL import Image

CLASSES = tuple(KINDS)
SMALL = "MobileNetV2"  # for cases that do not test the backbone
BATCHES = (1, 3, 33)
SPREAD = 0.05  # minimum standard deviation over images of the probability of a class

Floats = npt.NDArray[np.floating]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """A model to export.

    Attributes:
        candidates: Equivalent models, for `write_export`.
        description: The description of the model.
        expected: The expected outputs.
    """

    candidates: list[keras.Model]
    description: Description
    expected: Floats


def classifier(backbone: str, pixels: Pixels) -> keras.Model:
    """Builds a classifier with random weights whose outputs differ between images."""
    keras.utils.set_random_seed(0)
    module = TransferClassifier(
        len(CLASSES),
        image_size=pixels.shape[1],
        backbone=backbone,
        weights=None,
        standardize_features=True,
    )
    model = module.build()
    module.prepare(model, lambda part: probabilities(part, pixels))
    return model


def probabilities(model: keras.Model, pixels: Pixels) -> Floats:
    """Returns the outputs of a model for images."""
    batches = np.split(pixels.astype(np.float32), range(32, len(pixels), 32))
    return np.concatenate([model.predict_on_batch(batch) for batch in batches])


def plain(name: str, pixels: Pixels) -> Case:
    """Creates the case of a backbone with a head on standardized features."""
    model = classifier(name, pixels)
    description = Description(name, CLASSES, pixels.shape[1])
    return Case([model], description, probabilities(model, pixels))


def calibrated(name: str, pixels: Pixels) -> Case:
    """Creates the case of a model that corrects its probabilities in the graph."""
    case = plain(SMALL, pixels)
    shape: Any = pixels.shape[1:]
    scale = tuple(0.5 + number / len(CLASSES) for number in range(len(CLASSES)))
    bias = tuple(number / len(CLASSES) - 0.5 for number in range(len(CLASSES)))
    correction = Correction("vector", scale=scale, bias=bias)
    return Case(
        list(corrected_models(case.candidates[0], correction, shape)),
        replace(case.description, correction=correction, applied_in_graph=True),
        correction.apply(case.expected.astype(np.float64)),
    )


def ensemble(name: str, pixels: Pixels) -> Case:
    """Creates the case of two models with different preprocessing."""
    members = [classifier(each, pixels) for each in (SMALL, "ResNet50")]
    expected = np.mean([probabilities(each, pixels) for each in members], axis=0)
    model = ensemble_model(members)
    return Case([model], Description(name, CLASSES, pixels.shape[1]), expected)


CASES: dict[str, Callable[[str, Pixels], Case]] = {
    **dict.fromkeys(networks(), plain),
    "calibrated": calibrated,
    "ensemble": ensemble,
}


def drawn_images(folder: Path, count: int) -> list[Path]:
    """Writes JPEGs of drawn lesions of all classes."""
    files = []
    for number in range(count):
        pixels = draw_lesion(CLASSES[number % len(CLASSES)], 0, number)
        size = (96 + number % 5, 96 + number % 7)
        files.append(folder / f"{number}.jpg")
        Image.fromarray(pixels).resize(size).save(files[-1], quality=90)
    return files


def require_spread(name: str, expected: Floats) -> None:
    """Checks that outputs differ between images."""
    classes = len(np.unique(expected.argmax(axis=1)))
    spread = float(expected.std(axis=0).max())
    assert classes >= 3, f"{name} gives {classes} classes to all images"
    assert spread >= SPREAD, f"{name} gives all images the same: {spread:.1e}"


def measure(
    format: Format, case: Case, files: list[Path], pixels: Pixels, folder: Path
) -> dict[str, Any]:
    """Exports a case in a format, and runs the export."""
    spent: list[float] = []

    def write(*arguments: Any) -> None:
        started = time.perf_counter()
        format.write(*arguments)
        spent.append(time.perf_counter() - started)

    directory = folder / format.name
    reference = Reference(files, CLASSES, case.expected)
    timed = replace(format, write=write)
    parity = write_export(case.candidates, timed, case.description, reference, directory)
    opened = open_export(directory)
    differences = [
        float(np.abs(opened.answers(pixels[:n]).probabilities - case.expected[:n]).max())
        for n in BATCHES
    ]
    size = sum((directory / name).stat().st_size for name in opened.document["files"])
    shutil.rmtree(directory)
    return {
        "seconds": round(sum(spent), 1),
        "megabytes": round(size / 1e6, 2),
        "largest_difference": parity.largest_difference,
        "agreement": parity.agreement,
        "in_batches": max(differences),
        "candidates": len(spent),
    }


def rows(arguments: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """Measures all cases in all formats."""
    files = (
        sorted(arguments.images.rglob("*.jpg"))[: arguments.count]
        if arguments.images
        else drawn_images(folder, arguments.count)
    )
    size = arguments.image_size
    pixels = np.stack([decode(file.read_bytes(), size, DEFAULT_RULES) for file in files])
    for name in arguments.cases:
        keras.utils.clear_session()
        case = CASES[name](name, pixels)
        require_spread(name, case.expected)
        for format in map(format_of, arguments.formats):
            yield {
                "case": name,
                "format": format.name,
                **measure(format, case, files, pixels, folder),
                "spread": float(case.expected.std(axis=0).max()),
            }


def main() -> None:
    """Prints the table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--formats", nargs="+", default=list(format_names()))
    parser.add_argument("--images", type=Path)
    parser.add_argument("--count", type=int, default=72)
    parser.add_argument("--image-size", type=int, default=64)
    arguments = parser.parse_args()
    print(
        f"{'case':<18}{'format':<13}{'write':>8}{'size':>10}{'difference':>12}"
        f"{'agreement':>11}{'in batches':>12}",
        flush=True,
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(arguments, Path(folder)):
            found.append(row)
            print(
                f"{row['case']:<18}{row['format']:<13}{row['seconds']:>6} s"
                f"{row['megabytes']:>7} MB{row['largest_difference']:>12.1e}"
                f"{row['agreement']:>11.1%}{row['in_batches']:>12.1e}",
                flush=True,
            )
    print(json.dumps({"count": arguments.count, "rows": found}))


if __name__ == "__main__":
    main()
