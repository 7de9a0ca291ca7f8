"""Problems with runtimes are errors that name the cause."""

import importlib.util
import json
import re
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from checked_exports import DESCRIPTION, onnx_format, rewrite_document, tiny_model
from keraunos.core.errors import ConfigError
from keraunos.core.extras import install_command
from keraunos.export.open_export import open_export
from keraunos.export.portable.command import main
from keraunos.export.portable.fields import ModelFileError
from keraunos.export.portable.runtimes import MissingRuntimeError, open_runtime

MODULES = {
    "keras": "keras",
    "saved_model": "tensorflow",
    "onnx": "onnxruntime",
    "litert": "ai_edge_litert",
    "openvino": "openvino",
}


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulates that no runtime is installed."""
    find_spec = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in MODULES.values() else find_spec(name, package)

    monkeypatch.setattr("keraunos.export.portable.runtimes.find_spec", without)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    onnx_format().write(tiny_model(), DESCRIPTION, tmp_path)
    document = {
        **DESCRIPTION.as_json(),
        "format": "onnx",
        "file": "model.onnx",
        "files": {"model.onnx": ""},
    }
    (tmp_path / "model.json").write_text(json.dumps(document))
    rewrite_document(tmp_path, lambda document: None)
    return tmp_path


@pytest.mark.parametrize("format", MODULES)
def test_missing_runtime_is_named(format, hidden, tmp_path):
    with pytest.raises(MissingRuntimeError, match=r"not installed: pip install \S+$"):
        open_runtime(format, tmp_path)


def test_missing_runtime_error_shows_the_install_command(export, hidden, capsys):
    with pytest.raises(ConfigError, match=re.escape(install_command("onnx"))):
        open_export(export)
    assert main(export, ["image.jpg"]) == 2
    assert capsys.readouterr().err.endswith("pip install onnxruntime\n")


@pytest.mark.slow
@pytest.mark.parametrize("format", MODULES)
def test_unreadable_model_file_raises_a_model_file_error(format, tmp_path):
    file = tmp_path / "model.keras"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelFileError, match=r"can't open model\.keras \("):
        open_runtime(format, file)
