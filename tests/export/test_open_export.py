"""Opening an untrusted export runs none of its code."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from checked_exports import DESCRIPTION, SIZE, onnx_format, tiny_model
from keraunos.core.errors import ConfigError
from keraunos.core.files import sha256_of_file
from keraunos.export.open_export import open_export
from keraunos.export.portable_files import write_portable_files

LAMBDA = {"class_name": "Lambda", "module": "keras.layers", "config": {}}
IR = '<net name="m"><layers><layer type="X" version="extension"/></layers></net>'


def described(directory: Path, format: str, file: str) -> Path:
    """Writes a valid `model.json` next to files that may be harmful."""
    files = [each for each in directory.rglob("*") if each.is_file()]
    digests = {
        os.fspath(each.relative_to(directory)): sha256_of_file(each) for each in files
    }
    document = {"format": format, "file": file, "files": digests}
    (directory / "model.json").write_text(json.dumps(DESCRIPTION.as_json() | document))
    return directory


def keras_file(directory: Path) -> str:
    with zipfile.ZipFile(directory / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(LAMBDA))
        archive.writestr("model.weights.h5", b"")
    return "model.keras"


def saved_model(directory: Path) -> str:
    (directory / "1" / "assets").mkdir(parents=True)
    (directory / "1" / "assets" / "words").write_text("a")
    return "1"


def onnx_file(directory: Path) -> str:
    import onnx

    node = onnx.helper.make_node("EPContext", ["a"], ["b"], domain="com.microsoft")
    graph = onnx.helper.make_graph([node], "g", [], [])
    (directory / "m.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    return "m.onnx"


def openvino_file(directory: Path) -> str:
    (directory / "model.xml").write_text(IR)
    return "model.xml"


@pytest.mark.parametrize(
    ("format", "write"),
    [
        ("keras", keras_file),
        ("saved_model", saved_model),
        ("onnx", onnx_file),
        ("openvino", openvino_file),
    ],
)
def test_harmful_models_are_not_opened(tmp_path: Path, format: Any, write: Any):
    described(tmp_path, format, write(tmp_path))
    with pytest.raises(ConfigError, match=r"must only compute.* was not opened"):
        open_export(tmp_path)


@pytest.mark.slow
def test_python_files_of_an_export_are_never_imported(tmp_path: Path):
    harm = tmp_path / "harm"
    export = tmp_path / "export"
    export.mkdir()
    onnx_format().write(tiny_model(), DESCRIPTION, export)
    described(export, "onnx", "model.onnx")
    write_portable_files(export, ())
    for file in export.rglob("*.py"):
        file.write_text(f"open({str(harm)!r}, 'w').close()\n")
    (export / "onnxruntime.py").write_text(f"open({str(harm)!r}, 'w').close()\n")
    model = open_export(export)
    assert model.image_size == SIZE
    assert not harm.exists()
