"""`Trainer.export`: whose run a model is, where the export goes, and that it runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from checked_exports import CLASSES, CORRECTION, read_images, tiny_model
from helpers import contents, largest_difference, replicas, weights_of
from keraunos import ConfigError, ImageData, Trainer
from keraunos.core.checked_files import write_checked_json
from keraunos.core.files import sha256_of_file
from keraunos.export.formats.contract import Format
from keraunos.trainer.checked_export import _on_one_device
from test_documents import ROOT, blocks


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    return read_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return tiny_model()


@pytest.fixture
def run(model: keras.Model, tmp_path: Path) -> Path:
    """A run with a model and a correction, without the training that makes one."""
    directory = tmp_path / "runs" / "first"
    directory.mkdir(parents=True)
    model.save(directory / "model.keras")
    document = {
        **CORRECTION.as_json(),
        "classes": list(CLASSES),
        "model_sha256": sha256_of_file(directory / "model.keras"),
    }
    write_checked_json(directory / "calibration.json", document)
    return directory


@pytest.mark.slow
@pytest.mark.feature("export")
def test_documented_programs_export_a_run_and_call_the_exported_model(
    run: Path, data: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In ONNX, with the real converter, and in a process without Keraunos."""
    monkeypatch.chdir(tmp_path)
    image_folder = Path(data.test.names[0]).parents[2]  # type: ignore[union-attr]
    shutil.copytree(image_folder, tmp_path / "images")
    exporting, calling, _ = blocks((ROOT / "docs" / "export.md").read_text(), "python")
    small = "image_size=32, bit_depth=12"
    assert "image_size=224" in exporting
    names: dict[str, Any] = {}
    exec(exporting.replace("image_size=224", small), names)
    exported = names["exported"]
    assert exported.directory == run / "export" / "onnx"
    assert exported.parity.has_passed
    document = json.loads((exported.directory / "model.json").read_text())
    assert document["correction"] == CORRECTION.as_json()
    for number, name in enumerate(("lesion.jpg", "another.png")):
        shutil.copyfile(data.test.names[number], tmp_path / name)  # type: ignore[union-attr]
    program = "import sys; sys.modules['keraunos'] = sys.modules['tensorflow'] = None\n"
    command = [sys.executable, "-B", "-c", program + calling]
    lines = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout
    pixels = data.test.images(np.arange(2)).astype("float32")  # type: ignore[union-attr]
    wanted = CORRECTION.apply(keras.models.load_model(run / "model.keras")(pixels).numpy())
    for row, line in zip(wanted, lines.decode().splitlines(), strict=True):
        assert f" {CLASSES[row.argmax()]} {{" in line


def recorded_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> list[tuple[Any, Format, Path]]:
    """Records what would be written, instead of writing it."""
    recorded: list[tuple[Any, Format, Path]] = []
    monkeypatch.setattr(
        "keraunos.trainer.checked_export.Exporter.write",
        lambda self, format, place: recorded.append((self._description, format, place)),
    )
    return recorded


def test_the_run_is_found_by_its_path_or_by_its_model(
    run: Path, data: ImageData, model: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = recorded_writes(monkeypatch)
    Trainer().export(run, data)
    Trainer().export(run / "model.keras", data, calibrated=True)
    Trainer(run_dir=run).export(model, data, output=run.parent / "out")
    Trainer(run_dir=run).export(tiny_model(seed=1), data)
    descriptions = [description for description, _, _ in recorded]
    assert [each.correction for each in descriptions] == [CORRECTION] * 3 + [None]
    assert [each.applied_in_graph for each in descriptions] == [False, True, False, False]
    assert [each.classes for each in descriptions] == [CLASSES] * 4
    assert [place.relative_to(run.parent).as_posix() for _, _, place in recorded] == [
        "first/export/keras",
        "first/export/keras-calibrated",
        "out/keras",
        "first/export/keras",
    ]


@pytest.mark.slow
def test_replicated_model_is_exported_from_one_device() -> None:
    with replicas(2).scope():
        model = tiny_model()
    alone = _on_one_device(model)
    assert alone.distribute_strategy.num_replicas_in_sync == 1
    assert largest_difference(weights_of(alone), weights_of(model)) == 0
    assert _on_one_device(alone) is alone


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "An export needs an output directory"),
        ({"format": "onxx", "output": "out"}, "Did you mean onnx?"),
        ({"calibrated": True, "output": "out"}, "needs a run"),
        (
            {"data": np.zeros((3, 32, 32, 3)), "output": "out"},
            "images of the test or validation split",
        ),
        ({"output": "taken"}, "its own directory"),
        ({"int8": True, "output": "out"}, "Formats with int8 are onnx, litert, openvino"),
        ({"verbose": 2, "output": "out"}, "verbose"),
    ],
)
def test_invalid_exports_are_refused_before_anything_is_written(
    data: ImageData,
    model: keras.Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken" / "keras").mkdir(parents=True)
    (tmp_path / "taken" / "keras" / "mine.txt").write_text("mine")
    before = contents(tmp_path)
    given = {"data": data, **options}
    with pytest.raises(ConfigError, match=words):
        Trainer().export(model, **given)
    assert contents(tmp_path) == before
