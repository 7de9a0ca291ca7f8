from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.mark.slow
def test_preview_writes_sample_and_augmentation_figures(keraunos, image_folder, tmp_path):
    settings = ("augmentation.random_erasing=1", "augmentation.mixup=0.4")
    answer = keraunos("preview", "classify", f"data.train={image_folder}", *settings)
    names = ("samples.png", "augmented.png", "augmentation_kinds.png")
    files = [Path("preview") / name for name in names]
    assert (answer.code, answer.out.splitlines()) == (0, [str(file) for file in files])
    off = ("random_resized_crop", "rand_augment", "color_jitter", "cutmix")
    assert f"off: {', '.join(f'augmentation.{name}' for name in off)}" in answer.err
    assert {path.name for path in tmp_path.iterdir()} == {"preview"}
    assert sorted(Path("preview").iterdir()) == sorted(files)
    for file in files:
        with Image.open(file) as image:
            assert image.format == "PNG"
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
        assert len(np.unique(pixels, axis=0)) > 50


@pytest.mark.slow
def test_strength_changes_only_the_augmented_figure(keraunos, image_folder, tmp_path):
    for strength in (0, 1):
        settings = (f"data.train={image_folder}", f"augmentation.strength={strength}")
        answer = keraunos("preview", "classify", *settings, "--output", f"deep/{strength}")
        assert answer.code == 0
    assert (tmp_path / "deep/0/samples.png").read_bytes() == (
        tmp_path / "deep/1/samples.png"
    ).read_bytes()
    assert (tmp_path / "deep/0/augmented.png").read_bytes() != (
        tmp_path / "deep/1/augmented.png"
    ).read_bytes()
