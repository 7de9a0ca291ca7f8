"""Transfer learning: a frozen network with a new head, for any task."""

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Unpack

import keras

from ..configs import ModelConfig, validated
from ..configs.choices import Task
from ..configs.feature_rules import feature_problems
from ..configs.model import ALL_LOSS_OPTIONS, BUILDER_SETTINGS
from ..configs.options import ModelOptions
from ..configs.task_rules import model_defaults, model_problems
from ..core.errors import ConfigError, message
from ..core.table_features import IMAGE, TableFeatures
from .backbones import build_backbone, features_of, pooling_of
from .heads import Head
from .module import FrozenPart, Module, TrainingExamples, count_parameters
from .optimizer import Optimizer
from .shared import SharedNetworks
from .standardization import assign_measured, standardization
from .table_inputs import column_inputs, encode_columns, fuse
from .weights import version_of_weights


class _Network(NamedTuple):
    """A backbone from images to features, with the settings that determine its outputs."""

    model: keras.Model
    settings: Mapping[str, Any] | None


class TransferModel(Module, ABC):
    """A frozen backbone and a new head: the base of classifiers and regressors.

    The model takes raw RGB images `(rows, size, size, 3)` in [0, 255]. It includes
    preprocessing, made of stock Keras operations; the backbone runs in inference mode,
    including BatchNorm. Subclasses define the task, `head`, the loss and the metrics.

    Args:
        num_outputs: Number of classes, labels or numbers.
        image_size: Height and width of the images in pixels.
        optimizer: `Optimizer()` by default.
        shared: Cache in which the network is looked up before it is built.
        table_features: Table columns that the model takes, such as
            `data.train.table_features`; its inputs are then `image` and one for each
            column, by name.
        **options: The settings of the section `model` of a configuration.

    Attributes:
        task: The task, as in the setting `task`.
        head: The layers after the features.
        config: The section `model`.

    Raises:
        ConfigError: An argument is out of range, or not for this task.

    Example:
        >>> from keraunos import MultiLabelTransferClassifier
        >>> module = MultiLabelTransferClassifier(3, image_size=64, weights=None)
        >>> isinstance(module, TransferModel), module.num_outputs
        (True, 3)
    """

    task: ClassVar[Task]
    head: Head

    def __init__(
        self,
        num_outputs: int,
        *,
        image_size: int,
        optimizer: Optimizer | None,
        shared: SharedNetworks | None,
        table_features: TableFeatures | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        self.config = _config_of(self.task, options)
        self.table_features = table_features
        _check_columns(table_features, self.config)
        self.num_outputs = num_outputs
        self.image_size = image_size
        self.optimizer = optimizer or Optimizer()
        self._shared = shared
        self._built: _Network | None = None  # the network of the last `build`

    @abstractmethod
    def _loss(self) -> keras.losses.Loss | str:
        """Returns the loss to compile the model with."""

    @abstractmethod
    def _metrics(self) -> list[Any]:
        """Returns the metrics to compile the model with."""

    def build(self) -> keras.Model:
        """Builds and compiles the model."""
        config = self.config
        network, _ = self._built = self._make_network()
        features = network.output
        if config.standardize_features:
            features = standardization()(features)
        inputs = [network.input]
        if self.table_features is not None:
            columns = column_inputs(self.table_features)
            features = fuse(features, encode_columns(self.table_features, columns))
            inputs += columns
        name = re.sub(r"\W+", "_", config.backbone.lower())
        given = inputs if len(inputs) > 1 else network.input
        with _distinct_names(self.table_features):
            model = keras.Model(given, self.head.attach(features), name=name)
        model.compile(
            self.optimizer.build(),
            loss=self._loss(),
            metrics=self._metrics(),
        )
        return model

    def _make_network(self) -> _Network:
        """Builds the backbone from images to features, or gets a shared one."""
        name, weights = self.config.backbone, self.config.weights
        size = self.image_size
        # One of several inputs has the same name as in the data.
        input_name = "images" if self.table_features is None else IMAGE

        def make() -> _Network:
            backbone = build_backbone(name, weights, size)
            images = keras.Input((size, size, 3), name=input_name)
            outputs = backbone.network(backbone.preprocess(images), training=False)
            network = keras.Model(images, features_of(backbone, outputs))
            return _Network(network, backbone.settings)

        if self._shared is None:
            return make()
        key = name, version_of_weights(name, weights), size, input_name
        made: _Network = self._shared.get(key, make)
        return made

    def frozen_part(self, model: keras.Model) -> FrozenPart | None:
        """Returns the backbone, up to the features.

        The standardization of features is frozen as well, but differs between runs. None
        for a user's network, whose code may change: the Trainer then inspects its graph.
        """
        settings = {} if self._built is None else self._built.settings
        return None if settings is None else FrozenPart(self.feature_model(model), settings)

    def feature_model(self, model: keras.Model) -> keras.Model:
        """Returns the part of a built model from images to features."""
        features = model.get_layer("features").output
        if self._built is not None and self._built.model.output is features:
            return self._built.model
        return keras.Model(model.inputs[0], features)

    def prepare(self, model: keras.Model, examples: TrainingExamples) -> str | None:
        """Standardizes the features, if configured."""
        if self.config.standardize_features:
            features = examples(self.feature_model(model))
            assign_measured(model.get_layer("standardize"), features)
        return None

    def settings(self) -> dict[str, Any]:
        """Returns the settings of the module."""
        # Checkpoints of versions without these options do not mention them.
        unused = ALL_LOSS_OPTIONS - self.config.changed_loss_options()
        unused |= self.config.other_head_options()
        if self.config.head == "linear":
            unused |= {"head"}
        return self.config.model_dump(exclude={*BUILDER_SETTINGS, *unused}) | {
            "num_classes": self.num_outputs,  # its name in checkpoints of all tasks
            "image_size": self.image_size,
            **self._settings_of_columns(),
        }

    def _settings_of_columns(self) -> dict[str, Any]:
        columns = self.table_features
        return {} if columns is None else {"table_features": columns.as_json()}

    def describe(self, model: keras.Model) -> str:
        """Describes the model in one line."""
        config = self.config
        parts = [config.backbone, *pooling_of(model)]
        parts += ["Standardize"] * config.standardize_features
        if self.table_features is not None:
            parts.append(f"columns {', '.join(self.table_features.names)}")
        parts += self.head.parts()
        return f"{' + '.join(parts)}: {count_parameters(model)}"


def _config_of(task: Task, options: ModelOptions) -> ModelConfig:
    """Validates the section `model`, with the defaults of the task.

    Raises:
        ConfigError: Some options are invalid, or not supported for this task.
    """
    config = validated(ModelConfig, "model", **model_defaults(task) | {**options})
    problems = [*model_problems(task, config.model_dump())]
    if problems:
        raise ConfigError("\n".join(each.text for each in problems))
    return config


def _check_columns(features: TableFeatures | None, config: ModelConfig) -> None:
    """Checks that table columns are compatible with the settings of a model.

    Raises:
        ConfigError: They do not.
    """
    names = None if features is None else features.names
    problems = [*feature_problems(names, config.model_dump(), mixes=False)]
    if problems:
        raise ConfigError("\n".join(each.text for each in problems))


@contextlib.contextmanager
def _distinct_names(features: TableFeatures | None) -> Iterator[None]:
    """Explains Keras's error for a column with the name of a layer.

    Raises:
        ConfigError: A column has the name of a layer.
    """
    try:
        yield
    except ValueError as error:
        clash = (
            [name for name in features.names if f'"{name}"' in str(error)]
            if features
            else []
        )
        if not clash:
            raise
        raise ConfigError(
            message(
                f"A column of `data.features` can't have the name of a layer: {clash[0]}.",
                "Rename it in the table.",
                **{"data.features": list(features.names) if features else None},
            )
        ) from None
