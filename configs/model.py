"""The settings of the section `model`: what is trained."""

from typing import Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from .choices import Backbone, Loss, MetricName
from .section import IMPORTABLE, Section


class ModelConfig(Section):
    """What is trained: a frozen backbone with a new head, or a model of one's own."""

    backbone: Backbone = Field("ResNet50", description="A model of keras.applications.")
    weights: str | None = Field(
        "imagenet",
        description="`imagenet`, a weights file, or null for a random start.",
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate before the head.")
    standardize_features: bool = Field(
        False, description="Give each feature mean 0 and variance 1 on training data."
    )
    loss: Loss = Field(
        "crossentropy", description="`focal` gives easy pictures less weight."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Part of each target that all classes share."
    )
    metrics: list[MetricName] = Field(
        ["accuracy", "balanced_accuracy"],
        description="What is measured while training and validating; any can be "
        "monitored. `recall_per_class` is one for each class, named recall_CLASS.",
    )
    builder: str | None = Field(
        None,
        pattern=IMPORTABLE,
        description="`package.module:name` of a function that returns a compiled "
        "keras.Model, or of a Module, in place of a backbone.",
    )
    arguments: dict[str, Any] = Field({}, description="Arguments of the builder.")

    @model_validator(mode="after")
    def _one_kind(self) -> "ModelConfig":
        own = {"builder", "arguments"}
        if self.builder is None and self.arguments:
            raise ValueError("`arguments` belong to a `builder`, and none is given")
        if self.builder is not None and self.model_fields_set - own:
            others = ", ".join(sorted(self.model_fields_set - own))
            raise ValueError(f"`builder` and {others} can't be set together")
        return self

    @model_serializer(mode="wrap")
    def _write_one_kind(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        if self.builder is None:
            return values
        return {name: values[name] for name in ("builder", "arguments")}
