import pytest
from keraunos import ConfigError
from keraunos.export.quantization.quantizers import quantizer_of, require_quantizer


@pytest.mark.parametrize("format", ["keras", "saved_model"])
def test_a_format_that_has_no_integers_is_an_error_that_names_those_that_have(format):
    words = rf"onnx, litert, openvino.*format='{format}'.*leave --int8 out"
    with pytest.raises(ConfigError, match=words):
        require_quantizer(format)


@pytest.mark.parametrize(
    ("format", "module"), [("litert", "ai_edge_quantizer"), ("openvino", "nncf")]
)
def test_a_missing_package_is_an_error_with_what_to_install(monkeypatch, format, module):
    monkeypatch.setattr("keraunos.export.quantization.quantizers.find_spec", {}.get)
    with pytest.raises(ConfigError, match=rf"missing='{module}'.*pip install .*\[int8\]"):
        quantizer_of(format)
