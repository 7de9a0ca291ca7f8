"""Analyzes how the settings of a search influence the score."""
