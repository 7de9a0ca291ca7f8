"""Configurations: the typed schema, YAML files, and the shipped recipes.

Does not load TensorFlow, so that invalid settings are reported at once.
"""

from .augmentation import AugmentationConfig, RandAugmentConfig
from .callbacks import CALLBACKS, callback_class
from .choices import Layout
from .data import DataConfig
from .data_rules import is_table
from .evaluation import EvaluationConfig
from .json_schema import json_schema
from .load import (
    changed_by_effort,
    load_config,
    split_arguments,
    to_yaml,
    typed_values,
    varied,
)
from .model import ModelConfig
from .optimizer import OptimizerConfig
from .problems import validated
from .recipes import Recipe, recipes
from .schema import RunConfig
from .search import SearchConfig
from .space import DEFAULT_SPACE, Space
from .trainer import TrainerConfig, max_seconds

__all__ = [
    "CALLBACKS",
    "DEFAULT_SPACE",
    "AugmentationConfig",
    "DataConfig",
    "EvaluationConfig",
    "Layout",
    "ModelConfig",
    "OptimizerConfig",
    "RandAugmentConfig",
    "Recipe",
    "RunConfig",
    "SearchConfig",
    "Space",
    "TrainerConfig",
    "callback_class",
    "changed_by_effort",
    "is_table",
    "json_schema",
    "load_config",
    "max_seconds",
    "recipes",
    "split_arguments",
    "to_yaml",
    "typed_values",
    "validated",
    "varied",
]
