"""A trial of a hypermodel of the user, in any process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import keras_tuner

from ..callbacks import EarlyStopping, ModelCheckpoint, TensorBoard, merge_callbacks
from ..callbacks.monitor import Monitor
from ..configs import SearchConfig
from ..trainer import FitResult, Trainer
from .trial_callbacks import trial_callbacks
from .trials import TrialPlan

if TYPE_CHECKING:
    from ..data import ImageData

Build = Callable[[keras_tuner.HyperParameters], keras.Model]


@dataclass
class HypermodelTrial:
    """Trains a trial of a hypermodel, in any process.

    Attributes:
        build: Returns a compiled model.
        data: See `Trainer.fit`.
        validation_data: See `Trainer.fit`.
        trainer: Arguments of the Trainer.
        objective: The metric that is the score.
        settings: Settings of the search.
    """

    build: Build
    data: Any
    validation_data: Any
    trainer: Mapping[str, Any]
    objective: Monitor = field(repr=False)
    settings: SearchConfig = field(default_factory=SearchConfig, repr=False)

    def __call__(self, plan: TrialPlan) -> tuple[FitResult, dict[str, Any] | None] | Path:
        """Trains or exports a trial; also returns hyperparameters if `build` added some."""
        hp = keras_tuner.HyperParameters.from_config(plan.hyperparameters)
        known = len(hp.space)
        added = trial_callbacks(self.settings, self.objective, plan.fold)
        callbacks = self._callbacks() | added
        settings = dict(self.trainer) | {"callbacks": callbacks}
        if plan.max_epochs is not None:
            settings["max_epochs"] = plan.max_epochs
        trainer = Trainer(**settings, run_dir=plan.directory, export=False)
        do = trainer.export_best if plan.export else trainer.fit
        data = self.data if plan.fold is None else self._fold(plan.fold)
        result = do(lambda: self.build(hp), data, validation_data=self.validation_data)
        if isinstance(result, Path):
            return result
        return result, hp.get_config() if len(hp.space) > known else None

    def prepare_folds(self) -> str:
        """Checks that the images can be split into folds; returns their fingerprint.

        Raises:
            DataError: They can't, or the objective can't be measured on every fold.
        """
        from ..data.folds import fingerprint_folds, require_folds

        data = [self._fold(number + 1) for number in range(self.settings.folds or 0)]
        require_folds(data, self.objective.name)
        return fingerprint_folds(data)

    def _fold(self, number: int) -> "ImageData":
        folded: ImageData = self.data.fold(number, self.settings.folds)
        return folded

    def _callbacks(self) -> dict[str, Any]:
        """Returns the given callbacks, with quiet defaults."""
        given = given_callbacks(self.trainer)
        name = self.objective.name
        mode: Any = self.objective.mode
        checkpoint = {"model_checkpoint": ModelCheckpoint(name, mode=mode)}
        callbacks = {
            "progress_bar": None,
            "figures": None,
            "tensorboard": TensorBoard(images=False),
            "early_stopping": EarlyStopping(name, mode=mode),
        } | given
        return callbacks if "model_checkpoint" in given else callbacks | checkpoint


def given_callbacks(trainer: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the callbacks among arguments of a Trainer, by label."""
    given = trainer.get("callbacks") or {}
    if isinstance(given, Mapping):
        return dict(given)
    return dict(merge_callbacks(given, {}).callbacks)
