"""An index of a million images: epochs are arrays, and any position is reached at once."""

import sys

import numpy as np
import pytest
from keraunos.data.batches import BATCHES_AHEAD, BATCHES_AT_ONCE
from keraunos.data.index.image_index import TRAIN, ImageIndex
from keraunos.data.training_split import TrainingSplit
from keraunos.strategies import Position, Replicas

COUNT, BATCH_SIZE = 1_000_000, 32
BATCHES = COUNT // BATCH_SIZE


@pytest.fixture(scope="module")
def index() -> ImageIndex:
    random = np.random.default_rng(0)
    return ImageIndex(
        ("a", "b", "c"),
        np.array([f"{n}.png" for n in range(COUNT)], object),
        random.choice(3, COUNT, p=[0.7, 0.2, 0.1]).astype(np.int32),
        np.full(COUNT, TRAIN, np.int8),
        np.frombuffer(random.bytes(32 * COUNT), "S32"),
        np.zeros(COUNT, bool),
        np.arange(COUNT),
    )


class Loader:
    """Replaces the decoding of images, and counts them."""

    def __init__(self) -> None:
        self.loaded = 0

    def __call__(self, rows):
        self.loaded += len(rows)
        return np.zeros((len(rows), 32, 32, 3), np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("balance", ["none", "sampling"])
def test_epoch_order_allocates_no_object_per_image(index, balance):
    split = TrainingSplit(index, TRAIN, Loader(), 32, BATCH_SIZE, class_balance=balance)
    split.draws(0)
    before = sys.getallocatedblocks()
    draws = split.draws(3)
    assert sys.getallocatedblocks() - before < 1000
    assert len(draws.rows) == COUNT
    assert sum(array.nbytes for array in draws) == 16 * COUNT


@pytest.mark.slow
@pytest.mark.parametrize(
    "batch", [pytest.param(0, marks=pytest.mark.slow), BATCHES // 2, BATCHES - 1]
)
def test_starting_anywhere_decodes_only_the_next_batches(index, batch):
    loader = Loader()
    split = TrainingSplit(index, TRAIN, loader, 32, BATCH_SIZE)
    batches = split.batches(Position(7, batch, BATCHES), Replicas())
    (parts,) = batches.take(1)
    ahead = BATCHES_AHEAD + 2 * BATCHES_AT_ONCE + 1
    assert BATCH_SIZE <= loader.loaded <= BATCH_SIZE * ahead
    rows = split.draws(7).rows[batch * BATCH_SIZE :][:BATCH_SIZE]
    np.testing.assert_array_equal(parts[0].content["labels"], index.labels[rows])
