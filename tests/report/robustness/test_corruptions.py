"""Images are corrupted as named, more with each strength."""

import io

import numpy as np
import pytest
from helpers import smooth_image
from keraunos.report.robustness.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from PIL import Image

GRAIN = np.random.default_rng(0).integers(0, 30, (48, 64, 3), dtype=np.uint8)
IMAGE = np.asarray(smooth_image(0, 64, 48)) // 2 + GRAIN


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_corruption_increases_with_strength(kind):
    versions = [corrupt(IMAGE, kind, strength) for strength in STRENGTHS]
    for version in versions:
        assert (version.shape, version.dtype) == (IMAGE.shape, np.uint8)
    lost = [np.abs(version.astype(int) - IMAGE).mean() for version in versions]
    assert 0 < lost[0] < lost[1] < lost[2]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_corruptions_are_deterministic(kind):
    before = IMAGE.copy()
    assert np.array_equal(corrupt(IMAGE, kind, 2), corrupt(IMAGE.copy(), kind, 2))
    assert np.array_equal(before, IMAGE)


def test_noise_and_rotation_direction_vary_between_images():
    others = [np.full((32, 32, 3), level, np.uint8) for level in range(100, 120)]
    noises = {(corrupt(each, "noise", 1).astype(int) - each).tobytes() for each in others}
    assert len(noises) == 20
    ramps = [np.minimum(each + np.arange(32, dtype=np.uint8), 255) for each in range(9)]
    images = [np.repeat(np.tile(ramp, (32, 1))[..., None], 3, axis=2) for ramp in ramps]
    upwards = {corrupt(each, "rotation", 1)[2, 16, 0] > each[2, 16, 0] for each in images}
    assert upwards == {True, False}


def test_noise_has_the_stated_standard_deviation():
    gray = np.full((100, 100, 3), 128, np.uint8)
    for strength, amount in zip(STRENGTHS, CORRUPTIONS["noise"].amounts, strict=True):
        assert corrupt(gray, "noise", strength).std() == pytest.approx(amount, rel=0.03)


def test_jpeg_corruption_equals_pillow():
    content = io.BytesIO()
    Image.fromarray(IMAGE).save(content, "JPEG", quality=40)
    assert np.array_equal(corrupt(IMAGE, "jpeg", 2), np.asarray(Image.open(content)))


def test_rotation_leaves_no_black_corners():
    white = np.full((40, 60, 3), 255, np.uint8)
    assert (corrupt(white, "rotation", 3) == 255).all()
