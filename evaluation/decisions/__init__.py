"""Decisions based on probabilities: thresholds, groups of classes and costs."""
