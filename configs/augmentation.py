"""The settings of the section `augmentation`: how training images are varied."""

from typing import Any, Literal

from pydantic import Field

from ..core.errors import message
from .section import Count, Section


class RandAugmentConfig(Section):
    """RandAugment: operations drawn at random for each image, all of one magnitude."""

    magnitude: float = Field(
        9.0,
        ge=0,
        le=10,
        description="How strong each operation is; 10 is the strongest, as in the paper "
        "and timm (30 in torchvision).",
    )
    num_ops: int = Field(2, ge=1, le=10, description="Operations in a row on each image.")


class AugmentationConfig(Section):
    """How training images are varied: flips, rotation, zoom, shift, tone, and policies."""

    strength: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Scales flips, rotation, zoom, shift, brightness and contrast "
        "together; 0 leaves them out.",
    )
    views: Literal["fresh"] | Count = Field(
        "fresh",
        description="`fresh` draws anew each time; a number draws that many versions "
        "of each image once and goes through them in turn.",
    )
    # Policies: each default leaves images as they are.
    random_resized_crop: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Smallest part of an image's area that a crop keeps before it is "
        "resized; 1 crops nothing.",
    )
    rand_augment: RandAugmentConfig | None = Field(
        None, description="RandAugment; `{}` takes its defaults, null leaves it out."
    )
    color_jitter: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Scales red, green and blue against each other, as another lamp does: "
        "the ratio of two changes by a factor of up to (1 + color_jitter)^2.",
    )
    random_erasing: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Probability that a rectangle of an image is erased.",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Blends each training image with another, and their targets. Shares "
        "are drawn from Beta(mixup, mixup); 0 leaves that out.",
    )
    cutmix: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Puts a box of another training image into each, and mixes targets by "
        "area. Shares are drawn from Beta(cutmix, cutmix); 0 leaves that out. With mixup "
        "each image gets one of both.",
    )

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with others."""
        return bool(self.mixup or self.cutmix)

    @property
    def policies(self) -> dict[str, Any]:
        """The policies that are on, by name: everything but `strength` and `views`."""
        fields = type(self).model_fields
        return {
            name: value
            for name, value in self.model_dump(exclude={"strength", "views"}).items()
            if value != fields[name].default
        }

    @property
    def is_identity(self) -> bool:
        """Whether images stay as they are."""
        return self.strength == 0 and not self.policies


def fitted_on_mixed_images(**received: object) -> str:
    """The message for mixed images where a head is fitted to one class an image.

    Args:
        **received: What is fitted, by the name of its setting.
    """
    return message(
        "A head that is fitted takes images of one class each; mixed images are of two.",
        "Leave out augmentation.mixup and augmentation.cutmix, or set model.head=linear.",
        **received,
    )
