"""Regression: scores, intervals and a scatter plot."""

from .intervals import interval_coverage, residual_quantiles
from .scores import regression_scores

__all__ = ["interval_coverage", "regression_scores", "residual_quantiles"]
