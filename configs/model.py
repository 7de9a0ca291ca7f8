"""The settings of the section `model`: what is trained."""

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

OF_BUILDERS = {"builder", "arguments"}
HEAD_OPTIONS: dict[str, set[str]] = {
    "linear": set(),
    "cosine": {"temperature"},
    "knn": {"neighbors", "temperature"},
    "ridge": {"l2"},
}
FITTED_HEADS = ("knn", "ridge")  # without a step of training
LOSS_OPTIONS: dict[Loss, set[str]] = {
    "crossentropy": set(),
    "focal": {"focal_gamma", "focal_alpha"},
    "class_balanced": {"class_balanced_beta"},
    "logit_adjusted": {"logit_adjusted_tau"},
    "mean_squared_error": set(),
    "mean_absolute_error": set(),
    "huber": set(),
}
OF_LOSSES = {name for options in LOSS_OPTIONS.values() for name in options}
COUNTING_LOSSES = ("class_balanced", "logit_adjusted")


class ModelConfig(Section):
    """What is trained: a frozen backbone with a new head, or a model of one's own."""

    backbone: BackboneName = Field(
        "ResNet50",
        description="A network of keras.applications, `keras_hub:PRESET` or "
        "`keras_hub:DIRECTORY`, or `package.module:function`.",
    )
    weights: PathText | None = Field(
        "imagenet",
        description="Of the backbone: `imagenet`, the directory of a run, a file of "
        "Keras, safetensors or PyTorch (docs/weights.md), or null for a random start.",
    )
    head: Head = Field(
        "linear",
        description="What turns features into probabilities: `linear` (softmax) and "
        "`cosine` are trained; `ridge` and `knn` (nearest neighbours) are fitted to all "
        "training images at once, without epochs. See docs/heads.md.",
    )
    l2: float | None = Field(
        None,
        gt=0,
        description="Penalty of ridge, as a multiple of the mean variance of a feature; "
        "null chooses it by leaving training images out.",
    )
    neighbors: Count = Field(20, description="How many training images vote in knn.")
    temperature: float | None = Field(
        None,
        gt=0,
        description="What knn and cosine divide similarities by; null chooses it by "
        "leaving training images out (knn), or learns it (cosine).",
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate before the head.")
    standardize_features: bool = Field(
        False,
        description="Give each feature mean 0 and variance 1 on the training set, which "
        "costs one pass over it; helps heads on networks that were not trained.",
    )
    loss: Loss = Field(
        "crossentropy",
        description="`focal` gives easy examples less weight, `class_balanced` those of "
        "frequent classes; `logit_adjusted` asks for larger margins of rare classes. In "
        "regression it is `mean_squared_error`, `mean_absolute_error` or `huber`.",
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Part of each target that all classes share."
    )
    focal_gamma: float = Field(
        2.0, ge=0, le=100, description="How much less `focal` counts easy examples."
    )
    focal_alpha: float = Field(0.25, gt=0, description="Factor of the loss `focal`.")
    class_balanced_beta: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="0 counts all classes alike in `class_balanced`; close to 1, a class "
        "counts as the inverse of its number of training images.",
    )
    logit_adjusted_tau: float = Field(
        1.0, ge=0, le=100, description="How far `logit_adjusted` moves; 0 is crossentropy."
    )
    metrics: Annotated[list[MetricName], AS_LIST] = Field(
        ["accuracy", "balanced_accuracy"],
        description="What is measured while training and validating; any can be "
        "monitored. `recall_per_class` is one for each class, named `recall_CLASS`. Other "
        "tasks have metrics of their own: see docs/tasks.md.",
    )
    builder: str | None = Field(
        None,
        pattern=IMPORTABLE,
        description="`package.module:name` of a function that returns a compiled "
        "keras.Model, or of a Module, in place of a backbone.",
    )
    arguments: dict[str, Any] = Field(
        {},
        description="Arguments of the builder, beside `num_classes`, `image_size` and "
        "`class_names`, which it gets if it asks for them by name.",
    )

    @property
    def is_fitted(self) -> bool:
        """Whether no step of training is needed."""
        return self.builder is None and self.head in FITTED_HEADS

    @model_validator(mode="after")
    def _options_are_of_this_head(self) -> "ModelConfig":
        defaults = type(self).model_fields
        given = sorted(
            name
            for name in self.other_head_options()
            if getattr(self, name) != defaults[name].default
        )
        if given:
            raise ValueError(f"head={self.head} has no option {', '.join(given)}")
        # The loss that regression starts from is no loss that was asked for.
        is_default = self.loss in ("crossentropy", "mean_squared_error")
        if self.is_fitted and (not is_default or self.label_smoothing):
            raise ValueError(
                f"head={self.head} minimises no loss: leave out loss and label_smoothing"
            )
        return self

    def other_head_options(self) -> set[str]:
        """The options of heads that this one does not have."""
        return set().union(*HEAD_OPTIONS.values()) - HEAD_OPTIONS[self.head]

    @model_validator(mode="after")
    def _one_kind(self) -> "ModelConfig":
        if self.builder is None and self.arguments:
            raise ValueError("`arguments` belong to a `builder`, and none is given")
        if self.builder is not None and self.model_fields_set - OF_BUILDERS:
            others = ", ".join(sorted(self.model_fields_set - OF_BUILDERS))
            raise ValueError(f"`builder` and {others} can't be set together")
        return self

    @model_validator(mode="after")
    def _options_are_of_this_loss(self) -> "ModelConfig":
        others = self.changed_loss_options() - LOSS_OPTIONS[self.loss]
        if others:
            raise ValueError(f"{self.loss} has no option {', '.join(sorted(others))}")
        return self

    def changed_loss_options(self) -> set[str]:
        """The options of losses that have another value than their default."""
        fields = type(self).model_fields
        return {name for name in OF_LOSSES if getattr(self, name) != fields[name].default}

    @property
    def counts_classes(self) -> bool:
        """Whether the loss makes up for classes of unequal size."""
        return self.loss in COUNTING_LOSSES

    @model_serializer(mode="wrap")
    def _write_one_kind(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        if self.builder is None:
            return values
        return {name: values[name] for name in ("builder", "arguments")}


def not_replaced(below: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of a section `model` when another layer is laid over it.

    Args:
        below: The section so far.
        layer: The section of a later file, or of the command line.
    """
    if layer.get("builder") is not None:
        return {name: each for name, each in below.items() if name in OF_BUILDERS}
    if "builder" in layer or "backbone" in layer:
        return {name: each for name, each in below.items() if name not in OF_BUILDERS}
    return dict(below)
