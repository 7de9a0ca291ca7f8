"""Measures the images per second of training ResNet50, frozen or as a whole."""

import statistics
from typing import Any

import keras

from ...models import TransferClassifier
from ..check import CheckSettings
from ..verdict import Verdict, pass_or_slow, spread
from .sides import BARE, FIT, OURS, Training
from .subjects import CLASSES, labeled_images
from .turns import time_in_turns

LEAST_OF_BARE_LOOP = 0.9
# A frozen step takes a small part of a fine-tuned one. Epochs of 0.3 seconds on a CPU were
# too short: a short interruption doubled one.
FROZEN_STEPS = 3


def measure(settings: CheckSettings) -> Verdict:
    """Compares the Trainer with a bare loop and `Model.fit`, on batches in memory."""
    model = TransferClassifier(CLASSES, image_size=settings.image_size, weights=None)
    rows = settings.batch_size * settings.layout.replicas
    is_frozen = settings.options["is_frozen"]
    steps = settings.steps * (FROZEN_STEPS if is_frozen else 1)
    training = Training(
        settings,
        model.build if is_frozen else _finetuned(settings.image_size),
        labeled_images(rows, settings.image_size),
        steps,
        settings.epochs + 1,
        settings.options["precision"],
        {"jit_compile": settings.options["uses_xla"]},
    )
    times = time_in_turns(training.sides())
    return _verdict(times, rows * steps, settings)


def _verdict(
    times: dict[str, list[float]], images: int, settings: CheckSettings
) -> Verdict:
    speeds = {name: images / statistics.median(seconds) for name, seconds in times.items()}
    ratios = {name: speeds[OURS] / speeds[name] for name in (BARE, FIT)}
    figures: dict[str, Any] = {
        **{f"{name}_images_per_second": speed for name, speed in speeds.items()},
        **{f"{name}_spread": spread(seconds) for name, seconds in times.items()},
        "of_bare_loop": ratios[BARE],
        "of_model_fit": ratios[FIT],
        "image_size": settings.image_size,
        "batch_size": settings.batch_size * settings.layout.replicas,
    }
    return pass_or_slow(
        ratios[BARE] >= LEAST_OF_BARE_LOOP,
        f"{speeds[OURS]:.3g} images/s at {settings.image_size} px: {ratios[BARE]:.2f}x a "
        f"bare loop (at least {LEAST_OF_BARE_LOOP:g}x), {ratios[FIT]:.2f}x Model.fit; "
        f"spread {spread(times[OURS]):.0%}",
        figures,
    )


def _finetuned(image_size: int) -> Any:
    """Returns a builder of a ResNet50 with all layers trainable."""

    def build() -> keras.Model:
        shape = (image_size, image_size, 3)
        backbone = keras.applications.ResNet50(
            include_top=False, weights=None, input_shape=shape, pooling="avg"
        )
        inputs = keras.Input(shape)
        features = backbone(keras.layers.Rescaling(1 / 255)(inputs))
        outputs = keras.layers.Dense(CLASSES, "softmax", dtype="float32")(features)
        model = keras.Model(inputs, outputs)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build
