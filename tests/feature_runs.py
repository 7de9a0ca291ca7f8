"""A small run on cached features, and a program that records progress at every batch."""

from pathlib import Path
from typing import Any

import keras
from helpers import replicas
from keraunos import Augmentation, ImageData, Trainer, TransferClassifier
from keraunos.core import growing_file
from small_backbone import tiny_network

BATCH = 7
IMAGES, VALIDATION = 24, 6


def fit(folder: Path, cache: Path, count: int = 1) -> Any:
    """Trains a head on 24 images in four batches; six are for validation."""
    data = ImageData.from_folder(
        folder / "train",
        image_size=32,
        batch_size=BATCH,
        augmentation=Augmentation(views=1),
        cache_dir=cache,
    )
    module = TransferClassifier(3, image_size=32, backbone="MobileNetV2", weights=None)
    trainer = Trainer(strategy=replicas(count), callbacks=[], feature_cache="on")
    return trainer.fit(module, data)


def program(folder: Path, cache: Path) -> int:
    """Records its progress after every batch."""
    growing_file.SECONDS_BETWEEN_NOTES = 0.0
    keras.applications.MobileNetV2 = tiny_network
    fit(folder, cache)
    return 0
