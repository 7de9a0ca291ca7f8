"""Trains the head first, then the backbone as well, at once or stage by stage."""

from typing import Any, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import BackboneFinetuningOptions
from ..configs.training_callbacks import BackboneFinetuningConfig
from ..core.errors import ConfigError, message
from ..models.phases import Phase
from ..models.unfreezing import FrozenBackbone
from .base import Callback
from .monitor import Monitor
from .run_state import RunState


class BackboneFinetuning(Callback):
    """Unfreezes layers of a frozen backbone at an epoch, or when a metric stops improving.

    Until then, only the head trains, on cached features if possible. Then a new phase
    begins: the unfrozen layers train as well, with a new optimizer of the same kind and its
    own learning rate. BatchNorm layers of the backbone stay in inference mode unless
    `train_batch_norm` is set.

    With `stages`, the backbone is unfrozen from its end towards its input, in one phase per
    stage (gradual unfreezing: ULMFiT, Howard and Ruder 2018).

    Args:
        unfreeze_from: Name of the first layer to unfreeze, the beginning of its name
            (`"conv5"`, `"conv5_block2"`), or a stage. All later layers of the backbone are
            unfrozen as well.
        **options: Same as `callbacks.backbone_finetuning` in a configuration: `last_layers`
            or `stages` instead of `unfreeze_from` (without any of them, the whole backbone
            is unfrozen), `at_epoch`, `every_epochs`, `monitor`, `patience`, `min_delta`,
            `mode`, `learning_rate`, `learning_rate_factor`, `schedule`, `train_batch_norm`.
            See `docs/settings.md`.

    Attributes:
        num_begun: Number of phases requested so far.

    Raises:
        ConfigError: An argument is out of range, there is no such layer or stage, or
            nothing is frozen.

    Example:
        >>> tuning = BackboneFinetuning("conv5", at_epoch=3, learning_rate=1e-5)
        >>> gradual = BackboneFinetuning(stages=3, at_epoch=3, every_epochs=2)
    """

    @takes_settings(CALLBACK_ARGUMENTS["backbone_finetuning"])
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
        self.monitored_metrics = (metric,) if metric else ()
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self.num_begun = 0
        self.changed_at = 0  # the epoch in which the last phase was requested
        self.best: float | None = None
        self.waited = 0

    @property
    def num_phases(self) -> int:
        """The number of phases."""
        stages = self.config.stages
        return len(stages) if isinstance(stages, list) else stages or 1

    def on_fit_begin(self, run: RunState) -> None:
        """Checks that there is something to unfreeze and that the model trains."""
        if not run.model.trainable_variables:
            raise ConfigError(
                message(
                    "BackboneFinetuning needs a head that trains.",
                    'Leave it out, or choose another head, such as head="linear".',
                    trainable_variables=0,
                )
            )
        if run.resumed_from is None:
            self._layers_by_phase(run)

    def on_epoch_end(self, run: RunState) -> None:
        """Requests the next phase if it is due."""
        if self.num_begun >= self.num_phases:
            return
        if self._has_stopped_improving(run) or self._is_due_by_epoch(run):
            run.request_phase(self._phase(run))
            self.num_begun, self.changed_at, self.waited = self.num_begun + 1, run.epoch, 0

    def state_dict(self) -> dict[str, Any]:
        """Returns the phases so far, the best value, and the number of epochs since."""
        return {
            "num_begun": self.num_begun,
            "changed_at": self.changed_at,
            "best": self.best,
            "waited": self.waited,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of the saved run."""
        # The format of checkpoints before stages were introduced.
        begun = state.get("is_done", False)
        self.num_begun = state.get("num_begun", int(begun))
        self.changed_at = state.get("changed_at", 0)
        self.best, self.waited = state["best"], state["waited"]

    def _is_due_by_epoch(self, run: RunState) -> bool:
        if self.num_begun == 0:
            return self.config.at_epoch is not None and run.epoch >= self.config.at_epoch
        every = self.config.every_epochs or (None if self._monitor else 1)
        return every is not None and run.epoch - self.changed_at >= every

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
        factor = self.config.learning_rate_factor**self.num_begun
        return Phase(
            self._layers_by_phase(run)[self.num_begun],
            self.config.learning_rate * factor,
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

    def _layers_by_phase(self, run: RunState) -> list[list[int]]:
        """Returns for each phase the layers that it unfreezes."""
        config = self.config
        if config.stages is not None:
            phases = [*run.phases, *run.requested_phases]
            unfrozen = [place for phase in phases for place in phase["unfreeze"]]
            backbone = FrozenBackbone(run.model, unfrozen)
            if isinstance(config.stages, list):
                return backbone.in_turn(config.stages)
            return backbone.last_stages(config.stages)
        backbone = FrozenBackbone(run.model)
        if config.last_layers is not None:
            return [backbone.last(config.last_layers)]
        if config.unfreeze_from is not None:
            return [backbone.behind(config.unfreeze_from)]
        return [backbone.whole()]
