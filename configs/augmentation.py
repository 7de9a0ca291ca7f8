"""The settings of the section `augmentation`: how training images are varied."""

from typing import Literal

from pydantic import Field

from .section import Count, Section


class AugmentationConfig(Section):
    """How training images are varied: flips, rotation, zoom, shift, tone."""

    strength: float = Field(
        0.5,
        ge=0,
        le=1,
        description="0 leaves images as they are; scales all kinds of variation.",
    )
    views: Literal["fresh"] | Count = Field(
        "fresh",
        description="`fresh` draws anew each time; a number draws that many versions "
        "of each image once and goes through them in turn.",
    )
