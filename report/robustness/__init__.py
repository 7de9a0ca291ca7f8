"""Scores of corrupted images."""
