"""Creates the head that `model.head` names."""

from ...configs import ModelConfig
from .contract import Head
from .cosine import CosineHead
from .knn import KnnHead
from .linear import LinearHead
from .ridge import RidgeHead


def build_head(
    config: ModelConfig, num_classes: int, num_examples: int | None = None
) -> Head:
    """Creates a head; `attach` creates its layers.

    Args:
        config: The section `model`.
        num_classes: The number of classes.
        num_examples: Number of training images, counting each version of an image; required
            for knn.

    Raises:
        ConfigError: The head does not support this number of images.
    """
    match config.head:
        case "linear":
            return LinearHead(num_classes, config.dropout)
        case "cosine":
            return CosineHead(num_classes, config.dropout, config.temperature)
        case "ridge":
            return RidgeHead(num_classes, config.l2)
        case "knn":
            return KnnHead(num_classes, num_examples, config.neighbors, config.temperature)
