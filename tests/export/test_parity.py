"""The check on real images detects any change that alters predictions."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checked_exports import (
    CLASSES,
    CORRECTION,
    DESCRIPTION,
    ask_in_process,
    onnx_format,
    read_images,
    rewrite_document,
    tiny_model,
)
from keraunos.core.errors import ConfigError
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.export.asked_export import ExportAnswers
from keraunos.export.compared_images import choose_images
from keraunos.export.comparison import Parity, Reference
from keraunos.export.export_model import Exporter
from keraunos.export.parity import compare

Change = Callable[[Path], None]


class Made:
    """An export that passed, with the images and predictions it was compared with."""

    def __init__(self, folder: Path) -> None:
        self.images = choose_images(read_images(folder))
        exporter = Exporter([tiny_model()], DESCRIPTION, self.images)
        self.result = exporter.write(onnx_format(), folder / "exports" / "onnx")
        self.probabilities = exporter.probabilities

    def check(self, directory: Path) -> Parity:
        with self.images.reference(self.probabilities) as reference:
            found = ask_in_process(directory, [*reference.files])
            if found.refused:
                raise ConfigError(f"refused: {found.refused}")
            return compare(found, reference)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


@pytest.mark.slow
def test_passing_export_is_written_with_its_parity_report(
    made: Made,
) -> None:
    """`predict.py` was run in its own process."""
    parity = json.loads((made.result.directory / "parity.json").read_text())
    assert (parity["split"], parity["images"], parity["refused"]) == ("test", 15, 0)
    assert parity["largest_difference"] == made.result.parity.largest_difference <= 1e-6
    assert (parity["agreement"], parity["tolerance"]) == (1.0, 1e-4)
    assert parity["per_class"] == {n: {"images": 5, "disagreements": 0} for n in CLASSES}
    split = made.images.split
    digests = {hashlib.sha256(split.content(row)).hexdigest() for row in range(15)}
    assert {each["sha256"] for each in parity["worst_images"]} <= digests
    assert parity["versions"].keys() == {"python", "numpy", "pillow", "onnxruntime"}
    assert [*parity["warnings"]] == ["Only 15 images were compared: there are no more."]
    private = str(Path(split.names[0]).parents[2]).encode()
    assert not any(
        private in file.read_bytes() for file in _files(made)
    )  # nor patient names
    on_disk = {str(p.relative_to(made.result.directory)) for p in _files(made)}
    assert on_disk == {"parity.json", *parity["files"]}  # and no compiled Python file


def _files(made: Made) -> list[Path]:
    return [path for path in made.result.directory.rglob("*") if path.is_file()]


def edit(name: str, *changes: tuple[str, str]) -> Change:
    """Returns an edit of a text file of the export."""

    def change(directory: Path) -> None:
        file = directory / name
        text = file.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text)

    return change


def document(**changes: Any) -> Change:
    """Returns a change of `model.json`."""
    return lambda directory: rewrite_document(directory, lambda d: d.update(changes))


def weights(change: Callable[[Any], None]) -> Change:
    """Returns a change that replaces the model."""

    def write(directory: Path) -> None:
        onnx_format(change).write(tiny_model(), DESCRIPTION, directory)
        rewrite_document(directory, lambda document: None)

    return write


def blue_first(parts: Any) -> None:
    kernel = parts["kernel"].reshape(-1, 3, len(CLASSES))
    parts["kernel"] = kernel[:, ::-1].reshape(-1, len(CLASSES))


def halved_range(parts: Any) -> None:
    parts["scale"] = parts["scale"] / 2


def corrected_in_graph(parts: Any) -> None:
    parts["kernel"] = parts["kernel"] / CORRECTION.temperature
    parts["bias"] = parts["bias"] / CORRECTION.temperature


def nan_bias(parts: Any) -> None:
    parts["bias"] = parts["bias"] * np.nan


def extra_input(parts: Any) -> None:
    parts["inputs"].append("model/Squeeze/input:0")


DECODE = "runtime/data/files/decode.py"
RESIZE = "resize((size, size), Image.Resampling.BILINEAR, stored.box)"
TURN = "np.asarray(_turn(resized, stored.turn)"
BREAKS = {
    "BGR in the decoder": edit(
        DECODE, (f"{TURN})", f"{TURN})[..., ::-1]")
    ),
    "BGR in the model": weights(blue_first),
    "bicubic": edit(DECODE, (RESIZE, RESIZE.replace("BILINEAR", "BICUBIC"))),
    "nearest": edit(DECODE, (RESIZE, RESIZE.replace("BILINEAR", "NEAREST"))),
    "no antialiasing": edit(
        DECODE,
        (
            RESIZE,
            "transform((size, size), Image.Transform.EXTENT, stored.box, "
            "Image.Resampling.BILINEAR)",
        ),
    ),
    "no EXIF orientation": edit(DECODE, ("found in _TRANSPOSITIONS", "False")),
    "black, not white": edit(DECODE, ('colors.size, "white"', 'colors.size, "black"')),
    "another bit depth": document(decoding={"bit_depth": None, "max_pixels": 64_000_000}),
    "another range of values": weights(halved_range),
    "temperature missing": document(correction=None),
    "temperature wrongly marked as applied": document(applied_in_graph=True),
    "temperature applied twice": weights(corrected_in_graph),
    "another temperature": document(correction={"kind": "temperature", "temperature": 2.6}),
    "class names swapped": document(classes=["cat", "bird", "dog"]),
}  # fmt: skip
FAILURES = {
    "another class name": (document(classes=["bird", "cat", "fox"]), "its classes are"),
    "another image size": (document(image_size=30), "."),
    "fewer pixels allowed": (
        document(decoding={"bit_depth": 12, "max_pixels": 1000}),
        "refused",
    ),
    "NaN": (weights(nan_bias), "refused"),
    "extra input": (weights(extra_input), "Squeeze/input:0"),
}


def changed(made: Made, tmp_path: Path, change: Change) -> Path:
    directory = Path(shutil.copytree(made.result.directory, tmp_path / "onnx"))
    change(directory)
    return directory


@pytest.mark.slow
@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_exports_with_different_predictions_fail_the_check(
    made: Made, tmp_path: Path, change: Change
) -> None:
    parity = made.check(changed(made, tmp_path, change))
    assert not parity.has_passed
    assert parity.largest_difference > 10 * (parity.tolerance or 0)
    assert parity.worst[0].difference == parity.largest_difference


@pytest.mark.slow
@pytest.mark.parametrize(("change", "words"), FAILURES.values(), ids=FAILURES)
def test_exports_that_cannot_predict_fail_the_check(
    made: Made, tmp_path: Path, change: Change, words: str
) -> None:
    directory = changed(made, tmp_path, change)
    with pytest.raises(Exception, match=words):
        made.check(directory)


@pytest.mark.slow
def test_unmodified_export_passes_in_this_process(made: Made) -> None:
    assert made.check(made.result.directory).has_passed


@pytest.mark.slow
def test_reference_is_the_corrected_prediction_of_the_model(made: Made) -> None:
    plain = tiny_model().predict_on_batch(made.images.pixels.astype("float32"))
    assert made.probabilities == pytest.approx(CORRECTION.apply(plain), abs=1e-6)
    assert np.ptp(made.probabilities, axis=0).min() > 0.01  # and images differ


def reference(*rows: list[float], labels: list[int] | None = None) -> Reference:
    files = [Path(f"{number}.png") for number in range(len(rows))]
    return Reference(
        files,
        CLASSES,
        np.array(rows),
        None if labels is None else np.array(labels),
    )


def answers(*rows: list[float]) -> ExportAnswers:
    found = np.array(rows)
    return ExportAnswers(found, found.argmax(axis=1))


def test_disagreements_are_counted_per_class() -> None:
    wanted = reference([0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1], labels=[0, 1, 2])
    found = answers([0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1])
    parity = compare(found, wanted)
    assert parity.agreement == pytest.approx(1 / 3)
    assert parity.disagreements == {"bird": 1, "dog": 1}
    assert parity.images_by_class == {"bird": 1, "cat": 1, "dog": 1}
    assert parity.worst[0].model == "bird"
    assert parity.worst[0].export == "cat"
    assert not parity.has_passed
    assert not compare(found, wanted, tolerance=0.9).disagreements  # they count as ties


def test_tie_within_the_tolerance_is_not_a_disagreement() -> None:
    wanted = reference([0.50003, 0.49997, 0.0], [0.0, 0.4, 0.6])
    parity = compare(answers([0.49998, 0.50002, 0.0], [0.0, 0.4, 0.6]), wanted)
    assert (parity.agreement, parity.has_passed) == (1.0, True)
    apart = reference([0.5003, 0.4997, 0.0], [0.0, 0.4, 0.6])
    assert compare(answers([0.4998, 0.5002, 0.0], [0.0, 0.4, 0.6]), apart).disagreements


@pytest.mark.parametrize("tolerance", [1e-4, None])
def test_nan_fails_the_check_and_is_the_worst_image(tolerance: float | None) -> None:
    wanted = reference([0.7, 0.2, 0.1], [0.1, 0.8, 0.1])
    rows = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, np.nan]])
    found = ExportAnswers(rows, np.array([0, 1]))  # with the correct classes
    parity = compare(found, wanted, tolerance)
    assert not parity.has_passed
    assert parity.worst[0].image == "1.png"


def test_any_finite_difference_passes_without_a_tolerance() -> None:
    parity = compare(answers([0.2, 0.7, 0.1]), reference([0.7, 0.2, 0.1]), None)
    assert parity.has_passed
    assert parity.disagreements == {"bird": 1}


def test_constant_predictions_produce_a_warning() -> None:
    same = reference([0.331, 0.334, 0.335], [0.332, 0.333, 0.335])
    parity = compare(ExportAnswers(same.probabilities, np.array([2, 2])), same)
    assert parity.has_passed
    assert "an export that reads images wrongly may pass" in parity.warnings[0]
    assert parity.as_json()["warnings"] == parity.warnings


def test_classes_without_compared_images_are_named() -> None:
    wanted = reference([0.7, 0.2, 0.1], [0.6, 0.3, 0.1], labels=[0, 0])
    assert (
        "No image of cat, dog was compared."
        in compare(answers([0.7, 0.2, 0.1], [0.6, 0.3, 0.1]), wanted).warnings
    )


@pytest.mark.parametrize("rows", [[[np.nan, 0.5, 0.5]], []])
def test_reference_without_finite_predictions_is_rejected(rows: Any) -> None:
    with pytest.raises(ConfigError, match="must be finite"):
        reference(*rows)


def test_failing_signature_fails_the_export() -> None:
    good = compare(answers([0.7, 0.2, 0.1]), reference([0.7, 0.2, 0.1]))
    bad = compare(answers([0.6, 0.3, 0.1]), reference([0.7, 0.2, 0.1]), 0.05)
    assert replace(good, signatures={"bytes": good}).has_passed
    both = replace(good, signatures={"bytes": bad})
    assert (both.has_passed, both.first_failed) == (False, bad)
    assert both.as_json()["signatures"]["bytes"]["tolerance"] == 0.05


@pytest.mark.slow
def test_vector_corrections_are_compared(made: Made, tmp_path: Path) -> None:
    vector = Correction("vector", None, (0.4, 1.0, 1.7), (0.0, -1.0, 0.5))
    directory = changed(made, tmp_path, document(correction=vector.as_json()))
    plain = tiny_model().predict_on_batch(made.images.pixels.astype("float32"))
    with made.images.reference(vector.apply(plain)) as wanted:
        found = ask_in_process(directory, [*wanted.files])
        assert compare(found, wanted).has_passed
