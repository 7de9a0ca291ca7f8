"""Scores of slices: the images with each value of a column."""
