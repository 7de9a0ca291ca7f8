"""The training split as batches: shuffled, balanced and augmented."""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..configs.choices import ClassBalance
from ..core.files import sha256_of_json
from ..core.store import Store
from .augmentation import AUGMENTATION_VERSION, Augmentation
from .copies.groups import rank_within
from .files.image_cache import LoadImages
from .files.pixel_rules import DEFAULT_RULES, PixelRules
from .image_split import ImageSplit
from .index.image_index import ImageIndex
from .order import Draws, balanced, balanced_weights, shuffled


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
        seed: Of order and augmentation.
        augmentation: How images are varied.
        class_balance: How rarer classes are evened out: `"sampling"` draws each class
            equally often, `"weights"` gives the images of rarer classes more weight.
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
    ) -> None:
        common = (index, split, load, image_size, batch_size, rules, store)
        super().__init__(*common, seed=seed, augmentation=augmentation)
        self.class_balance = class_balance
        self._in_order = ImageSplit(*common, seed=seed, augmentation=augmentation)
        copies = rank_within(index.digests[self._rows]).astype(np.uint64)
        self._identities = self.content_numbers + copies
        self._view: int | None = None  # all draws of the one version, in order
        self._class_weights = balanced_weights(self.labels, len(self.class_names))

    @property
    def class_counts(self) -> list[int]:
        """How many training images each class has."""
        return np.bincount(self.labels, minlength=len(self.class_names)).tolist()

    def draws(self, epoch: int) -> Draws:
        """What an epoch draws: places within this split, and draw numbers."""
        if self._view is not None:
            count = self.num_examples
            return Draws(np.arange(count), np.full(count, self._view))
        if self.class_balance == "sampling":
            return balanced(self.labels, self.seed, epoch)
        return shuffled(self.num_examples, self.seed, epoch)

    def settings(self) -> dict[str, Any]:
        """What decides order, weights and augmentation."""
        return {
            "seed": self.seed,
            "class_balance": self.class_balance,
            "augmentation": {
                **self.augmentation.settings(),
                "views": self.augmentation.views,
            },
        }

    def versions(self, place: int, count: int) -> npt.NDArray[np.uint8]:
        """An image as it is, and as its first `count` draws show it."""
        draws = Draws(np.full(count, place), np.arange(count))
        part = {name: tf.constant(array) for name, array in self.arrays(draws).items()}
        images, _, _ = self.prepare(part)
        varied = np.rint(images.numpy()).astype(np.uint8)
        return np.concatenate([self.images(draws.rows[:1]), varied])

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """The arrays that a part of a batch is made of."""
        identities = self._identities[draws.rows]
        drawn = self.augmentation.draw(
            self.seed, identities, draws.numbers, self.image_size
        )
        return super().arrays(draws) | drawn

    def targets(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """What a model is to say of these draws, and how much each counts."""
        targets = super().targets(draws)
        if self.class_balance == "weights":
            targets["weights"] = self._class_weights[targets["labels"]]
        return targets

    @property
    def num_views(self) -> int | None:
        """How many versions there are of each image; None without end."""
        return self.augmentation.num_versions

    @property
    def in_order(self) -> ImageSplit:
        """Every image once, in order, as it is."""
        return self._in_order

    def view(self, number: int) -> ImageSplit:
        """Every image once, in order, as one of the versions."""
        if self.augmentation.is_identity:
            return self.in_order
        view = copy.copy(self)
        view._view = number
        return view

    @property
    def fingerprint(self) -> str:
        """See `ImageSplit`. How many versions there are makes no difference."""
        how = [self.seed, self.augmentation.settings(), self._view]
        return sha256_of_json([AUGMENTATION_VERSION, super().fingerprint, *how])
