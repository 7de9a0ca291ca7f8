"""An export appears once it has passed; a failed one leaves nothing."""

import errno
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from checked_exports import (
    CLASSES,
    CORRECTION,
    DESCRIPTION,
    onnx_format,
    read_images,
    tiny_model,
)
from helpers import contents
from keraunos.core.errors import ConfigError
from keraunos.export.compared_images import ComparedImages, choose_images
from keraunos.export.description import Description
from keraunos.export.export_model import Exporter, predict_in_batches
from keraunos.export.formats.contract import Format, Signature
from keraunos.export.formats.saved_model import SAVED_MODEL, TOLERANCE
from keraunos.export.image_bytes import signature
from keraunos.export.image_bytes.decode import decode
from keraunos.export.portable.from_bytes import BYTES_SIGNATURE
from keraunos.export.write_export import write_export

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ComparedImages:
    return choose_images(read_images(tmp_path_factory.mktemp("images")))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return tiny_model()


@pytest.fixture
def exporter(images: ComparedImages, model: keras.Model) -> Exporter:
    return Exporter([model], DESCRIPTION, images)


def instead(write: Callable[[Path], None]) -> Format:
    """Returns a format with an additional step after the model is written."""
    right = onnx_format()

    def written(model: keras.Model, description: Description, directory: Path) -> None:
        right.write(model, description, directory)
        write(directory)

    return replace(right, write=written)


def runtime(text: str) -> Format:
    """Returns a format whose third-party runtime is replaced by a program."""
    program = f"import os, signal, time\n{text}\n"
    return instead(lambda directory: _written(directory / "onnxruntime.py", program))


def _written(file: Path, text: str) -> None:
    file.write_text(text)


def disk_full(directory: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))


def blue_first(parts: Any) -> None:
    kernel = parts["kernel"].reshape(-1, 3, len(CLASSES))
    parts["kernel"] = kernel[:, ::-1].reshape(-1, len(CLASSES))


def extra_input(parts: Any) -> None:
    parts["inputs"].append("model/Squeeze/input:0")


FAULTS = {
    "input": (onnx_format(extra_input), ConfigError, "Squeeze/input:0"),
    "segfault": (
        runtime("os.kill(os.getpid(), signal.SIGSEGV)"), ConfigError, "SIGSEGV"
    ),
    "disk full": (instead(disk_full), OSError, "No space left"),
    "SIGTERM": (
        instead(lambda directory: signal.raise_signal(signal.SIGTERM)), SystemExit, "143"
    ),
    "SIGINT": (
        runtime("os.kill(os.getppid(), signal.SIGINT); time.sleep(1000)"),
        KeyboardInterrupt,
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("format", "error", "words"), FAULTS.values(), ids=FAULTS)
def test_failed_export_leaves_no_files(
    exporter: Exporter, tmp_path: Path, format: Format, error: Any, words: str | None
) -> None:
    with pytest.raises(error, match=words):
        exporter.write(format, tmp_path / "exports" / "onnx", timeout_seconds=60)
    assert contents(tmp_path) == {}


def test_first_candidate_that_passes_is_kept_and_later_failures_change_nothing(
    images: ComparedImages, model: keras.Model, tmp_path: Path
) -> None:
    wanted = CORRECTION.apply(predict_in_batches(model, images.pixels))
    with images.reference(wanted) as reference:

        def write(*models: keras.Model, **options: Any) -> bool:
            arguments = (onnx_format(), DESCRIPTION, reference, tmp_path / "onnx")
            return write_export(iter(models), *arguments, **options).has_passed

        assert write(tiny_model(seed=5), model, measure=lambda _: {"int8": {"loss": 0.1}})
        before = contents(tmp_path)
        with pytest.raises(ConfigError, match="must equal those of its model"):
            write(tiny_model(seed=6))
    parity = json.loads((tmp_path / "onnx" / "parity.json").read_text())
    assert parity["int8"] == {"loss": 0.1}
    assert contents(tmp_path) == before


@pytest.mark.nightly
def test_saved_model_with_a_wrong_byte_decoder_is_not_written(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its array signature is correct: the one from bytes is checked separately."""

    def blue_first(*arguments: Any) -> Any:
        return decode(*arguments)[..., ::-1]

    monkeypatch.setattr(signature, "decode", blue_first)
    with pytest.raises(ConfigError, match=f"within {TOLERANCE:g}; nothing was written"):
        exporter.write(SAVED_MODEL, tmp_path / "saved_model")
    assert contents(tmp_path) == {}
    monkeypatch.undo()
    parity = exporter.write(SAVED_MODEL, tmp_path / "saved_model").parity
    assert parity.signatures[BYTES_SIGNATURE].has_passed
    document = json.loads((tmp_path / "saved_model" / "parity.json").read_text())
    assert document["signatures"][BYTES_SIGNATURE]["images"] == 15


@pytest.mark.nightly
def test_measurement_can_reject_an_export(exporter: Exporter, tmp_path: Path) -> None:
    def refuse(directory: Path) -> Any:
        assert (directory / "predict.py").is_file()
        raise ConfigError("It loses too much.")

    with pytest.raises(ConfigError, match="loses too much"):
        exporter.write(
            onnx_format(blue_first), tmp_path / "onnx", tolerance=None, measure=refuse
        )
    assert contents(tmp_path) == {}


@pytest.mark.nightly
def test_unknown_signature_option_fails_the_export(
    exporter: Exporter, tmp_path: Path
) -> None:
    format = replace(onnx_format(), signatures=(Signature("bytes", "--from-nowhere", 0.1),))
    with pytest.raises(ConfigError, match="from-nowhere"):
        exporter.write(format, tmp_path / "onnx")
    assert contents(tmp_path) == {}


def test_reference_of_several_models_is_their_mean(
    images: ComparedImages, model: keras.Model
) -> None:
    models = [model, tiny_model(seed=3)]
    exporter = Exporter(models, replace(DESCRIPTION, correction=None), images)
    each = [predict_in_batches(member, images.pixels) for member in models]
    assert exporter.probabilities == pytest.approx(np.mean(each, axis=0), abs=1e-7)
    (candidate,) = exporter._candidates()
    found = candidate.predict_on_batch(images.pixels.astype("float32"))
    assert found == pytest.approx(np.mean(each, axis=0), abs=1e-6)
