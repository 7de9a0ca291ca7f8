"""Prepares models and data for the training loop."""
