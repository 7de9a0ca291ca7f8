"""Batches of mixed images: partners come from the training split, for any division."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import make_images
from keraunos import Augmentation, ImageData
from keraunos.data.order import Draws, balanced_weights
from keraunos.strategies import Position, Replicas

BATCH_SIZE = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"a": 9, "b": 4, "c": 3}
    return make_images(tmp_path_factory.mktemp("mixed"), counts, size=40)


def data_of(folder: Path, strength: float = 0.5, **options: Any) -> ImageData:
    mixing = {name: options.pop(name, 0) for name in ("mixup", "cutmix")}
    augmentation = Augmentation(strength, views=options.pop("views", "fresh"), **mixing)
    return ImageData.from_folder(
        folder, image_size=32, batch_size=BATCH_SIZE, augmentation=augmentation, **options
    )


def seen(split: Any, replicas: Replicas, first: int = 0) -> list[Any]:
    """What the model sees in two epochs, with the parts of a batch joined."""
    length = split.num_batches
    position = Position(first // length, first % length, length)
    found = []
    for parts in split.batches(position, replicas).take(2 * length - first):
        distinct = parts[:1] if int(parts[0].repeats) > 1 else parts
        prepared = [split.prepare(part.content) for part in distinct]
        columns = zip(*prepared, strict=True)
        found.append([np.concatenate(each) for each in columns])
    return found


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    assert len(ours) == len(theirs) > 0
    for mine, other in zip(ours, theirs, strict=True):
        for first, second in zip(mine, other, strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.mark.feature("mixing")
def test_mixes_do_not_depend_on_replicas_or_resuming(folder: Path) -> None:
    split = data_of(folder, mixup=0.4, cutmix=1.0, class_balance="weights").train
    whole = seen(split, Replicas())
    assert_same(seen(split, Replicas(), first=3), whole[3:])
    for total in (2, 4):  # some get none of the last batch, of three images
        assert_same(seen(split, Replicas(total, 0, total)), whole)


def test_mix_of_an_image_does_not_depend_on_its_batch(folder: Path) -> None:
    split = data_of(folder, mixup=0.4, cutmix=1.0).train
    draws = split.draws(0)
    whole = split.arrays(draws)
    alone = split.arrays(Draws(draws.rows[7:8], draws.numbers[7:8]))
    assert whole.keys() == alone.keys()
    for name, array in alone.items():
        np.testing.assert_array_equal(array, whole[name][7:8])


def test_images_and_targets_are_mixed_with_the_augmented_partner(
    folder: Path,
) -> None:
    mixed = data_of(folder, mixup=1.0).train
    plain = data_of(folder).train
    draws = mixed.draws(1)
    own, labels, _ = plain.prepare(plain.arrays(draws))
    found, targets, weights = mixed.prepare(mixed.arrays(draws))
    mixes = mixed._mixes(draws)
    partners = Draws(mixes.partners, draws.numbers)
    other, other_labels, _ = plain.prepare(plain.arrays(partners))
    share = mixes.shares[:, None, None, None]
    np.testing.assert_allclose(found, share * own + (1 - share) * other, atol=1e-3)
    expected = (
        np.eye(3)[labels] * mixes.shares[:, None]
        + np.eye(3)[other_labels] * (1 - mixes.shares)[:, None]
    )
    np.testing.assert_allclose(targets, expected, atol=1e-6)
    assert weights is None


def test_partners_come_only_from_the_training_split(folder: Path) -> None:
    split = data_of(folder, mixup=1.0, validation_split=0.5).train
    own = {image.tobytes() for image in split.images(np.arange(split.num_examples))}
    partners = [
        image.tobytes()
        for epoch in range(20)
        for image in split.arrays(split.draws(epoch))["partner_images"]
    ]
    assert set(partners) == own  # all of them at the end, and no other


@pytest.mark.parametrize("balance", ["none", "weights", "sampling"])
def test_partners_follow_the_class_balance(folder: Path, balance: Any) -> None:
    data = data_of(folder, mixup=1.0, class_balance=balance, validation_split=0.0)
    split = data.train
    epochs = [split.targets(split.draws(epoch)) for epoch in range(40)]
    targets = np.concatenate([each["labels"] for each in epochs])
    weights = np.concatenate([each.get("weights", np.ones(16)) for each in epochs])
    parts = (targets * weights[:, None]).sum(axis=0) / weights.sum()
    expected = [9 / 16, 4 / 16, 3 / 16] if balance == "none" else [1 / 3] * 3
    np.testing.assert_allclose(parts, expected, atol=0.04)
    assert weights.mean() == pytest.approx(1, abs=0.05)


def test_mixed_image_weight_is_the_share_weighted_class_weight(folder: Path) -> None:
    split = data_of(folder, mixup=1.0, class_balance="weights").train
    draws = split.draws(0)
    by_class = balanced_weights(np.array(split.class_counts))
    mixes = split._mixes(draws)
    own, other = by_class[split.labels[draws.rows]], by_class[split.labels[mixes.partners]]
    expected = mixes.shares * own + (1 - mixes.shares) * other
    np.testing.assert_allclose(split.targets(draws)["weights"], expected, rtol=1e-6)


def test_without_mixing_arrays_and_settings_are_unchanged(folder: Path) -> None:
    plain, mixed = data_of(folder).train, data_of(folder, cutmix=1.0).train
    draws = plain.draws(0)
    assert not plain.mixes
    assert plain.arrays(draws).keys() == {"images", "labels", "geometry", "tone"}
    assert plain.arrays(draws)["labels"].dtype == np.int32
    assert mixed.settings()["augmentation"]["cutmix"] == 1.0
    assert "cutmix" not in plain.settings()["augmentation"]


def test_validation_and_in_order_splits_are_not_mixed(folder: Path) -> None:
    data = data_of(folder, strength=0, mixup=1.0, validation_split=0.5)
    for split in (data.validation, data.train.in_order):
        assert not split.mixes
        arrays = split.arrays(split.draws(0))
        assert arrays.keys() == {"images", "labels"}
        np.testing.assert_array_equal(arrays["labels"], split.labels)
    assert data.train.num_views is None
    assert data_of(folder, strength=0, mixup=1.0, views=3).train.num_views == 3


def test_augmented_images_include_mixing(folder: Path) -> None:
    image, first, second = data_of(folder, strength=0, mixup=8.0).augmented_images(2)
    assert np.abs(first - image.astype(float)).mean() > 1
    assert (first != second).any()
