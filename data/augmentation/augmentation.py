"""Draws the augmentation of training images.

Drawing runs on the host and is a pure function of the seed, the image and the number of its
draw; `augment` applies the result on the training device.
"""

from functools import reduce
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from ...configs import AugmentationConfig, validated
from ...configs.arguments import AUGMENTATION, takes_settings
from ...configs.options import AugmentationOptions
from .color_jitter import draw_gains
from .geometry import Doubles, composed
from .mixing import Mixes, Partners, draw_mixes
from .rand_augment import draw_rand_augment
from .random_erasing import draw_rectangles
from .random_numbers import Key
from .random_resized_crop import draw_crop
from .strength import draw_strength

Floats = npt.NDArray[np.float32]

# Increment when the same draws give different images: cached features depend on it.
AUGMENTATION_VERSION = 3


class Augmentation:
    """Augmentation of training images: by `strength`, and by further policies.

    All geometric changes (flips, rotation, zoom, shift, crops, the geometry of RandAugment)
    are composed into one resampling, which keeps images sharp, with a reflected border.
    Mixing comes last and combines two augmented images.

    Args:
        strength: In [0, 1]. 0 leaves images unchanged. 0.5 flips half of them along each
            axis, rotates by up to 72 degrees, zooms by up to 20%, shifts by up to 10%,
            and changes brightness by up to 15% and contrast by up to 30%.
        **options: `views`, and policies, which are off by default. `views="fresh"` augments
            each draw of an image differently; a number N limits each image to N views,
            which are used in turn. See docs/augmentation.md.

    Raises:
        ConfigError: An argument is out of range.

    Example:
        >>> Augmentation(strength=0.25, views=8, random_erasing=0.5)
        Augmentation(strength=0.25, views=8, random_erasing=0.5)
    """

    @takes_settings(AUGMENTATION)
    def __init__(
        self, strength: float = 0.5, **options: Unpack[AugmentationOptions]
    ) -> None:
        config = validated(AugmentationConfig, "augmentation", strength=strength, **options)
        self.strength = config.strength
        self.views = config.views
        self.policies = config.policies
        self._config = config

    def __repr__(self) -> str:
        policies = "".join(f", {name}={each!r}" for name, each in self.policies.items())
        return f"Augmentation(strength={self.strength}, views={self.views!r}{policies})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Augmentation) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    @property
    def is_identity(self) -> bool:
        """Whether images stay unchanged."""
        return self._config.is_identity

    @property
    def kinds(self) -> dict[str, "Augmentation | None"]:
        """`strength` and each policy alone, by name; None for those that are off.

        Example:
            >>> kinds = Augmentation(strength=0.5, random_erasing=0.25).kinds
            >>> kinds["random_erasing"], kinds["mixup"]
            (Augmentation(strength=0.0, views='fresh', random_erasing=0.25), None)
        """
        on = ({"strength": self.strength} if self.strength else {}) | self.policies
        nothing: dict[str, Any] = {"strength": 0.0, "views": self.views}
        return {
            name: Augmentation(**nothing | {name: on[name]}) if name in on else None
            for name in AugmentationConfig.model_fields
            if name != "views"
        }

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with others, as `mixup` and `cutmix` do."""
        return self._config.mixes

    @property
    def num_versions(self) -> int | None:
        """Number of views of each image; None if unlimited."""
        if self.is_identity:
            return 1
        return None if self.views == "fresh" else int(self.views)

    def settings(self) -> dict[str, Any]:
        """Returns the settings that affect images, except the number of views."""
        return {"strength": self.strength, **self.policies}

    def draw(
        self,
        seed: int,
        images: npt.NDArray[np.uint64],
        draws: npt.NDArray[np.int64],
        size: int,
    ) -> dict[str, Floats]:
        """Draws the augmentation of images, as arrays by name for `augment`.

        Args:
            seed: Seed of the run.
            images: `(rows,)`: number that identifies each image.
            draws: `(rows,)`: number of earlier draws of each image.
            size: Height and width of the images in pixels.

        Returns:
            Arrays with one row per image, float32, for all policies that are on.
        """
        config = self._config
        key = self._key(seed, images, draws)
        maps: list[Doubles] = []
        drawn: dict[str, Doubles] = {}
        if config.random_resized_crop < 1:
            maps.append(draw_crop(config.random_resized_crop, key, size))
        if config.strength:
            moved, drawn["tone"] = draw_strength(config.strength, key, size)
            maps.append(moved)
        if config.rand_augment:
            moved, drawn["rand_augment"] = draw_rand_augment(config.rand_augment, key, size)
            maps.append(moved)
        if maps:
            drawn["geometry"] = reduce(composed, maps)
        if config.color_jitter:
            drawn["color_jitter"] = draw_gains(config.color_jitter, key)
        if config.random_erasing:
            drawn["random_erasing"] = draw_rectangles(config.random_erasing, key, size)
        return {name: array.astype(np.float32) for name, array in drawn.items()}

    def draw_mixes(
        self,
        seed: int,
        images: npt.NDArray[np.uint64],
        draws: npt.NDArray[np.int64],
        size: int,
        partners: Partners,
    ) -> Mixes:
        """Draws how images are mixed with others, for `mix`; requires `mixes`.

        Args:
            seed: See `draw`.
            images: See `draw`.
            draws: See `draw`.
            size: See `draw`.
            partners: The images to mix with.
        """
        key = self._key(seed, images, draws)
        return draw_mixes(self._config.mixup, self._config.cutmix, key, size, partners)

    def _key(
        self,
        seed: int,
        images: npt.NDArray[np.uint64],
        draws: npt.NDArray[np.int64],
    ) -> Key:
        versions = draws if self.views == "fresh" else draws % int(self.views)
        return Key(seed, images, versions)
