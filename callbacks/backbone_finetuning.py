"""Trains the head first, and then a part of the backbone with it."""

from collections.abc import Iterator
from typing import Any, Unpack

import keras

from ..configs import validated
from ..configs.arguments import OF_CALLBACKS, takes_settings
from ..configs.callbacks import BackboneFinetuningConfig
from ..configs.options import BackboneFinetuningOptions
from ..core.errors import ConfigError, message
from ..core.names import did_you_mean
from ..models.phases import Phase, ordered_layers
from .base import Callback
from .monitor import Monitor
from .run_state import RunState


class BackboneFinetuning(Callback):
    """Unfreezes layers of a frozen backbone at an epoch, or when a metric stops improving.

    Until then the head trains alone, on cached features where the data allow it. Then a
    new phase begins: the layers train too, with a new optimizer of the same kind and a
    learning rate of its own. BatchNorm of the backbone stays in inference mode.

    Args:
        unfreeze_from: Name of the first layer to unfreeze, or the beginning of its name:
            `"conv5"`, `"conv5_block2"`. All after it in the backbone follow.
        **options: As `callbacks.backbone_finetuning` in a configuration: `last_layers` in
            place of `unfreeze_from` (without either the whole backbone is unfrozen),
            `at_epoch`, `monitor`, `patience`, `min_delta`, `mode`, `learning_rate`,
            `schedule`, `train_batch_norm`. See `docs/settings.md`.

    Raises:
        ConfigError: An argument is out of its range, there is no such layer, or nothing
            is frozen.

    Example:
        >>> tuning = BackboneFinetuning("conv5", at_epoch=3, learning_rate=1e-5)
    """

    @takes_settings(OF_CALLBACKS["backbone_finetuning"])
    def __init__(
        self, unfreeze_from: str | None = None, **options: Unpack[BackboneFinetuningOptions]
    ) -> None:
        self.config = validated(
            BackboneFinetuningConfig,
            "callbacks.backbone_finetuning",
            unfreeze_from=unfreeze_from,
            **options,
        )
        metric, mode = self.config.monitor, self.config.mode
        self._monitor = Monitor(metric, mode, self.config.min_delta) if metric else None
        self.reset()

    def reset(self) -> None:
        """Forgets the last fit."""
        self.is_done = False
        self.best: float | None = None
        self.waited = 0

    def on_fit_begin(self, run: RunState) -> None:
        """Makes sure that there is something to unfreeze, and a model that trains."""
        if not run.model.trainable_variables:
            raise ConfigError(
                message(
                    "BackboneFinetuning needs a head that trains.",
                    'Leave it out, or choose another head, such as head="linear".',
                    trainable_variables=0,
                )
            )
        if run.resumed_from is None:
            self._places(run.model)

    def on_epoch_end(self, run: RunState) -> None:
        """Asks for the new phase if it is time."""
        if not self.is_done and (self._is_late(run) or self._has_stopped_improving(run)):
            self.is_done = True
            run.request_phase(self._phase(run))

    def state_dict(self) -> dict[str, Any]:
        """Whether the phase was asked for; the best value, and how long ago that was."""
        return {"is_done": self.is_done, "best": self.best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where the saved run stood."""
        self.is_done, self.best = state["is_done"], state["best"]
        self.waited = state["waited"]

    def _is_late(self, run: RunState) -> bool:
        return self.config.at_epoch is not None and run.epoch >= self.config.at_epoch

    def _has_stopped_improving(self, run: RunState) -> bool:
        value = None if self._monitor is None else self._monitor.measured(run)
        if self._monitor is None or value is None:
            return False
        if self._monitor.is_better(value, self.best):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.waited >= self.config.patience

    def _phase(self, run: RunState) -> Phase:
        return Phase(
            self._places(run.model),
            self.config.learning_rate,
            self._schedule(run),
            self.config.train_batch_norm,
        )

    def _schedule(self, run: RunState) -> dict[str, Any] | None:
        if self.config.schedule is None:
            return None
        given = self.config.schedule.model_dump(exclude_defaults=True)
        if given["name"] not in ("cosine", "linear"):
            return given
        left = run.max_epochs - run.epoch
        warmup = min(given.get("warmup_epochs", 0.0), left / 2)
        return {"epochs": left} | given | {"warmup_epochs": warmup}

    def _places(self, model: keras.Model) -> list[int]:
        """Places of the layers to unfreeze in the order of the model."""
        frozen = dict(_frozen_layers(model))
        if not frozen:
            raise ConfigError(
                message(
                    "The model must have a backbone that is frozen.",
                    "Set backbone.trainable = False when it is built.",
                    model=model.name,
                )
            )
        places, config = list(frozen), self.config
        if config.last_layers is not None:
            return places[-config.last_layers :]
        if config.unfreeze_from is None:
            return places
        names = [frozen[place].name for place in places]
        for number, name in enumerate(names):
            if name == config.unfreeze_from or name.startswith(f"{config.unfreeze_from}_"):
                return places[number:]
        raise ConfigError(
            message(
                "`callbacks.backbone_finetuning.unfreeze_from` must be a layer with "
                f"weights, or the beginning of its name; the last are {names[-5:]}.",
                did_you_mean(config.unfreeze_from, names),
                unfreeze_from=config.unfreeze_from,
            )
        )


def _frozen_layers(model: keras.Model) -> Iterator[tuple[int, keras.Layer]]:
    """The frozen layers with weights of frozen models within a model; else all of it.

    Yields:
        The place of each in `ordered_layers`, and the layer.
    """
    inner = [each for each in model.layers if isinstance(each, keras.Model)]
    within = {id(layer) for each in inner for layer in ordered_layers(each)}
    for place, layer in enumerate(ordered_layers(model)):
        if layer.weights and not layer.trainable and (not within or id(layer) in within):
            yield place, layer
