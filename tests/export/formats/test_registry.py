import importlib.util
from importlib.machinery import ModuleSpec

import pytest
from keraunos.core.errors import ConfigError
from keraunos.export.formats.registry import format_names, format_of


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
def test_a_missing_extra_is_an_error_with_the_line_to_type(name, hidden, monkeypatch):
    hide(monkeypatch, hidden)
    with pytest.raises(ConfigError) as raised:
        format_of(name)
    assert f"missing='{hidden}'" in str(raised.value)
    assert f'pip install "keraunos[{name}]"' in str(raised.value)


def test_every_format_is_known_by_its_own_name():
    assert [format_of(name).name for name in format_names()] == list(format_names())
