import pytest
from keraunos import ConfigError
from keraunos.export.quantization.quantizers import quantizer_of, require_quantizer


@pytest.mark.parametrize("format", ["keras", "saved_model"])
def test_format_without_int8_is_rejected_with_the_supported_ones(format):
    words = rf"onnx, litert, openvino.*format='{format}'.*leave --int8 out"
    with pytest.raises(ConfigError, match=words):
        require_quantizer(format)


@pytest.mark.parametrize(
    ("format", "module"), [("litert", "ai_edge_quantizer"), ("openvino", "nncf")]
)
def test_missing_package_error_shows_the_install_command(monkeypatch, format, module):
    monkeypatch.setattr("keraunos.export.quantization.quantizers.find_spec", {}.get)
    with pytest.raises(ConfigError, match=rf"missing='{module}'.*pip install .*\[int8\]"):
        quantizer_of(format)
