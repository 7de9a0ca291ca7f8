"""Features of the frozen part of a model: finds it, keeps its outputs, trains the rest.

Above data and models, below the trainer.
"""

from .cache import FeatureCache
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
    "plan_features",
]
