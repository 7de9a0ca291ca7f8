"""Finds copies of an image, exact and near."""
