"""Compares training on cached features with training through the frozen network."""

import numpy as np
import tensorflow as tf
from PIL import Image

from ...data import Augmentation, ImageData
from ...models import TransferClassifier
from ..check import CheckSettings
from ..verdict import Verdict, pass_or_fail
from .subjects import trainer_for

TOLERANCE = 1e-4
SIZE, IMAGES, EPOCHS = 32, 24, 3


def measure(settings: CheckSettings) -> Verdict:
    """Compares the losses of every epoch, with two augmented views of each image."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    _write_images(settings)
    through, cached = (_losses(settings, mode) for mode in ("off", "on"))
    difference = float(np.max(np.abs(np.subtract(through, cached)) / np.abs(through)))
    return pass_or_fail(
        difference <= TOLERANCE,
        f"losses differ by {difference:.1e} of their size, at most {TOLERANCE:.0e}",
        {"losses_differ_by": difference, "epochs": EPOCHS},
    )


def _write_images(settings: CheckSettings) -> None:
    random = np.random.default_rng(0)
    for number in range(IMAGES):
        folder = settings.folder / "images" / ("dark", "light")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        low = 100 * (number % 2)
        pixels = random.integers(low, low + 100, (SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")


def _losses(settings: CheckSettings, feature_cache: str) -> list[float]:
    data = ImageData.from_folder(
        settings.folder / "images",
        image_size=SIZE,
        batch_size=8,
        augmentation=Augmentation(strength=0.5, views=2),
        cache_dir=settings.folder / "kept",
    )
    module = TransferClassifier(
        data.num_classes,
        image_size=SIZE,
        backbone="MobileNetV2",
        weights=None,
        dropout=0.0,
        standardize_features=True,  # features of random weights hardly vary
    )
    trainer = trainer_for(
        settings,
        settings.layout.replicas,
        feature_cache=feature_cache,
        max_epochs=EPOCHS,
        seed=1,
    )
    history = trainer.fit(module, data).history
    return [*history["loss"], *history["val_loss"]]
