import logging
import os
import subprocess
import sys

import pytest
from keraunos.core.errors import ConfigError, DataError
from keraunos.export.formats.conversion import converting


def test_converter_output_is_suppressed(capfd):
    print("before")
    with converting("onnx"):
        print("printed")
        os.write(2, b"written by native code\n")
        subprocess.run([sys.executable, "-S", "-c", "print('by a child')"], check=True)
        logging.getLogger("tf2onnx").warning("logged")
    print("after")
    assert capfd.readouterr() == ("before\nafter\n", "")


def test_logger_levels_are_restored():
    levels = [logging.getLogger(name).level for name in ("tensorflow", "absl", "tf2onnx")]
    with converting("onnx"):
        assert not logging.getLogger("tf2onnx").isEnabledFor(logging.WARNING)
    assert levels == [
        logging.getLogger(name).level for name in ("tensorflow", "absl", "tf2onnx")
    ]


def test_converter_failure_is_reported_in_one_line(capfd):
    with pytest.raises(ConfigError) as raised, converting("onnx"):
        os.write(2, b"pages of a trace\n")
        raise RuntimeError("no rule\n  for Erfinv")
    assert "convertible to onnx" in str(raised.value)
    assert "reason='RuntimeError: no rule for Erfinv'" in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_operations_unsupported_by_litert_are_named_once():
    text = "error: 'tf.Erfinv' op is neither a custom op nor a flex op\n"
    with (
        pytest.raises(ConfigError, match="no such operation: Erfinv, Svd'"),
        converting("x"),
    ):
        raise ValueError(f"{text}{text}{text.replace('Erfinv', 'Svd')}")


@pytest.mark.parametrize("error", [DataError("ours"), OSError(28, "disk full")])
def test_other_errors_are_propagated_unchanged(error):
    with pytest.raises(type(error)) as raised, converting("onnx"):
        raise error
    assert raised.value is error
