"""How training images are varied: what is drawn for each.

Drawing is a pure function on the host, of the seed, the image and the number of its
draw; `augment` applies the result on the training device.
"""

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from ...configs import AugmentationConfig, validated
from ...configs.arguments import AUGMENTATION, takes_settings
from ...configs.options import AugmentationOptions
from .geometry import affine_coefficients
from .random_numbers import uniforms

Floats = npt.NDArray[np.float32]

# To be raised when the same numbers give other images: cached features are of these.
AUGMENTATION_VERSION = 2

# What strength 1 allows; 0.5 gives the tutorial's flips, rotation and zoom.
MAX_ROTATION_RADIANS = 0.8 * np.pi
MAX_ZOOM = 0.4
MAX_SHIFT = 0.2
MAX_BRIGHTNESS = 0.3
MAX_CONTRAST = 0.6


class Augmentation:
    """How strongly training images are varied.

    Flips, rotation, zoom and shift are one affine resampling (bilinear, the border
    mirrored); then contrast and brightness change. All scale with `strength`.

    Args:
        strength: In [0, 1]. 0 leaves images exactly as they are. 0.5 flips half of
            them each way, turns by up to 72 degrees, zooms by up to 20 %, shifts by up
            to 10 %, and changes brightness by up to 15 % and contrast by up to 30 %.
        views: `"fresh"` draws anew whenever an image is drawn; a number N draws N
            versions of each image once and goes through them in turn.

    Raises:
        ConfigError: An argument is out of its range.

    Example:
        >>> Augmentation(strength=0.25, views=8)
        Augmentation(strength=0.25, views=8)
    """

    @takes_settings(AUGMENTATION)
    def __init__(
        self, strength: float = 0.5, **options: Unpack[AugmentationOptions]
    ) -> None:
        config = validated(AugmentationConfig, "augmentation", strength=strength, **options)
        self.strength = config.strength
        self.views = config.views

    def __repr__(self) -> str:
        return f"Augmentation(strength={self.strength}, views={self.views!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Augmentation) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    @property
    def is_identity(self) -> bool:
        """Whether images stay as they are."""
        return self.strength == 0

    @property
    def num_versions(self) -> int | None:
        """How many versions there are of each image; None without end."""
        if self.is_identity:
            return 1
        return None if self.views == "fresh" else int(self.views)

    def settings(self) -> dict[str, Any]:
        """What decides how images look, apart from the number of views."""
        return {"strength": self.strength}

    def draw(
        self,
        seed: int,
        images: npt.NDArray[np.uint64],
        draws: npt.NDArray[np.int64],
        size: int,
    ) -> dict[str, Floats]:
        """Draws how images are varied, as arrays by name for `augment`.

        Args:
            seed: Of the run.
            images: `(rows,)` a number that identifies each image.
            draws: `(rows,)` how often each was drawn before.
            size: Height and width of the images in pixels.
        """
        if self.is_identity:
            return {}
        return {"augmentation": self.parameters(seed, images, draws, size)}

    def parameters(
        self,
        seed: int,
        images: npt.NDArray[np.uint64],
        draws: npt.NDArray[np.int64],
        size: int,
    ) -> Floats:
        """Draws what is to happen to images.

        Args:
            seed: Of the run.
            images: `(rows,)` a number that identifies each image.
            draws: `(rows,)` how often each was drawn before.
            size: Height and width of the images in pixels.

        Returns:
            `(rows, 10)` float32: eight coefficients of a projective transform from the
            output to the input, a factor for contrast, a summand for brightness.
        """
        versions = draws if self.views == "fresh" else draws % int(self.views)
        draw = uniforms(8, seed, images, versions)
        signed = (2 * draw - 1) * self.strength
        flip = np.where(draw[:, :2] < min(self.strength, 0.5), -1.0, 1.0)
        matrix = affine_coefficients(
            angle=signed[:, 2] * MAX_ROTATION_RADIANS,
            scale=flip * (1 + signed[:, 3:4] * MAX_ZOOM),
            shift=signed[:, 4:6] * MAX_SHIFT * size,
            centre=(size - 1) / 2,
        )
        contrast = 1 + signed[:, 6:7] * MAX_CONTRAST
        brightness = signed[:, 7:8] * MAX_BRIGHTNESS * 255
        return np.hstack([matrix, contrast, brightness]).astype(np.float32)
