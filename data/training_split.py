"""The training split as batches: shuffled, balanced and augmented."""

import copy
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..configs.choices import ClassBalance
from ..core.files import sha256_of_json
from ..core.store import Store
from ..core.target_scale import TargetScale
from .augmentation import AUGMENTATION_VERSION, Augmentation, augment
from .augmentation.mixing import Mixes, Partners, mix, mixed_targets
from .copies.groups import rank_within
from .files.image_cache import LoadImages
from .files.pixel_rules import DEFAULT_RULES, PixelRules
from .image_split import ImageSplit
from .index.image_index import ImageIndex
from .order import Draws, balanced, balanced_weights, shuffled
from .split_rows import Integers
from .table_inputs import TableInputs, refuse_mixing

PARTNER = "partner_"  # prefix of the arrays of partners of mixed images


class TrainingSplit(ImageSplit):
    """The images of the training split: shuffled, balanced and augmented.

    Args:
        index: See `ImageSplit`.
        split: See `ImageSplit`.
        load: See `ImageSplit`.
        image_size: See `ImageSplit`.
        batch_size: See `ImageSplit`.
        rules: See `ImageSplit`.
        store: See `ImageSplit`.
        seed: Seed of order and augmentation.
        augmentation: The augmentation.
        class_balance: How to compensate for class imbalance: `"sampling"` draws each class
            equally often, `"weights"` gives images of rarer classes more weight. The
            partners of mixed images are balanced in the same way.
        is_of_fold: See `ImageSplit`.
        table: See `ImageSplit`.

    Raises:
        ConfigError: The augmentation mixes images with table columns.
    """

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
        class_balance: ClassBalance = "none",
        is_of_fold: bool = False,
        table: TableInputs | None = None,
    ) -> None:
        common = (index, split, load, image_size, batch_size, rules, store)
        more: Any = {
            "seed": seed,
            "augmentation": augmentation,
            "is_of_fold": is_of_fold,
            "table": table,
        }
        super().__init__(*common, **more)
        refuse_mixing(self.table_features, self.augmentation)
        self.class_balance = class_balance
        self._in_order = ImageSplit(*common, **more)
        self._view: int | None = None  # if set, every image once in this view, in order
        self._class_counts = index.class_counts(split)
        self._class_weights = np.ones(len(self.class_names), np.float32)
        if class_balance == "weights":
            self._class_weights = balanced_weights(self._class_counts)
        groups = np.zeros(self.num_examples, np.int32)
        if class_balance == "sampling" and self.labels is not None:
            groups = self.labels
        self._partners = Partners(groups, self._identities)

    @property
    def class_counts(self) -> list[int]:
        """Number of training images of each class or label."""
        return self._class_counts.tolist()

    @property
    def target_scale(self) -> TargetScale:
        """Means and standard deviations of the numeric targets."""
        if self.target_values is None:
            raise ValueError("Only numeric targets have a scale; these are classes.")
        return TargetScale.of(self.target_values)

    def draws(self, epoch: int) -> Draws:
        """Returns the draws of an epoch: positions in this split, and draw numbers."""
        if self._view is not None:
            count = self.num_examples
            return Draws(np.arange(count), np.full(count, self._view))
        if self.class_balance == "sampling" and self.labels is not None:
            return balanced(self.labels, self.seed, epoch)
        return shuffled(self.num_examples, self.seed, epoch)

    def settings(self) -> dict[str, Any]:
        """Returns the settings that determine order, weights and augmentation."""
        return {
            "seed": self.seed,
            "class_balance": self.class_balance,
            "augmentation": {
                **self.augmentation.settings(),
                "views": self.augmentation.views,
            },
        }

    def versions(self, place: int, count: int) -> npt.NDArray[np.uint8]:
        """Returns the original image and its first `count` augmented views.

        Args:
            place: Position of the image in this split.
            count: Number of views.

        Returns:
            `(1 + count, size, size, 3)` RGB, uint8.
        """
        draws = Draws(np.full(count, place), np.arange(count))
        part = {name: tf.constant(array) for name, array in self.arrays(draws).items()}
        varied = np.rint(self.pixels(part).numpy()).astype(np.uint8)
        return np.concatenate([self.images(draws.rows[:1]), varied])

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the arrays of a part of a batch."""
        arrays = super().arrays(draws) | self._variation(draws)
        if not self.mixes:
            return arrays
        mixes = self._mixes(draws)
        partners = Draws(mixes.partners, draws.numbers)
        theirs = {"images": self.images(partners.rows)} | self._variation(partners)
        named = {f"{PARTNER}{name}": array for name, array in theirs.items()}
        return arrays | named | {"patches": mixes.patches}

    def prepare(self, part: dict[str, tf.Tensor]) -> tuple[Any, Any, Any]:
        """See `ImageSplit.prepare`; targets of mixed images are probabilities.

        Returns:
            Images and weights like `ImageSplit.prepare`; labels `(rows,)` int32, or class
            probabilities `(rows, classes)` float32 if images are mixed.
        """
        return super().prepare(part)

    def pixels(self, part: dict[str, tf.Tensor]) -> tf.Tensor:
        """See `ImageSplit.pixels`."""
        images = super().pixels(part)
        if "patches" not in part:
            return images
        theirs = {
            name.removeprefix(PARTNER): tensor
            for name, tensor in part.items()
            if name.startswith(PARTNER)
        }
        partners = augment(tf.cast(theirs["images"], tf.float32), theirs)
        return mix(images, partners, part["patches"])

    def with_augmentation(self, augmentation: Augmentation) -> Self:
        """See `ImageSplit.with_augmentation`.

        Raises:
            ConfigError: The augmentation mixes images with table columns.
        """
        refuse_mixing(self.table_features, augmentation)
        return super().with_augmentation(augmentation)

    def targets(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the targets of these draws, and their weights, if any."""
        if self.labels is None:
            return {"labels": self._mixed_values(draws)}
        labels: npt.NDArray[Any] = self.labels[draws.rows]
        weights = self._class_weights[labels]
        if self.mixes:
            mixes = self._mixes(draws)
            others = self.labels[mixes.partners]
            labels, weights = mixed_targets(
                labels, others, mixes.shares, self._class_weights
            )
        is_weighted = self.class_balance == "weights"
        return {"labels": labels} | ({"weights": weights} if is_weighted else {})

    def _mixed_values(self, draws: Draws) -> npt.NDArray[np.float32]:
        """Returns labels or numbers of draws, mixed like the pixels."""
        values: Any = self.target_values
        own: npt.NDArray[np.float32] = values[draws.rows]
        if not self.mixes:
            return own
        mixes = self._mixes(draws)
        shares = mixes.shares[:, None].astype(np.float32)
        others: npt.NDArray[np.float32] = values[mixes.partners]
        return own * shares + others * (1 - shares)

    def _variation(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Draws the augmentation parameters of these draws."""
        identities = self._identities[draws.rows]
        return self.augmentation.draw(self.seed, identities, draws.numbers, self.image_size)

    def _mixes(self, draws: Draws) -> Mixes:
        """Draws the partners of these draws, all from this split."""
        identities = self._identities[draws.rows]
        return self.augmentation.draw_mixes(
            self.seed, identities, draws.numbers, self.image_size, self._partners
        )

    @property
    def mixes(self) -> bool:
        """Whether images and targets are mixed with others of this split."""
        return self.augmentation.mixes

    @property
    def draw_rates(self) -> npt.NDArray[np.float32] | None:
        """`(images,)`: mean number of draws of each image per epoch; None if all are 1."""
        if self.class_balance != "sampling" or self.labels is None:
            return None
        return balanced_weights(self._class_counts)[self.labels]

    @property
    def num_views(self) -> int | None:
        """Number of views of each image; None if unlimited."""
        return self.augmentation.num_versions

    @property
    def in_order(self) -> ImageSplit:
        """Every image once, in order, without augmentation."""
        return self._in_order

    def view(self, number: int) -> ImageSplit:
        """Returns every image once, in order, in one of its views."""
        if self.augmentation.is_identity:
            return self.in_order
        view = copy.copy(self)
        view._view = number
        return view

    @property
    def whole(self) -> tuple[ImageSplit, Integers] | None:
        """See `ImageSplit`.

        None also if images are mixed, or copies are in several splits, because then views
        depend on the split.
        """
        found = None if self.mixes else super().whole
        if found is None or not isinstance(found[0], TrainingSplit):
            return None
        same = np.array_equal(found[0]._identities[found[1]], self._identities)
        return found if same else None

    def _take(self, rows: Integers) -> None:
        super()._take(rows)
        copies = rank_within(self._index.digests[rows]).astype(np.uint64)
        self._identities = self.content_numbers + copies

    @property
    def version(self) -> str:
        """See `ImageSplit`. Independent of the number of views."""
        how: list[Any] = [self.seed, self.augmentation.settings(), self._view]
        if self.mixes:  # with others of this split
            how.append(np.ascontiguousarray(self.contents).tobytes().hex())
        if self.mixes and self.class_balance == "sampling" and self.labels is not None:
            how.append(self.labels.tolist())  # partners are drawn by class
        return sha256_of_json([AUGMENTATION_VERSION, super().version, *how])

    @property
    def contents(self) -> npt.NDArray[np.bytes_]:
        """See `ImageSplit`. Copies differ, because each is augmented differently."""
        digests = super().contents
        pairs = np.zeros(len(digests), [("digest", "S32"), ("identity", "<u8")])
        pairs["digest"], pairs["identity"] = digests, self._identities
        return pairs.view("S40")

    def only(self, places: Integers) -> Self:
        """See `ImageSplit.only`."""
        other = super().only(places)
        other._identities = self._identities[places]
        return other
