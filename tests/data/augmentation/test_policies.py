"""Policies besides `strength`: the parameters drawn, and their effect on images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import ALL_POLICIES
from keraunos import Augmentation, ConfigError, ImageData
from keraunos.data.augmentation import augment
from keraunos.data.augmentation.tonal_operations import TONAL
from PIL import Image, ImageEnhance, ImageOps

SIZE = 32
ROWS = 600
IMAGES = np.arange(ROWS, dtype=np.uint64) * 977
ONCE = np.zeros(ROWS, np.int64)
POLICIES = {name: {name: value} for name, value in ALL_POLICIES.items()}
EVERY = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)

Array = np.ndarray[Any, Any]


def noise(rows: int, size: int = SIZE) -> Array:
    generator = np.random.default_rng(3)
    return generator.integers(0, 256, (rows, size, size, 3)).astype("float32")


def photographs(rows: int) -> Array:
    """Smooth images, each mainly of one color, that do not use the full range."""
    generator = np.random.default_rng(4)
    waves = np.linspace(0, 3, SIZE)[:, None, None] * generator.uniform(0.2, 1, 3)
    base = generator.uniform(60, 180, (rows, 1, 1, 3))
    return np.rint(base + 30 * np.sin(waves + waves.transpose(1, 0, 2))).astype("float32")


def drawn(policy: dict[str, Any], rows: int = ROWS, strength: float = 0) -> Any:
    return Augmentation(strength, **policy).draw(7, IMAGES[:rows], ONCE[:rows], SIZE)


def varied(policy: dict[str, Any], images: Array, **options: Any) -> Array:
    return np.asarray(augment(images, drawn(policy, len(images), **options)))


@EVERY
def test_each_policy_works_alone_at_strength_0(policy: dict[str, Any]) -> None:
    images = noise(24)
    found = varied(policy, images)
    assert (found.dtype, found.shape) == (np.float32, images.shape)
    assert found.min() >= 0
    assert found.max() <= 255
    changed = (found != images).any(axis=(1, 2, 3)).mean()
    assert 0.3 < changed <= 1
    augmentation = Augmentation(0, views=3, **policy)
    assert (augmentation.is_identity, augmentation.num_versions) == (False, 3)


@pytest.mark.feature("augmentation policies")
@EVERY
def test_each_policy_depends_only_on_seed_image_and_occurrence(
    policy: dict[str, Any],
) -> None:
    """So that an image that an epoch draws twice is augmented in two ways."""
    augmentation, numbers = Augmentation(0, **policy), np.arange(ROWS) % 5
    whole = augmentation.draw(1, IMAGES, numbers, SIZE)
    order = np.random.default_rng(0).permutation(ROWS)
    moved = augmentation.draw(1, IMAGES[order], numbers[order], SIZE)
    others = [
        augmentation.draw(2, IMAGES, numbers, SIZE),
        augmentation.draw(1, IMAGES + np.uint64(1), numbers, SIZE),
        augmentation.draw(1, IMAGES, numbers + 1, SIZE),
    ]
    for name, array in whole.items():
        np.testing.assert_array_equal(moved[name], array[order])
    arrays = [
        np.hstack([a.reshape(ROWS, -1) for a in d.values()]) for d in (whole, *others)
    ]
    for other in arrays[1:]:
        assert (other != arrays[0]).any(axis=1).mean() > 0.5


def test_policies_draw_independently_of_each_other() -> None:
    together, plain = drawn(ALL_POLICIES, strength=0.5), drawn({}, strength=0.5)
    np.testing.assert_array_equal(together["tone"], plain["tone"])
    for policy in POLICIES.values():
        for name, array in drawn(policy).items():
            if name != "geometry":
                np.testing.assert_array_equal(together[name], array)
    named = {name: array.tobytes() for name, array in together.items()}
    assert len(set(named.values())) == len(named)


def test_any_division_of_a_batch_yields_the_same_images() -> None:
    """Up to the last bits of means; as replicas divide it, with empty parts, too."""
    images, parameters = photographs(9), drawn(ALL_POLICIES, 9, strength=0.7)
    whole = augment(images, parameters)
    for cuts in ([1, 2, 6], [5, 5, 7], [0, 9, 9]):
        parts = [
            augment(images[rows], {name: each[rows] for name, each in parameters.items()})
            for rows in np.split(np.arange(9), cuts)
        ]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-6, atol=1e-4)


def test_all_geometry_is_composed_into_one_resampling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[Any] = []
    transform = tf.raw_ops.ImageProjectiveTransformV3

    def counted(**arguments: Any) -> Any:
        calls.append(arguments["transforms"])
        return transform(**arguments)

    monkeypatch.setattr(tf.raw_ops, "ImageProjectiveTransformV3", counted)
    varied(ALL_POLICIES, noise(4), strength=0.5)
    assert len(calls) == 1
    crop, moved = drawn({"random_resized_crop": 0.3}), drawn({}, strength=0.5)
    both = drawn({"random_resized_crop": 0.3}, strength=0.5)["geometry"]
    expected = as_matrices(crop["geometry"]) @ as_matrices(moved["geometry"])
    np.testing.assert_allclose(as_matrices(both), expected, atol=1e-4)
    operations = drawn({"rand_augment": {}})["geometry"]
    expected = as_matrices(moved["geometry"]) @ as_matrices(operations)
    both = drawn({"rand_augment": {}}, strength=0.5)["geometry"]
    np.testing.assert_allclose(as_matrices(both), expected, atol=1e-4)


def as_matrices(maps: Array) -> Array:
    rows = maps.astype(np.float64).reshape(-1, 2, 3)
    return np.concatenate([rows, np.tile([[[0.0, 0.0, 1.0]]], (len(rows), 1, 1))], axis=1)


def test_random_crop_lies_within_the_image_and_keeps_the_minimum_area() -> None:
    a0, a1, a2, b0, b1, b2 = drawn({"random_resized_crop": 0.3})["geometry"].T
    assert (a1 == 0).all()
    assert (b0 == 0).all()
    for scale, shift in ((a0, a2), (b1, b2)):
        first, last = shift - scale / 2 + 0.5, shift + scale * (SIZE - 0.5) + 0.5
        assert first.min() > -1e-3
        assert last.max() < SIZE + 1e-3
        assert first.min() < 1
        assert last.max() > SIZE - 1
    area = a0 * b1
    assert area.min() == pytest.approx(0.3, abs=0.01)
    assert area.mean() == pytest.approx(0.65, abs=0.03)
    ratio = a0 / b1
    assert ratio.min() > 3 / 4 - 1e-3
    assert ratio.max() < 4 / 3 + 1e-3
    assert np.log(ratio).mean() == pytest.approx(0, abs=0.03)


def test_color_jitter_shifts_color_per_image_without_changing_brightness() -> None:
    gains = drawn({"color_jitter": 0.3})["color_jitter"]
    np.testing.assert_allclose(gains.prod(axis=1), 1, rtol=1e-5)  # and no other brightness
    assert np.abs(np.log(gains)).max() < np.log(1.3) * 4 / 3
    assert np.log(gains).std() == pytest.approx(np.log(1.3) * 2**0.5 / 3, rel=0.05)
    images = photographs(12)
    found = varied({"color_jitter": 0.3}, images)
    inside = found.max(axis=(1, 2)) < 255
    ratios = (found / images).reshape(12, -1, 3)
    assert inside.sum() > 20
    np.testing.assert_allclose(np.ptp(ratios, axis=1)[inside], 0, atol=1e-5)
    assert len(np.unique(gains, axis=0)) == ROWS


def test_random_erasing_fills_one_rectangle_with_the_mean_color() -> None:
    left, top, right, bottom = drawn({"random_erasing": 0.25})["random_erasing"].T
    erased = right > left
    assert erased.mean() == pytest.approx(0.25, abs=0.04)
    assert left.min() >= 0
    assert top.min() >= 0
    assert max(right.max(), bottom.max()) <= SIZE
    area = ((right - left) * (bottom - top))[erased] / SIZE**2
    assert area.min() >= 0.02
    assert area.max() <= 0.4 + 1e-6
    assert area.mean() == pytest.approx(0.21, abs=0.03)
    images, rectangle = noise(2), np.array([[3, 5, 20, 9], [0, 0, 0, 0]], "float32")
    found = np.array(augment(images, {"random_erasing": rectangle}))
    np.testing.assert_array_equal(found[1], images[1])
    np.testing.assert_allclose(
        found[0, 5:9, 3:20], np.broadcast_to(images[0].mean((0, 1)), (4, 17, 3)), rtol=1e-5
    )
    found[0, 5:9, 3:20] = images[0, 5:9, 3:20]
    np.testing.assert_array_equal(found, images)


def test_randaugment_draws_operations_uniformly_in_both_directions() -> None:
    found = drawn({"rand_augment": {"magnitude": 5, "num_ops": 1}})
    which, parameter = found["rand_augment"][:, 0].T
    a0, a1, a2, b0, _, b2 = found["geometry"].T
    turned = a0 != 1
    np.testing.assert_allclose(a0[turned], np.cos(np.pi / 12), rtol=1e-5)
    np.testing.assert_allclose(a1[turned], -b0[turned], atol=1e-6)
    straight = (a1 == 0) & (b0 == 0)
    geometric = {
        "rotate": np.where(turned, b0 / np.sin(np.pi / 12), 0),
        "shear_x": np.where(turned, 0, a1 / 0.15),
        "shear_y": np.where(turned, 0, b0 / 0.15),
        "translate_x": np.where(straight, a2 / (0.225 * SIZE), 0),
        "translate_y": np.where(straight, b2 / (0.225 * SIZE), 0),
    }
    tonal = {name: which == place for place, name in enumerate(TONAL) if place}
    counts = [np.count_nonzero(np.abs(each) > 1e-5) for each in geometric.values()]
    counts += [np.count_nonzero(each) for each in tonal.values()]
    counts.append(ROWS - sum(counts))  # the identity; and no row has two operations
    assert np.abs(np.array(counts) - ROWS / 14).max() < 25
    for amount in geometric.values():
        used = amount[np.abs(amount) > 1e-5]
        np.testing.assert_allclose(np.abs(used), 1, rtol=1e-4)
        assert 0.2 < (used > 0).mean() < 0.8
    assert {*parameter[tonal["posterize"]]} == {4.0}
    assert {*parameter[tonal["solarize"]]} == {128.0}
    np.testing.assert_allclose(np.unique(parameter[which > 4]), [0.55, 1.45], rtol=1e-6)


PILLOW = {
    "identity": lambda image, _: image,
    "auto_contrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "posterize": lambda image, step: ImageOps.posterize(image, 8 - int(np.log2(step))),
    "solarize": lambda image, level: ImageOps.solarize(image, level),
    "color": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
}


def test_tonal_operations_match_pillow() -> None:
    parameters = {"posterize": (16, 2), "solarize": (100, 200)}
    cases = [
        (place, value)
        for place, name in enumerate(TONAL)
        for value in parameters.get(name, (0.4, 1.7))
    ]
    images = np.concatenate([photographs(len(cases)), noise(len(cases))])
    steps = np.array([cases * 2], "float32").transpose(1, 0, 2)
    found = np.asarray(augment(images, {"rand_augment": steps}))
    assert tuple(PILLOW) == TONAL
    for image, (place, value), result in zip(images, cases * 2, found, strict=True):
        name = TONAL[place]
        expected = PILLOW[name](Image.fromarray(image.astype("uint8")), value)
        inside = (slice(1, -1), slice(1, -1))  # Pillow smooths no border
        difference = np.abs(result - np.asarray(expected, "float32"))[inside]
        assert difference.max() < 1.5, name  # Pillow rounds grays and results


def test_single_color_image_survives_every_operation() -> None:
    images = np.full((9, 8, 8, 3), 77, "float32")
    steps = np.stack([np.arange(9), [1, 1, 1, 1, 255, 1, 1, 1, 1]], axis=1)[:, None]
    found = np.asarray(augment(images, {"rand_augment": steps.astype("float32")}))
    np.testing.assert_allclose(found, images, rtol=1e-6)


def test_policy_parameters_match_the_augmentation_version() -> None:
    """Other numbers need another AUGMENTATION_VERSION: cached features depend on these."""
    found = Augmentation(0, **ALL_POLICIES).draw(
        1, np.array([5], np.uint64), np.array([3]), 224
    )
    expected = {
        "rand_augment": [6.0, 1.81, 0.0, 0.0, 8.0, 0.19],
        "geometry": [0.8021847, 0.0, 14.53594, -0.2659439, 0.9849774, 31.0607],
        "color_jitter": [1.181238, 0.9755973, 0.8677445],
        "random_erasing": [57.3329, 56.89691, 137.5174, 139.0378],
    }
    for name, numbers in expected.items():
        np.testing.assert_allclose(found[name].ravel(), numbers, rtol=1e-5, atol=1e-6)


def test_images_by_kind_shows_each_kind_alone_on_one_image(image_folder: Path) -> None:
    """Mixing among them, which takes partners from the training split."""
    data = ImageData.from_folder(
        image_folder / "train",
        image_size=SIZE,
        augmentation=Augmentation(0.5, random_erasing=1.0, mixup=1.0),
    )
    shown = data.images_by_kind(versions=2)
    assert list(shown) == ["strength", "random_erasing", "mixup"]
    original = data.train.images(np.array([0]))[0]
    for name, (first, *others) in shown.items():
        np.testing.assert_array_equal(first, original)
        assert len({each.tobytes() for each in (first, *others)}) == 3, name
    kept = (shown["random_erasing"][1] == original).all(axis=2).mean()
    assert kept > 0.5  # except for the rectangle, as it is


def test_policies_are_part_of_settings_and_fingerprints(
    image_folder: Path,
) -> None:
    assert Augmentation(0.5, views=3).settings() == {"strength": 0.5}  # as without policies
    data = ImageData.from_folder(image_folder / "train", image_size=SIZE)
    policies = [{}, *POLICIES.values(), {"rand_augment": {"magnitude": 9, "num_ops": 2}}]
    settings = [Augmentation(0.5, **policy) for policy in policies]
    fingerprints = [data.with_augmentation(each).train.fingerprint for each in settings]
    assert len(set(fingerprints)) == len(policies) == len(set(settings))
    kept = data.with_augmentation(settings[1]).train.settings()["augmentation"]
    assert kept == {"strength": 0.5, "random_resized_crop": 0.3, "views": "fresh"}
    every = data.with_augmentation(Augmentation(0.5, **ALL_POLICIES)).validation
    assert every is not None
    views = every.test_time_views()  # of geometry and tone alone
    assert views.settings() == {"strength": 0.5, "seed": 0}
    assert views.arrays(views.draws(1)).keys() == {"images", "labels", "geometry", "tone"}


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"random_resized_crop": 0}, "must be greater than 0"),
        ({"color_jitter": 1.5}, "must be at most 1"),
        ({"random_erasing": -0.1}, "must be at least 0"),
        ({"rand_augment": {"magnitude": 11}}, "must be at most 10"),
        ({"rand_augment": {"num_ops": 0}}, "must be at least 1"),
        ({"rand_augment": {"number": 2}}, "is not a setting"),
        ({"rand_augment": 9}, "must be a group of settings"),
    ],
)
def test_out_of_range_value_is_rejected_with_its_name(
    wrong: dict[str, Any], expected: str
) -> None:
    (name, value), *_ = wrong.items()
    with pytest.raises(ConfigError, match=f"`augmentation.{name}.*{expected}") as error:
        Augmentation(**wrong)
    received = next(iter(value.values())) if isinstance(value, dict) else value
    assert f"={received}" in str(error.value)
