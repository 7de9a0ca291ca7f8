"""Small runs with every callback that is exported, to be repeated, copied and killed."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import keraunos.callbacks
from helpers import replicas
from keraunos import Trainer
from keraunos.callbacks import Callback
from keraunos.callbacks.registry import CALLBACK_CLASSES
from keraunos.core.names import snake_case
from resumable_runs import dataset

EPOCHS, SWITCH, STEPS = 3, 1, 4
LABELS = {kind: label for label, kind in CALLBACK_CLASSES.items()}
EXPORTED = {name: getattr(keraunos.callbacks, name) for name in keraunos.callbacks.__all__}
KINDS: dict[str, type[Callback]] = {
    LABELS.get(value, snake_case(name)): value
    for name, value in EXPORTED.items()
    if isinstance(value, type) and issubclass(value, Callback)
}
# The others keep their defaults.
OPTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "alerts": lambda: {"command": ["true"]},
    "backbone_finetuning": lambda: {"at_epoch": SWITCH, "learning_rate": 0.1},
    "early_stopping": lambda: {"patience": EPOCHS},
    "keras_callback": lambda: {
        "callback": keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10.0)
    },
    "learning_rate_finder": lambda: {"num_steps": 5, "largest": 0.1},
    "model_checkpoint": lambda: {"every_n_steps": 3},
    "prometheus": lambda: {"port": 47_231},
}


def every_callback() -> dict[str, Callback]:
    """A new one of each kind, by label."""
    return {name: kind(**OPTIONS.get(name, dict)()) for name, kind in KINDS.items()}


def build() -> keras.Model:
    """A model with a frozen part, which some callbacks need."""
    frozen = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "tanh")])
    frozen.trainable = False
    dropout, head = keras.layers.Dropout(0.2), keras.layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((5,)), frozen, dropout, head])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(
    directory: Path, callbacks: Mapping[str, Callback], seed: int = 0, **options: Any
) -> Any:
    """Trains on one replica, resuming from the directory."""
    trainer = Trainer(
        strategy=replicas(1),
        run_dir=directory,
        callbacks=callbacks,
        **{"max_epochs": EPOCHS, **options},
    )
    return trainer.fit(build, dataset(seed), validation_data=dataset(seed + 1))


class Killer(Callback):
    """Ends this process as if the machine had lost power."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_step_end(self, run: Any) -> None:
        if run.step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def program(directory: Path, step: int) -> int:
    """A run that is killed after a step."""
    keraunos.set_cpu_devices(2)
    fit(directory, {**every_callback(), "extra_killer": Killer(step)})
    return 0
