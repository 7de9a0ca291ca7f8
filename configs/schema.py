"""The settings of a run: its sections, and what belongs to none of them.

The same names stand in YAML files, on the command line (`trainer.max_epochs=5`) and in
Python (`Trainer(max_epochs=5)`). Unknown names are errors.

Example:
    >>> from keraunos.configs import RunConfig
    >>> RunConfig(seed=1).trainer.max_epochs
    10
"""

from typing import Any

from pydantic import Field, field_validator, model_validator

from ..core.errors import message
from .augmentation import AugmentationConfig, fitted_on_mixed_images
from .backbone import problem_of_size
from .callbacks import check_callbacks, require_training, switched
from .choices import EffortName, FeatureCache, Task
from .data import DataConfig
from .effort import check_effort
from .evaluation import EvaluationConfig
from .feature_rules import feature_problems
from .imbalance import corrected_twice
from .model import ModelConfig
from .optimizer import OptimizerConfig
from .problems import ProblemsError
from .search import SearchConfig
from .section import PathText, Section
from .space import check_space
from .task_rules import check_task, with_task_defaults
from .trainer import TrainerConfig


class RunConfig(Section):
    """Everything that a run is asked for."""

    run_dir: PathText | None = Field(
        None,
        description="Where to write; null takes the next free `runs/NAME-NNN`. A directory "
        "that holds a run resumes it.",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        description="Of all that is random: split, order, augmentation, initial "
        "weights, dropout.",
    )
    cache_dir: PathText | None = Field(
        None,
        description="Folder of what runs share; by default `$KERAUNOS_CACHE_DIR`, or the "
        "user's cache.",
    )
    effort: EffortName | None = Field(
        None,
        description="How much a run may take: which of `efforts` is laid over the file "
        "that has them; null lays nothing over it.",
    )
    task: Task = Field(
        "classification",
        description="What is predicted for each image: one of several classes; with "
        "`multi_label` any number of labels; with `regression` one or several numbers. "
        "The latter two need a table.",
    )
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    feature_cache: FeatureCache = Field(
        "auto",
        description="Compute the features of a frozen backbone once per image and keep "
        "them for all runs; `auto` does where augmentation.views is a number or "
        "augmentation is off.",
    )
    trainer: TrainerConfig = TrainerConfig()
    callbacks: dict[str, dict[str, Any] | None] = Field(
        {},
        description="Callbacks by label, in order; null or false switches one off, true "
        "is one without options.",
    )
    evaluation: EvaluationConfig = EvaluationConfig()
    search: SearchConfig = SearchConfig()
    efforts: dict[EffortName, dict[str, Any]] = Field(
        {},
        description="What each effort lays over the other settings of a file: `quick`, "
        "`good` and `best`, nested as in the file. Of a run that has chosen one, that is "
        "in its settings already.",
    )

    @model_validator(mode="before")
    @classmethod
    def _task_has_defaults(cls, values: Any) -> Any:
        return with_task_defaults(values) if isinstance(values, dict) else values

    @field_validator("callbacks", mode="before")
    @classmethod
    def _callbacks_are_on_or_off(cls, value: Any) -> Any:
        return switched(value)

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
            raise ProblemsError(
                corrected_twice(
                    **{
                        "model.loss": self.model.loss,
                        "data.class_balance": self.data.class_balance,
                    }
                )
            )
        return self

    @model_validator(mode="after")
    def _averages_are_kept(self) -> "RunConfig":
        # The settings of a `Trainer` alone, without data, know nothing of optimizers.
        is_run = "data" in self.model_fields_set and self.model.builder is None
        keeps = (self.optimizer.model_extra or {}).get("use_ema", False)
        if self.trainer.use_ema_weights and is_run and not keeps:
            raise ProblemsError(
                message(
                    "`trainer.use_ema_weights` needs an optimizer that averages weights.",
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
            raise ProblemsError(fitted_on_mixed_images(**received))
        return self

    @model_validator(mode="after")
    def _images_are_large_enough(self) -> "RunConfig":
        if self.model.builder is None:
            problem = problem_of_size(self.model.backbone, self.data.image_size)
            if problem:
                raise ProblemsError(problem)
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
            raise ProblemsError("\n".join(problems))
        return self

    @model_validator(mode="after")
    def _space_is_of_settings(self) -> "RunConfig":
        check_space(self, self.search.space or {})
        return self
