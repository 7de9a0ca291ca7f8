"""The complete configuration of a run: all sections, and settings outside of sections.

The names are the same in YAML files, on the command line (`trainer.max_epochs=5`) and in
Python (`Trainer(max_epochs=5)`). Unknown names are errors.

Example:
    >>> from keraunos.configs import RunConfig
    >>> RunConfig(seed=1).trainer.max_epochs
    10
"""

from typing import Any

from pydantic import Field, field_validator, model_validator

from .augmentation import AugmentationConfig, fitted_on_mixed_images
from .backbone import problem_of_size
from .callbacks import check_callbacks, normalize_switches, require_training
from .choices import EffortName, FeatureCache, Task
from .data import DataConfig
from .effort import check_effort
from .evaluation import EvaluationConfig
from .feature_rules import feature_problems
from .imbalance import corrected_twice
from .model import ModelConfig
from .optimizer import OptimizerConfig
from .problems import Problem, ProblemsError, problem
from .search import SearchConfig
from .section import PathText, Section
from .space import check_space
from .task_rules import check_task, with_task_defaults
from .trainer import TrainerConfig


class RunConfig(Section):
    """The complete configuration of a run."""

    run_dir: PathText | None = Field(
        None,
        description="Run directory; null uses the next free `runs/NAME-NNN`. If the "
        "directory contains a run, the run is resumed.",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        description="Seed of everything random: split, order, augmentation, initial "
        "weights, dropout.",
    )
    cache_dir: PathText | None = Field(
        None,
        description="Folder of the cache that runs share; by default "
        "`$KERAUNOS_CACHE_DIR`, or the cache folder of the user.",
    )
    effort: EffortName | None = Field(
        None,
        description="Computing effort: which entry of `efforts` is applied on top of the "
        "file that defines it; null applies none.",
    )
    task: Task = Field(
        "classification",
        description="What to predict for each image: one of several classes; any number "
        "of labels (`multi_label`); or one or more numbers (`regression`). The latter two "
        "need a table.",
    )
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    feature_cache: FeatureCache = Field(
        "auto",
        description="Compute the features of a frozen backbone once per image and keep "
        "them for all runs. `auto` does so if augmentation.views is a number or "
        "augmentation is off.",
    )
    trainer: TrainerConfig = TrainerConfig()
    callbacks: dict[str, dict[str, Any] | None] = Field(
        {},
        description="Callbacks by label, in order; null or false disables one, true "
        "enables one without options.",
    )
    evaluation: EvaluationConfig = EvaluationConfig()
    search: SearchConfig = SearchConfig()
    efforts: dict[EffortName, dict[str, Any]] = Field(
        {},
        description="Settings that each effort (`quick`, `good`, `best`) applies on top "
        "of the other settings of a file, nested as in the file. In the settings of a "
        "run, the chosen effort is already applied.",
    )

    @model_validator(mode="before")
    @classmethod
    def _task_has_defaults(cls, values: Any) -> Any:
        return with_task_defaults(values) if isinstance(values, dict) else values

    @field_validator("callbacks", mode="before")
    @classmethod
    def _callbacks_are_on_or_off(cls, value: Any) -> Any:
        return normalize_switches(value)

    @field_validator("callbacks")
    @classmethod
    def _callbacks_exist(cls, value: dict[str, Any]) -> dict[str, Any]:
        return check_callbacks(value)

    @model_validator(mode="after")
    def _effort_is_known(self) -> "RunConfig":
        check_effort(self.effort, self.efforts)
        return self

    @model_validator(mode="after")
    def _imbalance_is_corrected_once(self) -> "RunConfig":
        if self.model.counts_classes and self.data.class_balance != "none":
            text = corrected_twice(
                **{
                    "model.loss": self.model.loss,
                    "data.class_balance": self.data.class_balance,
                }
            )
            raise ProblemsError(Problem("data.class_balance", text))
        return self

    @model_validator(mode="after")
    def _averages_are_kept(self) -> "RunConfig":
        # The settings of a `Trainer` alone, without data, contain no optimizer.
        is_run = "data" in self.model_fields_set and self.model.builder is None
        keeps = (self.optimizer.model_extra or {}).get("use_ema", False)
        if self.trainer.use_ema_weights and is_run and not keeps:
            raise ProblemsError(
                problem(
                    "trainer.use_ema_weights",
                    "needs an optimizer that averages weights",
                    "Set optimizer.use_ema=true as well.",
                    **{"optimizer.use_ema": keeps},
                )
            )
        return self

    @model_validator(mode="after")
    def _callbacks_have_something_to_train(self) -> "RunConfig":
        if self.model.is_fitted:
            require_training(self.callbacks, self.model.head)
        return self

    @model_validator(mode="after")
    def _mixed_images_are_trained_on(self) -> "RunConfig":
        if self.model.is_fitted and self.augmentation.mixes:
            received = {"model.head": self.model.head}
            text = fitted_on_mixed_images(**received)
            raise ProblemsError(Problem("model.head", text))
        return self

    @model_validator(mode="after")
    def _images_are_large_enough(self) -> "RunConfig":
        if self.model.builder is None:
            text = problem_of_size(self.model.backbone, self.data.image_size)
            if text:
                raise ProblemsError(Problem("data.image_size", text))
        return self

    @model_validator(mode="after")
    def _settings_fit_the_task(self) -> "RunConfig":
        asked = self.evaluation.model_dump(exclude_defaults=True)
        check_task(self.task, self.data.model_dump(), self.model.model_dump(), asked)
        return self

    @model_validator(mode="after")
    def _settings_fit_the_columns(self) -> "RunConfig":
        features, mixes = self.data.features, self.augmentation.mixes
        problems = [*feature_problems(features, self.model.model_dump(), mixes)]
        if problems:
            raise ProblemsError(*problems)
        return self

    @model_validator(mode="after")
    def _space_is_of_settings(self) -> "RunConfig":
        check_space(self, self.search.space or {})
        return self
