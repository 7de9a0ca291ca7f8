"""Networks without their heads, frozen, whatever library they come from."""

from .contract import Backbone
from .features import features_of, pooling_of
from .registry import build_backbone

__all__ = ["Backbone", "build_backbone", "features_of", "pooling_of"]
