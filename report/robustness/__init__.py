"""Scores of images that are made worse."""
