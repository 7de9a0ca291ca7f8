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
    """Creates a head; its layers come with `attach`.

    Args:
        config: The section `model`.
        num_classes: The number of classes.
        num_examples: How many training images there are, each version of an image counted;
            needed by the head that stores them.

    Raises:
        ConfigError: The head can't be made for so many images.
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
