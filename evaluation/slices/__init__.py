"""Scores for each value of a column."""
