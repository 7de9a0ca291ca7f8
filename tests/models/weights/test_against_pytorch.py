"""Networks with the weights of a PyTorch file compute the same as in PyTorch."""

import numpy as np
import pytest
from keraunos.models.backbones import build_backbone

NETWORKS = [
    ("resnet50_torchvision", "torchvision", "resnet50"),
    ("resnet50_torchvision", "timm", "resnet50"),
    ("efficientnet_lite0", "timm", "tf_efficientnet_lite0"),
    ("efficientnet_lite0_timm", "timm", "efficientnet_lite0"),
]
# Sizes of images, and the file formats that the weights are read from.
SUFFIXES = {96: (".pth",), 75: (".pt", ".safetensors")}


def original(library: str, name: str):
    """A network of PyTorch with random weights, and statistics that are not trivial."""
    torch = pytest.importorskip("torch")
    module = pytest.importorskip(library)
    torch.manual_seed(0)
    is_timm = library == "timm"
    network = module.create_model(name) if is_timm else module.models.get_model(name)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, std=0.2)
            torch.nn.init.normal_(layer.running_mean, std=0.2)
            torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return network.eval()


def feature_maps(library: str, network, pixels: np.ndarray) -> np.ndarray:
    import torch

    images = torch.tensor(pixels.transpose(0, 3, 1, 2))
    if library == "timm":
        maps = network.forward_features(images)
    else:
        maps = torch.nn.Sequential(*list(network.children())[:-2])(images)
    return maps.detach().numpy().transpose(0, 2, 3, 1)


@pytest.mark.nightly
@pytest.mark.parametrize("size", SUFFIXES)
@pytest.mark.parametrize(("backbone", "library", "name"), NETWORKS)
def test_features_equal_those_of_the_pytorch_network(
    backbone, library, name, size, tmp_path
):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    network = original(library, name)
    state = network.state_dict()
    torch.save(state, tmp_path / "weights.pth")
    torch.save(
        {"epoch": 3, "state_dict": state},
        tmp_path / "weights.pt",
        _use_new_zipfile_serialization=False,
    )
    safetensors.save_file(state, tmp_path / "weights.safetensors")
    pixels = np.random.default_rng(0).uniform(-2, 2, (2, size, size, 3)).astype("float32")
    expected = feature_maps(library, network, pixels)
    for suffix in SUFFIXES[size]:
        file = tmp_path / f"weights{suffix}"
        built = build_backbone(backbone, str(file), size).network
        features = np.asarray(built(pixels, training=False))
        assert features.shape == expected.shape
        np.testing.assert_allclose(features, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.nightly
@pytest.mark.parametrize(("backbone", "library", "name"), [NETWORKS[1], NETWORKS[3]])
def test_pixels_are_scaled_as_in_timm(backbone, library, name):
    timm = pytest.importorskip(library)
    wanted = timm.create_model(name).pretrained_cfg
    pixels = np.arange(48, dtype="float32").reshape(1, 4, 4, 3) * 5
    scaled = build_backbone(backbone, None, 32).preprocess(pixels)
    expected = (pixels / 255 - wanted["mean"]) / wanted["std"]
    np.testing.assert_allclose(scaled, expected, atol=1e-5)
