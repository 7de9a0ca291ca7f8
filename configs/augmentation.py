"""Settings of the section `augmentation`: how to vary training images."""

from typing import Any, Literal

from pydantic import Field

from ..core.errors import message
from .section import Count, Section


class RandAugmentConfig(Section):
    """RandAugment: random operations on each image, all with the same magnitude."""

    magnitude: float = Field(
        9.0,
        ge=0,
        le=10,
        description="Strength of each operation; 10 is the maximum, as in the paper and "
        "timm (30 in torchvision).",
    )
    num_ops: int = Field(
        2,
        ge=1,
        le=10,
        description="Number of operations applied to each image in sequence.",
    )


class AugmentationConfig(Section):
    """Augmentation of training images: flips, rotation, zoom, shift, color and policies."""

    strength: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Common scale of flips, rotation, zoom, shift, brightness and "
        "contrast; 0 switches them off.",
    )
    views: Literal["fresh"] | Count = Field(
        "fresh",
        description="`fresh` augments each image differently in every epoch; a number "
        "generates this many versions of each image once and cycles through them.",
    )
    # Policies: with its default, each leaves images unchanged.
    random_resized_crop: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Minimum fraction of the image area that a random crop keeps before "
        "resizing; 1 does not crop.",
    )
    rand_augment: RandAugmentConfig | None = Field(
        None, description="RandAugment; `{}` uses its defaults, null switches it off."
    )
    color_jitter: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Scales red, green and blue relative to each other, like a change of "
        "lighting: the ratio of two channels changes by a factor of up to (1 + "
        "color_jitter)^2.",
    )
    random_erasing: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Probability that a rectangle of the image is erased.",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Mixup: blend each training image and its target with another, with "
        "weights drawn from Beta(mixup, mixup); 0 switches it off.",
    )
    cutmix: float = Field(
        0.0,
        ge=0,
        le=100,
        description="CutMix: paste a box of another training image into each image and "
        "mix the targets by area, drawn from Beta(cutmix, cutmix); 0 switches it off. If "
        "mixup is also on, each image gets one of the two.",
    )

    @property
    def mixes(self) -> bool:
        """Whether mixup or CutMix is on."""
        return bool(self.mixup or self.cutmix)

    @property
    def policies(self) -> dict[str, Any]:
        """The values of the policies that are on, by name."""
        fields = type(self).model_fields
        return {
            name: value
            for name, value in self.model_dump(exclude={"strength", "views"}).items()
            if value != fields[name].default
        }

    @property
    def is_identity(self) -> bool:
        """Whether images are not changed."""
        return self.strength == 0 and not self.policies


def fitted_on_mixed_images(**received: object) -> str:
    """Returns the error message for fitting a head to mixed images.

    Args:
        **received: The setting that selects the head.
    """
    return message(
        "A fitted head takes images of one class each; mixed images have two.",
        "Leave out augmentation.mixup and augmentation.cutmix, or choose the head linear.",
        **received,
    )
