"""Batches depend only on seed, epoch and position, not on replicas or workers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ALL_POLICIES, opened_files
from keraunos import Augmentation, ImageData
from keraunos.strategies import Position, Replicas

BATCH_SIZE, EPOCHS = 7, 3


def data_of(image_folder: Path, **options: Any) -> ImageData:
    defaults = {"test": image_folder / "test", "image_size": 32, "batch_size": BATCH_SIZE}
    return ImageData.from_folder(image_folder / "train", **{**defaults, **options})


def read(split: Any, position: Position, replicas: Replicas, count: int) -> list[Any]:
    """The next batches as (images, labels, weights), parts put together again."""
    batches = []
    for parts in split.batches(position, replicas).take(count):
        distinct = parts[:1] if int(parts[0].repeats) > 1 else parts
        prepared = [split.prepare(part.content) for part in distinct]
        columns = zip(*prepared, strict=True)
        batches.append([None if c[0] is None else np.concatenate(c) for c in columns])
    return batches


def assert_same(ours: list[Any], theirs: list[Any]) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        for first, second in zip(mine, other, strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.mark.slow
@pytest.mark.parametrize("balance", ["none", "sampling", "weights"])
def test_starting_at_a_position_yields_the_remaining_batches(
    image_folder: Path, balance: Any
) -> None:
    split = data_of(image_folder, class_balance=balance).train
    length = split.num_batches
    whole = read(split, Position(), Replicas(), EPOCHS * length)
    for done in (1, length - 1, length, length + 2):
        position = Position(done // length, done % length, length)
        rest = read(split, position, Replicas(), EPOCHS * length - done)
        assert_same(rest, whole[done:])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("total", "policies"),
    [
        (2, {}),
        (3, {}),
        (4, {}),
        (8, {}),
        pytest.param(4, ALL_POLICIES, marks=pytest.mark.nightly),
    ],
)
def test_batches_do_not_depend_on_the_number_of_replicas(
    image_folder: Path, total: int, policies: dict[str, Any]
) -> None:
    split = data_of(image_folder, augmentation=Augmentation(0.5, **policies)).train
    length = split.num_batches
    alone = read(split, Position(), Replicas(), length)
    assert_same(read(split, Position(), Replicas(total, 0, total), length), alone)
    assert len(alone[-1][1]) < BATCH_SIZE  # the last batch was a smaller one


def test_workers_read_only_their_own_parts(image_folder: Path) -> None:
    split = data_of(image_folder).train
    whole = read(split, Position(), Replicas(), 2)
    workers = [read(split, Position(), Replicas(4, first, 2), 2) for first in (0, 2)]
    joined = [
        [np.concatenate([part[0], part[1]]) for part in zip(a[:2], b[:2], strict=True)]
        for a, b in zip(*workers, strict=True)
    ]
    assert_same(joined, [batch[:2] for batch in whole])


def test_each_epoch_has_every_image_once_in_a_new_order(image_folder: Path) -> None:
    split = data_of(image_folder).train
    orders = [split.draws(epoch).rows.tolist() for epoch in range(4)]
    assert all(sorted(order) == list(range(split.num_examples)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert data_of(image_folder, seed=1).train.draws(0).rows.tolist() != orders[0]
    assert data_of(image_folder, seed=0).train.draws(0).rows.tolist() == orders[0]


def test_sampling_balances_classes_and_repeats_no_augmentation(
    image_folder: Path,
) -> None:
    split = data_of(image_folder, class_balance="sampling").train
    counts = sum(
        np.bincount(split.labels[split.draws(epoch).rows], minlength=3)
        for epoch in range(9)
    )
    assert counts.max() - counts.min() <= 3
    seen = set()
    for images, _, _ in read(split, Position(), Replicas(), EPOCHS * split.num_batches):
        versions = {image.tobytes() for image in images}
        assert len(versions) == len(images)
        assert not versions & seen
        seen |= versions


def test_class_weights_sum_to_the_same_total_per_class(image_folder: Path) -> None:
    split = data_of(image_folder, class_balance="weights").train
    batches = read(split, Position(), Replicas(), split.num_batches)
    labels, weights = (np.concatenate([b[n] for b in batches]) for n in (1, 2))
    sums = [weights[labels == label].sum() for label in range(3)]
    np.testing.assert_allclose(sums, np.mean(sums), rtol=1e-5)
    assert weights.mean() == pytest.approx(1)


def test_class_counts_cover_only_the_training_part_of_a_fold(image_folder: Path) -> None:
    data = data_of(image_folder, folds=3, fold=2, validation_split=0.0)
    folders = [Path(name).parent.name for name in data.train.names]
    assert data.train.class_counts == [folders.count(each) for each in data.class_names]
    assert data.validation is not None


def test_only_training_images_are_augmented(image_folder: Path) -> None:
    data = data_of(image_folder, augmentation=Augmentation(strength=1.0))
    for split in (data.validation, data.test, data.train.in_order):
        images = read(split, Position(), Replicas(), 1)[0][0]
        np.testing.assert_array_equal(images, split.images(np.arange(len(images))))
    varied, plain = (
        read(each.train, Position(), Replicas(), 1)[0][0]
        for each in (data, data_of(image_folder, augmentation=Augmentation(strength=0)))
    )
    assert np.abs(varied - plain).mean() > 5


def test_with_augmentation_equals_reading_with_that_augmentation(
    image_folder: Path, tmp_path: Path
) -> None:
    def read(augmentation: Augmentation) -> ImageData:
        return data_of(image_folder, augmentation=augmentation, cache_dir=tmp_path)

    mild, strong = Augmentation(strength=0.1), Augmentation(strength=0.9, views=2)
    varied, reread, first = read(mild), read(strong), read(mild)
    other = varied.with_augmentation(strong)
    assert other.settings() == reread.settings() != varied.settings()
    for ours, theirs in ((other, reread), (varied, first)):
        np.testing.assert_array_equal(ours.augmented_images(3), theirs.augmented_images(3))
        assert ours.train.fingerprint == theirs.train.fingerprint
        assert ours.train.num_views == theirs.train.num_views
    with opened_files() as opened:
        varied.with_augmentation(strong).augmented_images(3)
    assert not [name for name in opened if name.endswith(".png")]


def test_strength_0_batches_are_bit_identical_to_the_images(image_folder: Path) -> None:
    split = data_of(image_folder, augmentation=Augmentation(strength=0.0)).train
    images, labels, _ = read(split, Position(), Replicas(), 1)[0]
    rows = split.draws(0).rows[:BATCH_SIZE]
    np.testing.assert_array_equal(images, split.images(rows))
    np.testing.assert_array_equal(labels, split.labels[rows])


@pytest.mark.parametrize("cache", ["memory", "disk", "auto"])
def test_every_cache_kind_yields_the_same_batches(
    image_folder: Path, cache: Any, tmp_path: Path
) -> None:
    plain = data_of(image_folder, cache="none").train
    cached = data_of(image_folder, cache=cache, cache_dir=tmp_path).train
    count = plain.num_batches + 1
    expected = read(plain, Position(), Replicas(), count)
    assert_same(read(cached, Position(), Replicas(), count), expected)


def test_batch_names_match_the_images_of_the_batch(image_folder: Path) -> None:
    split = data_of(image_folder).train
    for batch in range(split.num_batches):
        names = split.batch_names(Position(1, batch, split.num_batches))
        labels = read(split, Position(1, batch, split.num_batches), Replicas(), 1)[0][1]
        folders = [Path(name).parent.name for name in names]
        assert folders == [split.class_names[label] for label in labels]
