"""Augmentation of images: the parameters drawn, and their effect on pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import make_images
from keraunos import Augmentation, ConfigError, ImageData
from keraunos.data.augmentation import augment as apply
from keraunos.data.augmentation.geometry import resample
from scipy import ndimage, signal

SIZE = 64
ROWS = 4000
IMAGES = np.arange(ROWS, dtype=np.uint64) * 977
NONE = np.zeros(ROWS, np.int64)

Array = np.ndarray[Any, Any]


NOTHING = np.tile(np.array([1, 0, 0, 0, 1, 0, 1, 0], "f4"), (8, 1))


def parameters(augmentation: Augmentation, *key: Any, size: int = SIZE) -> Array:
    """`(rows, 8)`: the affine map, contrast, brightness."""
    found = augmentation.draw(*key, size)
    return np.hstack([found["geometry"], found["tone"]])


def drawn(strength: float, rows: int = ROWS, **options: Any) -> Array:
    augmentation = Augmentation(strength, **options)
    return parameters(augmentation, 7, IMAGES[:rows], NONE[:rows])


def augment(images: Array, parameters: Array) -> Any:
    return apply(images, {"geometry": parameters[:, :6], "tone": parameters[:, 6:]})


def amounts(parameters: Array) -> dict[str, Array]:
    """Decodes parameters: flips, degrees, zoom, shifts in pixels, contrast, brightness."""
    a0, a1, a2, b0, b1, b2 = parameters[:, :6].T.astype(np.float64)
    center = (SIZE - 1) / 2
    zoom = np.hypot(a0, b0)
    # A flip of one axis shows as a negative determinant; of both, as half a turn.
    return {
        "mirrored": a0 * b1 - a1 * b0 < 0,
        "degrees": np.degrees(np.arctan2(b0, a0)),
        "zoom": zoom - 1,
        "right": a0 * center + a1 * center + a2 - center,
        "down": b0 * center + b1 * center + b2 - center,
        "contrast": parameters[:, 6] - 1,
        "brightness": parameters[:, 7],
    }


def noise(rows: int) -> Array:
    return np.random.default_rng(3).uniform(0, 255, (rows, SIZE, SIZE, 3)).astype("float32")


def test_strength_0_leaves_images_unchanged():
    images = noise(6)
    np.testing.assert_allclose(augment(images, NOTHING[:6]), images, atol=0.02)
    assert Augmentation(0).draw(7, IMAGES, NONE, SIZE) == {}


def test_nonzero_strength_changes_every_image():
    images = noise(6)
    changed = np.abs(augment(images, drawn(0.05, 6)) - images).mean(axis=(1, 2, 3))
    assert (changed > 1).all()


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_geometry_is_one_shifted_linear_resampling_with_a_mirrored_border(strength):
    """Equals SciPy's recursive filter and linear interpolation with the same matrix."""
    images, parameters = noise(8), drawn(strength, 8)
    parameters[:, 6:] = 1, 0  # no change of tone
    found = augment(images, parameters).numpy()
    for image, row, varied in zip(images, parameters, found, strict=True):
        a0, a1, a2, b0, b1, b2 = row[:6].astype(np.float64)
        matrix, offset = [[b1, b0], [a1, a0]], [b2 - SHIFT, a2 - SHIFT]  # rows first
        for channel in range(3):
            filtered = recursive(recursive(image[..., channel], 0), 1)
            expected = ndimage.affine_transform(
                filtered, matrix, offset, order=1, mode="reflect"
            )
            expected = np.clip(expected, 0, 255)
            np.testing.assert_allclose(varied[..., channel], expected, atol=0.1)


SHIFT = (1 - 3**-0.5) / 2


def recursive(image: Array, axis: int) -> Array:
    """Solves (1 - shift) c[n] + shift c[n-1] = image[n], with c[-1] = c[0]."""
    state = -SHIFT / (1 - SHIFT) * np.take(image, [0], axis)
    return signal.lfilter([1], [1 - SHIFT, SHIFT], image, axis, zi=state)[0]


def test_moved_images_stay_almost_as_sharp_as_the_originals():
    """Half a pixel to the right: plain linear interpolation loses 40% of their energy."""
    rows = ndimage.gaussian_filter(noise(4), (0, 0.8, 0.8, 0))
    half = NOTHING[:4].copy()
    half[:, 2] += 0.5
    moved = augment(rows, half).numpy()
    energy = [np.square(np.diff(each, axis=2)).mean() for each in (rows, moved)]
    assert energy[1] / energy[0] > 0.85


