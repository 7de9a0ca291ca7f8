"""Builds the index of a run from folders and tables: one row per image, with its split."""
