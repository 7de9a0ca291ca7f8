"""Calibration of probabilities, and its correction."""
