"""Frozen networks without their heads, from several libraries."""

from .contract import Backbone
from .features import features_of, pooling_of
from .registry import build_backbone

__all__ = ["Backbone", "build_backbone", "features_of", "pooling_of"]
