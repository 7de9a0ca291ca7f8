"""Finds the frozen part of a model, caches its outputs, and trains the rest.

This package is above data and models, and below the trainer.
"""

from .cache import FeatureCache
from .cached_inference import on_features
from .contracts import Cacheable
from .examples import as_fitted_on
from .split import FeatureSplit
from .trainee import FeaturePlan, Head, Trainee, TrainerTools, plan_features

__all__ = [
    "Cacheable",
    "FeatureCache",
    "FeaturePlan",
    "FeatureSplit",
    "Head",
    "Trainee",
    "TrainerTools",
    "as_fitted_on",
    "on_features",
    "plan_features",
]