def test_tone_applies_contrast_about_the_mean_then_brightness():
    images, parameters = noise(5), drawn(1.0, 5)
    parameters[:, :6] = NOTHING[:5, :6]  # no change of geometry
    contrast, brightness = parameters[:, 6:].T[:, :, None, None, None]
    mean = images.mean(axis=(1, 2), keepdims=True)
    expected = np.clip((images - mean) * contrast + mean + brightness, 0, 255)
    np.testing.assert_allclose(augment(images, parameters), expected, atol=0.03)


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_amounts_scale_with_strength_and_are_uniformly_distributed(strength):
    found = amounts(drawn(strength))
    limits = {
        "zoom": 0.4 * strength,
        "right": 0.2 * strength * SIZE,
        "down": 0.2 * strength * SIZE,
        "contrast": 0.6 * strength,
        "brightness": 0.3 * strength * 255,
    }
    for name, limit in limits.items():
        share = found[name] / limit
        assert np.abs(share).max() <= 1 + 1e-4, name
        assert share.mean() == pytest.approx(0, abs=0.05), name
        assert share.std() == pytest.approx(3**-0.5, rel=0.05), name  # of even spread


def test_strength_0_5_flips_and_rotates_like_the_tutorial():
    """Half are flipped each way, and rotated by up to a fifth of a turn."""
    found = amounts(drawn(0.5))
    assert found["mirrored"].mean() == pytest.approx(0.5, abs=0.03)
    turns = np.abs(found["degrees"])
    unflipped = np.minimum(turns, 180 - turns)  # both flips are half a turn
    assert unflipped.max() == pytest.approx(72, abs=0.5)


def test_parameters_depend_only_on_image_draw_and_seed():
    augmentation = Augmentation(0.7)
    images, draws = IMAGES[:50], np.arange(50) % 7
    order = np.random.default_rng(0).permutation(50)
    whole = parameters(augmentation, 1, images, draws)
    shuffled = parameters(augmentation, 1, images[order], draws[order])
    np.testing.assert_array_equal(shuffled, whole[order])
    for other in (
        parameters(augmentation, 2, images, draws),
        parameters(augmentation, 1, images + np.uint64(1), draws),
        parameters(augmentation, 1, images, draws + 1),
    ):
        assert not (other == whole).all(axis=1).any()


def test_views_repeat_cyclically():
    augmentation = Augmentation(0.7, views=3)
    image = np.full(9, 5, np.uint64)
    rows = parameters(augmentation, 0, image, np.arange(9))
    np.testing.assert_array_equal(rows[3:], rows[:-3])
    assert len(np.unique(rows, axis=0)) == 3
    fresh = parameters(Augmentation(0.7), 0, image, np.arange(9))
    assert len(np.unique(fresh, axis=0)) == 9
    np.testing.assert_array_equal(rows[:3], fresh[:3])


def test_drawn_parameters_match_the_augmentation_version():
    """Other numbers need another AUGMENTATION_VERSION: cached features depend on these."""
    row = parameters(
        Augmentation(0.5), 1, np.array([2], np.uint64), np.array([3]), size=224
    )[0]
    expected = [-1.0397587, -0.1339949, 245.00888, -0.1339949, 1.0397587, 4.6091185]
    expected += [1.0004998, -27.317116]
    np.testing.assert_allclose(row, expected, rtol=1e-5)


@pytest.mark.parametrize("wrong", [{"strength": 1.5}, {"strength": -0.1}, {"views": 0}])
def test_arguments_out_of_range_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Augmentation(**wrong)


@pytest.fixture
def copies(tmp_path: Path) -> ImageData:
    """One rare class, so that its images are drawn often, with copies that are kept."""
    root = make_images(tmp_path / "train", {"cat": 40, "dog": 2}, size=32)
    for number in range(2):
        original = root / "dog" / f"dog-{number:03d}.png"
        (root / "dog" / f"copy-{number}.png").write_bytes(original.read_bytes())
    return ImageData.from_folder(
        root,
        image_size=32,
        validation_split=0.0,
        class_balance="sampling",
        augmentation=Augmentation(0.5),
        cache="memory",
    )


def test_repeated_images_and_copies_get_distinct_augmentations(copies):
    split = copies.train
    for epoch in range(3):
        draws = split.draws(epoch)
        dogs = split.labels[draws.rows] == 1
        assert dogs.sum() >= 21  # of four files and two contents
        part = {k: tf.constant(v) for k, v in split.arrays(draws).items()}
        images = split.prepare(part)[0].numpy()[dogs]
        assert len({image.tobytes() for image in images}) == len(images)


@pytest.mark.parametrize("views", ["fresh", 4])
def test_strength_0_training_images_equal_the_files(image_folder, views):
    split = ImageData.from_folder(
        image_folder / "train", image_size=32, augmentation=Augmentation(0.0, views)
    ).train
    draws = split.draws(0)
    part = {name: tf.constant(array) for name, array in split.arrays(draws).items()}
    images, _, _ = split.prepare(part)
    np.testing.assert_array_equal(images, split.images(draws.rows))


def test_image_size_is_static_for_a_dynamic_batch_size():
    spec = tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32)
    maps = tf.TensorSpec((None, 6), tf.float32)
    traced = tf.function(resample).get_concrete_function(spec, maps)
    assert traced.output_shapes.as_list() == [None, SIZE, SIZE, 3]
