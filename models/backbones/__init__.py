"""Networks without their heads, frozen, whatever library they come from."""

from .contract import Backbone
from .registry import backbone_names, build_backbone

__all__ = ["Backbone", "backbone_names", "build_backbone"]
