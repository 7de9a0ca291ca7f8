import importlib.util
import re
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.extras import install_command
from keraunos.export.formats.registry import format_names, format_of
from keraunos.export.portable import document, runtimes
from keraunos.export.portable.fields import ModelFileError
from keraunos.export.quantization import quantizers
from keraunos.export.untrusted import checks

ROOT = Path(__file__).parents[3]


def hide(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    find_spec = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == hidden else find_spec(name, package)

    monkeypatch.setattr("keraunos.export.formats.registry.find_spec", without)


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("onnx", "tf2onnx"),
        ("onnx", "onnxruntime"),
        ("litert", "ai_edge_litert"),
        ("openvino", "openvino"),
    ],
)
def test_missing_extra_is_an_error_with_the_install_command(name, hidden, monkeypatch):
    hide(monkeypatch, hidden)
    with pytest.raises(ConfigError) as raised:
        format_of(name)
    assert f"missing='{hidden}'" in str(raised.value)
    assert install_command(name) in str(raised.value)


def test_every_format_is_registered_under_its_own_name():
    assert [format_of(name).name for name in format_names()] == list(format_names())


def test_every_format_has_a_writer_description_check_and_runtime():
    names = set(format_names())
    assert names == set(document.FORMATS), "FORMATS in export/portable/document.py"
    assert names == set(checks._MODULES), "_MODULES in export/untrusted/checks.py"
    assert names == set(runtimes._RUNTIMES), "_RUNTIMES in export/portable/runtimes.py"
    assert names >= set(quantizers._QUANTIZERS)


@pytest.mark.parametrize("name", format_names())
def test_every_format_is_documented(name):
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{name}`.* \|", page, re.MULTILINE)


@pytest.mark.parametrize("use", [checks.require_harmless, runtimes.open_runtime])
def test_unknown_format_is_rejected_with_the_valid_formats(use, tmp_path):
    with pytest.raises(ModelFileError, match=r"one of .*openvino.*format='keras_h5'"):
        use("keras_h5", tmp_path / "model.h5")
