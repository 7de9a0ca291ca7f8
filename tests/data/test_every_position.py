"""Reading from any position yields the images that would have followed, in order.

A resumed run reads its images in a process that has read none before: here a
new `ImageData` for each position. What it gives is compared image by image with one
pass over two epochs that nothing interrupted.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ALL_POLICIES, replicas
from keraunos import Augmentation, ImageData
from keraunos.data.training_split import TrainingSplit
from keraunos.strategies import Position, Replicas

EPOCHS, BATCH_SIZE, IMAGES = 2, 7, 30
BATCHES = -(-IMAGES // BATCH_SIZE)

# What identifies an image: its name, its class, and how it is augmented.
Identity = tuple[str, int, bytes]
Batch = tuple[tuple[Identity, ...], ...]
NewData = Callable[[], ImageData]


@pytest.fixture(params=["none", "weights", "sampling"])
def class_balance(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_data(image_folder: Path, class_balance: Any) -> NewData:
    """Opens the images as if for the first time."""

    def open_images() -> ImageData:
        return ImageData.from_folder(
            image_folder / "train",
            image_size=32,
            batch_size=BATCH_SIZE,
            validation_split=0.0,
            augmentation=Augmentation(strength=0.5, **ALL_POLICIES),
            class_balance=class_balance,
            cache="memory",
            seed=3,
        )

    return open_images


def read(data: ImageData, position: Position, count: int, number: int) -> list[Batch]:
    """`number` batches from a position on, each as the parts of every replica."""
    split = data.train
    names = {
        split.images(np.array([place])).tobytes(): name
        for place, name in enumerate(split.names)
    }
    assert len(names) == IMAGES  # all are distinct
    batches = split.batches(position, Replicas.of(replicas(count)))
    return [
        tuple(identities(part.content, names) for part in parts)
        for parts in batches.take(number)
    ]


def identities(content: Any, names: dict[bytes, str]) -> tuple[Identity, ...]:
    drawn = [
        content[name].numpy().reshape(len(content["labels"]), -1)
        for name in ("geometry", "tone", "rand_augment", "color_jitter", "random_erasing")
    ]
    rows = zip(
        content["images"].numpy(),
        content["labels"].numpy(),
        np.hstack(drawn),
        strict=True,
    )
    return tuple((names[i.tobytes()], int(k), a.tobytes()) for i, k, a in rows)


@pytest.mark.nightly
@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_reading_from_every_position_yields_the_remaining_images(
    new_data: NewData, count: int
) -> None:
    whole = read(new_data(), Position(0, 0, BATCHES), count, EPOCHS * BATCHES)
    for done in range(EPOCHS * BATCHES):
        position = Position(*divmod(done, BATCHES), BATCHES)
        left = read(new_data(), position, count, EPOCHS * BATCHES - done)
        assert left == whole[done:], f"after {done} batches"


def test_compared_epochs_differ_and_repeat_no_augmentation(
    new_data: NewData, class_balance: str
) -> None:
    """Epochs differ, none repeats an augmentation, and the last batch is smaller."""
    batches = read(new_data(), Position(0, 0, BATCHES), 1, EPOCHS * BATCHES)
    sizes = [len(batch[0]) for batch in batches]
    assert sizes == 2 * [7, 7, 7, 7, 2]
    drawn = [identity for batch in batches for identity in batch[0]]
    first, second = drawn[:IMAGES], drawn[IMAGES:]
    assert [name for name, _, _ in first] != [name for name, _, _ in second]
    assert len(set(drawn)) == len(drawn)
    every_one_once = len({name for name, _, _ in first}) == IMAGES
    assert every_one_once == (class_balance != "sampling")


def test_batch_names_match_the_images_of_the_batch(new_data: NewData) -> None:
    data = new_data()
    batches = read(data, Position(0, 0, BATCHES), 1, EPOCHS * BATCHES)
    for done, batch in enumerate(batches):
        position = Position(*divmod(done, BATCHES), BATCHES)
        assert data.train.batch_names(position) == [name for name, _, _ in batch[0]]


@pytest.mark.slow
def test_batch_limit_shortens_epochs_without_reordering_images(
    new_data: NewData,
) -> None:
    limit = 3
    whole = read(new_data(), Position(0, 0, BATCHES), 1, EPOCHS * BATCHES)
    wanted = whole[:limit] + whole[BATCHES : BATCHES + limit]
    for done in range(EPOCHS * limit):
        position = Position(*divmod(done, limit), limit)
        assert read(new_data(), position, 1, len(wanted) - done) == wanted[done:]


def test_in_order_split_is_the_same_in_every_epoch(new_data: NewData) -> None:
    data = new_data()
    assert isinstance(data.train, TrainingSplit)
    in_order = data.train.in_order
    (parts,) = in_order.batches(Position(3, 1), Replicas.of(replicas(1))).take(1)
    expected = in_order.images(np.arange(BATCH_SIZE, 2 * BATCH_SIZE))
    np.testing.assert_array_equal(parts[0].content["images"], expected)
