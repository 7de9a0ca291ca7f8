"""Why XLA is not used, in words."""

import pytest
import tensorflow as tf
from keraunos.trainer.probe.compiled_probe import floor_of, reason_of


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "Detected unsupported operations when trying to compile graph f on "
            "XLA_CPU_JIT: PyFunc (No registered 'PyFunc' OpKernel for XLA_CPU_JIT)",
            "it has no operation PyFunc",
        ),
        (
            "`merge_call` called while defining a new graph or a tf.function. This can",
            "the model or its loss sums over replicas",
        ),
        (
            "Exception encountered when calling Own.call().\n\n\x1b[1mIt is broken.\x1b[0m"
            "\n\nArguments received by Own.call():\n  - inputs",
            "It is broken",
        ),
        ("", "ValueError"),
    ],
)
def test_reason_is_extracted_from_the_error_message(text: str, reason: str) -> None:
    assert reason_of(ValueError(text)) == reason


def test_ignored_difference_depends_on_precision_and_gpu() -> None:
    assert floor_of("float64", on_gpu=True) < floor_of("float32", on_gpu=False)
    tf.config.experimental.enable_tensor_float_32_execution(True)
    assert floor_of("float32", on_gpu=True) == floor_of("float16", on_gpu=False)
