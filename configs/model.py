"""Settings of the section `model`: what to train."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from .backbone import BackboneName
from .choices import Head, Loss, MetricName
from .section import AS_LIST, IMPORTABLE, Count, PathText, Section

BUILDER_SETTINGS = {"builder", "arguments"}
HEAD_OPTIONS: dict[str, set[str]] = {
    "linear": set(),
    "cosine": {"temperature"},
    "knn": {"neighbors", "temperature"},
    "ridge": {"l2"},
}
FITTED_HEADS = ("knn", "ridge")  # fitted without training steps
LOSS_OPTIONS: dict[Loss, set[str]] = {
    "crossentropy": set(),
    "focal": {"focal_gamma", "focal_alpha"},
    "class_balanced": {"class_balanced_beta"},
    "logit_adjusted": {"logit_adjusted_tau"},
    "mean_squared_error": set(),
    "mean_absolute_error": set(),
    "huber": set(),
}
ALL_LOSS_OPTIONS = {name for options in LOSS_OPTIONS.values() for name in options}
COUNTING_LOSSES = ("class_balanced", "logit_adjusted")


class ModelConfig(Section):
    """The model: a frozen backbone with a new head, or your own model."""

    backbone: BackboneName = Field(
        "ResNet50",
        description="A network of keras.applications, `keras_hub:PRESET` or "
        "`keras_hub:DIRECTORY`, or `package.module:function`.",
    )
    weights: PathText | None = Field(
        "imagenet",
        description="Initial weights of the backbone: `imagenet`, a run directory, a "
        "Keras, safetensors or PyTorch file (docs/weights.md), or null for random "
        "initialization.",
    )
    head: Head = Field(
        "linear",
        description="Classifier on the features. `linear` (softmax) and `cosine` are "
        "trained; `ridge` and `knn` (nearest neighbors) are fitted to all training images "
        "at once, without epochs. See docs/heads.md.",
    )
    l2: float | None = Field(
        None,
        gt=0,
        description="L2 penalty of ridge, as a multiple of the mean feature variance; "
        "null chooses it by leave-one-group-out on the training set.",
    )
    neighbors: Count = Field(20, description="Number of training images that vote in knn.")
    temperature: float | None = Field(
        None,
        gt=0,
        description="Temperature by which knn and cosine divide similarities. With null, "
        "knn chooses it by leave-one-group-out, and cosine learns it.",
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate before the head.")
    standardize_features: bool = Field(
        False,
        description="Scale each feature to mean 0 and variance 1 on the training set. "
        "Takes one pass over the training set; helps heads on untrained networks.",
    )
    loss: Loss = Field(
        "crossentropy",
        description="Loss function. `focal` gives less weight to easy examples, "
        "`class_balanced` to frequent classes; `logit_adjusted` demands larger margins "
        "for rare classes. For regression: `mean_squared_error`, `mean_absolute_error` or "
        "`huber`.",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Fraction of each target that is spread evenly over all classes.",
    )
    focal_gamma: float = Field(
        2.0,
        ge=0,
        le=100,
        description="How strongly `focal` reduces the weight of easy examples.",
    )
    focal_alpha: float = Field(0.25, gt=0, description="Factor of the `focal` loss.")
    class_balanced_beta: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="With 0, `class_balanced` weights all classes equally; close to 1, it "
        "weights a class by the inverse of its number of training images.",
    )
    logit_adjusted_tau: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Strength of `logit_adjusted`; 0 is plain crossentropy.",
    )
    metrics: Annotated[list[MetricName], AS_LIST] = Field(
        ["accuracy", "balanced_accuracy"],
        description="Metrics to compute in training and validation; any of them can be "
        "monitored. `recall_per_class` is one metric per class, named `recall_CLASS`. "
        "Other tasks have other metrics: see docs/tasks.md.",
    )
    builder: str | None = Field(
        None,
        pattern=IMPORTABLE,
        description="Instead of a backbone: `package.module:name` of a function that "
        "returns a compiled keras.Model, or of a Module.",
    )
    arguments: dict[str, Any] = Field(
        {},
        description="Arguments of the builder, in addition to `num_classes`, `image_size` "
        "and `class_names`, which it receives if its signature names them.",
    )

    @property
    def is_fitted(self) -> bool:
        """Whether the head is fitted without training steps."""
        return self.builder is None and self.head in FITTED_HEADS

    @model_validator(mode="after")
    def _check_head_options(self) -> "ModelConfig":
        defaults = type(self).model_fields
        given = sorted(
            name
            for name in self.other_head_options()
            if getattr(self, name) != defaults[name].default
        )
        if given:
            raise ValueError(f"head={self.head} has no option {', '.join(given)}")
        # The default losses of the tasks were not requested by the user.
        is_default = self.loss in ("crossentropy", "mean_squared_error")
        if self.is_fitted and (not is_default or self.label_smoothing):
            raise ValueError(
                f"head={self.head} minimizes no loss: leave out loss and label_smoothing"
            )
        return self

    def other_head_options(self) -> set[str]:
        """Returns the options of other heads that this head does not have."""
        return set().union(*HEAD_OPTIONS.values()) - HEAD_OPTIONS[self.head]

    @model_validator(mode="after")
    def _require_builder_or_settings(self) -> "ModelConfig":
        if self.builder is None and self.arguments:
            raise ValueError("`arguments` belong to a `builder`, and none is given")
        if self.builder is not None and self.model_fields_set - BUILDER_SETTINGS:
            others = ", ".join(sorted(self.model_fields_set - BUILDER_SETTINGS))
            raise ValueError(f"`builder` and {others} can't be set together")
        return self

    @model_validator(mode="after")
    def _check_loss_options(self) -> "ModelConfig":
        others = self.changed_loss_options() - LOSS_OPTIONS[self.loss]
        if others:
            raise ValueError(f"{self.loss} has no option {', '.join(sorted(others))}")
        return self

    def changed_loss_options(self) -> set[str]:
        """Returns the loss options that differ from their defaults."""
        fields = type(self).model_fields
        return {
            name for name in ALL_LOSS_OPTIONS if getattr(self, name) != fields[name].default
        }

    @property
    def counts_classes(self) -> bool:
        """Whether the loss compensates for class imbalance."""
        return self.loss in COUNTING_LOSSES

    @model_serializer(mode="wrap")
    def _serialize_builder_or_settings(
        self, write: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        if self.builder is None:
            return values
        return {name: values[name] for name in ("builder", "arguments")}


def kept_settings(below: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of `model` that remain when another layer is applied.

    A builder removes all settings of backbones, and a backbone those of builders.

    Args:
        below: The section `model` of the layers below.
        layer: The section `model` of a later file, or of the command line.
    """
    if layer.get("builder") is not None:
        return {name: each for name, each in below.items() if name in BUILDER_SETTINGS}
    if "builder" in layer or "backbone" in layer:
        return {name: each for name, each in below.items() if name not in BUILDER_SETTINGS}
    return dict(below)
