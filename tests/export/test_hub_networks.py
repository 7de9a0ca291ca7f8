"""KerasHub networks in every format of `keraunos export`, compared on images."""

from importlib import util
from pathlib import Path

import hub_networks
import keras
import numpy as np
import pytest
from helpers import smooth_image
from hub_networks import SIZE, write_preset
from keraunos import TransferClassifier
from keraunos.core.errors import ConfigError
from keraunos.data.files.decode import decode
from keraunos.data.files.pixel_rules import DEFAULT_RULES
from keraunos.export.description import Description
from keraunos.export.formats.registry import format_names, format_of
from keraunos.export.open_export import open_export
from keraunos.export.parity import Reference
from keraunos.export.write_export import write_export

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(util.find_spec("keras_hub") is None, reason="needs keras-hub"),
    pytest.mark.filterwarnings("ignore:Layer 'attn'"),
]
CLASSES = ("bird", "cat", "dog")
# Converters lack an operation of Swin (Roll); the ONNX file of MiT can't be run.
REFUSED = {("mit", "onnx"), ("swin", "litert"), ("swin", "openvino")}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    found = [folder / f"{number}.jpg" for number in range(6)]
    for number, file in enumerate(found):
        smooth_image(number, 61, 47).save(file, quality=92)
    return found


@pytest.fixture(scope="module", params=[*hub_networks.networks()])
def network(request, tmp_path_factory) -> tuple[str, keras.Model]:
    preset = write_preset(request.param, tmp_path_factory.mktemp("presets") / "tiny")
    keras.utils.set_random_seed(2)
    backbone = f"keras_hub:{preset}"
    module = TransferClassifier(len(CLASSES), image_size=SIZE, backbone=backbone)
    return request.param, module.build()


@pytest.mark.parametrize("name", format_names())
def test_hub_network_exports_predict_like_the_model_or_are_not_written(
    network, files, name, tmp_path
):
    family, model = network
    pixels = np.stack([decode(each.read_bytes(), SIZE, DEFAULT_RULES) for each in files])
    expected = model.predict(pixels.astype("float32"), verbose=0)
    reference = Reference(files, CLASSES, expected)
    description = Description("tiny", CLASSES, SIZE)
    arguments = [model], format_of(name), description, reference, tmp_path / name
    if (family, name) in REFUSED:
        with pytest.raises(ConfigError, match=r"An export must|must be convertible"):
            write_export(*arguments)
        assert not (tmp_path / name).exists()
        return
    write_export(*arguments)
    answers = open_export(tmp_path / name).answers(pixels[:3]).probabilities
    np.testing.assert_allclose(answers, expected[:3], atol=1e-4)
