"""Batches of one split, as a pure function of seed, epoch and position."""

import copy
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..core.files import sha256_of_json
from ..core.store import Store
from ..core.table_features import TableFeatures
from ..strategies import Position, Replicas
from .augmentation import Augmentation, augment
from .batches import read_batches
from .files.image_cache import LoadImages
from .files.pixel_rules import DEFAULT_RULES, PixelRules
from .image_views import ImageViews
from .index.image_index import TRAIN, VALIDATION, ImageIndex
from .order import Draws, sequential
from .split_rows import Integers, SplitRows
from .table_inputs import TableInputs, inputs_of


class ImageSplit(SplitRows):
    """The images of one split, each once per epoch and in order.

    Args:
        index: The table of all files.
        split: TRAIN, VALIDATION or TEST.
        load: Returns decoded images by row of the table.
        image_size: Height and width in pixels.
        batch_size: Images per step over all replicas.
        rules: Rules for reading pixels.
        store: The store that runs share, or None.
        seed: Seed of order and augmentation.
        augmentation: Augmentation of training images, and of others in test-time
            augmentation.
        is_of_fold: Whether other folds split the same images differently, so that results
            independent of the split are best computed for all of them.
        table: The table columns that models take, or None.

    Attributes:
        rules: Rules for reading pixels.
        is_endless: Whether `batches` continues with later epochs: always True.
    """

    is_endless = True

    def __init__(
        self,
        index: ImageIndex,
        split: int,
        load: LoadImages,
        image_size: int,
        batch_size: int,
        rules: PixelRules = DEFAULT_RULES,
        store: Store | None = None,
        *,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        is_of_fold: bool = False,
        table: TableInputs | None = None,
    ) -> None:
        super().__init__(index, split)
        self.rules = rules
        self.store = store
        self.seed = seed
        self.augmentation = augmentation or Augmentation(strength=0)
        self.image_size = image_size
        self.batch_size = batch_size
        self.is_of_fold = is_of_fold
        self._load = load
        self._table = table

    @property
    def num_batches(self) -> int:
        """Steps per epoch; the last batch may be smaller."""
        return -(-self.num_examples // self.batch_size)

    @property
    def table_features(self) -> TableFeatures | None:
        """The table columns that models take; None if there are none."""
        return None if self._table is None else self._table.features

    @property
    def without_columns(self) -> Self:
        """The same batches of images without table columns."""
        other = copy.copy(self)
        other._table = None
        return other

    @property
    def draw_rates(self) -> npt.NDArray[np.float32] | None:
        """`(images,)`: mean number of draws of each image per epoch; None if all are 1."""
        return None

    @property
    def unvaried(self) -> Self:
        """The same batches without augmentation."""
        return self.with_augmentation(Augmentation(strength=0))

    def with_augmentation(self, augmentation: Augmentation) -> Self:
        """Returns the same images in the same order with another augmentation."""
        other = copy.copy(self)
        other.augmentation = augmentation
        return other

    def test_time_views(self) -> ImageViews:
        """Returns the images in order, with another view in each epoch.

        Raises:
            ConfigError: The strength of the augmentation is 0.
        """
        return ImageViews(self.in_order, self.augmentation.strength, self.seed)

    def images(self, places: Integers) -> npt.NDArray[np.uint8]:
        """Returns the images at these positions, `(n, size, size, 3)` RGB, uint8."""
        return self._load(self._rows[places])

    def model_inputs(self, images: npt.NDArray[Any], places: Integers) -> Any:
        """Returns model inputs with other images at these positions; see `prepare`."""
        draws = Draws(places, np.zeros_like(places))
        return inputs_of(images, self.column_arrays(draws))

    def draws(self, epoch: int) -> Draws:
        """Returns the draws of an epoch: positions in this split, and draw numbers."""
        del epoch  # every epoch is the same
        return sequential(self.num_examples)

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """Returns endless batches from a position on, divided into parts for replicas.

        Args:
            position: First batch; any position costs the same.
            replicas: The replicas that share the batches.

        Returns:
            A dataset with one element per batch, epoch after epoch: a tuple with a `Part`
            for each replica of this process. Its content is a dict of arrays with one row
            per image, for `prepare`.
        """
        return read_batches(self, position, replicas)

    def batch_names(self, position: Position) -> list[str]:
        """Returns the paths of the images of one batch, in order."""
        start = position.batch * self.batch_size
        places = self.draws(position.epoch).rows[start : start + self.batch_size]
        return [str(path) for path in self._index.paths[self._rows[places]]]

    def prepare(self, part: dict[str, tf.Tensor]) -> tuple[Any, Any, Any]:
        """Turns a part of a batch into model inputs, on the training device.

        Returns:
            Images `(rows, size, size, 3)` float32 in [0, 255], labels `(rows,)` int32 or
            the targets of other tasks, and weights `(rows,)` float32 or None. With
            `table_features`, a dict instead of the images: the images as `"image"`, and for
            each column `(rows, 1)` float32 numbers, NaN if missing, or text, empty if
            missing.
        """
        inputs = inputs_of(self.pixels(part), part)
        return inputs, part["labels"], part.get("weights")

    def pixels(self, part: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns the augmented images of a part, `(rows, size, size, 3)` float32."""
        return augment(tf.cast(part["images"], tf.float32), part)

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the arrays of a part of a batch."""
        images = {"images": self.images(draws.rows)}
        return images | self.column_arrays(draws) | self.targets(draws)

    def column_arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the table columns for these draws; empty if there are none."""
        return {} if self._table is None else self._table.arrays(self._rows[draws.rows])

    def targets(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the targets of these draws, and their weights, if any."""
        wanted: Any = self.target_values if self.labels is None else self.labels
        return {"labels": wanted[draws.rows]}

    @property
    def mixes(self) -> bool:
        """Whether images and targets are mixed; False here."""
        return False

    @property
    def num_views(self) -> int | None:
        """Number of views of each image; None if unlimited."""
        return 1

    @property
    def whole(self) -> "tuple[ImageSplit, Integers] | None":
        """The images of all folds in this view, and the positions of this split in them.

        None if this split belongs to no fold, or its views depend on the split.
        """
        if not self.is_of_fold:
            return None
        rows = np.flatnonzero(np.isin(self._index.splits, (TRAIN, VALIDATION)))
        whole = self.with_rows(rows)
        whole.is_of_fold = False
        return whole, np.searchsorted(rows, self._rows)

    @property
    def in_order(self) -> "ImageSplit":
        """Every image once, in order, without augmentation."""
        return self

    def view(self, number: int) -> "ImageSplit":
        """Returns every image once, in order, in one of its views."""
        del number  # there is only one
        return self

    @property
    def version(self) -> str:
        """SHA-256 of what determines the model inputs, apart from the images."""
        return sha256_of_json([self.rules.decoder, self.image_size])

    @property
    def contents(self) -> npt.NDArray[np.bytes_]:
        """`(images,)` bytes that determine the model inputs together with `version`."""
        return self._index.digests[self._rows]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the model inputs: images, size and augmentation."""
        contents = np.ascontiguousarray(self.contents).tobytes().hex()
        return sha256_of_json([self.version, contents])
