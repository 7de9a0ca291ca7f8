"""Thresholds, groups of classes and costs: what is done with probabilities."""
